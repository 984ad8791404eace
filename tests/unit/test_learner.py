"""The fold: its state depends on the log's prefix and on nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.errors import CorruptState, DeltaGap
from recsys.events import Click, Impression, SlateServed
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.log.memory import MemoryLog
from recsys.offsets import ORIGIN
from recsys.replica import Replica
from recsys.replay import replay
from recsys.store import codec
from recsys.world import World
from tests.unit.streams import START_MS, film, stream

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
LOG = stream(seed=1, events=400)


def folded(log: Iterable[Record]) -> Learner:
    learner = Learner(CONFIG)
    learner.fold(log)
    return learner


WHOLE = folded(LOG).state_sha256()


def world_bytes(world: World) -> bytes:
    meta, arrays = world.state()
    return codec.encode({"meta": repr(meta).encode()}, arrays)


@given(cuts=st.lists(st.integers(0, len(LOG)), max_size=6))
@settings(max_examples=20, deadline=None)
def test_batch_cuts_change_nothing(cuts: list[int]) -> None:
    learner = Learner(CONFIG)
    places = [0, *sorted(cuts), len(LOG)]
    for start, end in zip(places, places[1:], strict=False):
        learner.fold(LOG[start:end])
    assert learner.state_sha256() == WHOLE


@given(cut=st.integers(0, len(LOG)))
@settings(max_examples=20, deadline=None)
def test_resuming_from_a_snapshot_at_any_offset_gives_the_same_hash(cut: int) -> None:
    snapshot = folded(LOG[:cut]).snapshot()
    resumed = Learner.from_snapshot(CONFIG, snapshot)
    assert resumed.snapshot() == snapshot
    resumed.fold(LOG[cut:])
    assert resumed.state_sha256() == WHOLE


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_another_process_under_another_hash_seed_gives_the_same_hash(hash_seed: str) -> None:
    code = "from tests.unit.test_learner import WHOLE; import sys; sys.stdout.write(WHOLE)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == WHOLE


@given(cuts=st.lists(st.integers(1, len(LOG) - 1), min_size=2, max_size=5, unique=True).map(sorted))
@settings(max_examples=20, deadline=None)
def test_replica_has_the_learners_world_at_each_offset(cuts: list[int]) -> None:
    learner = folded(LOG[: cuts[0]])
    replica = Replica(CONFIG)
    replica.load(learner.snapshot())
    learner.delta(0)
    for start, end in zip(cuts, cuts[1:], strict=False):
        learner.fold(LOG[start:end])
        assert replica.apply(learner.delta(0))
        assert world_bytes(replica.world) == world_bytes(learner.world)


@given(cuts=st.lists(st.integers(1, len(LOG) - 1), min_size=3, max_size=3, unique=True).map(sorted))
@settings(max_examples=20, deadline=None)
def test_deltas_of_a_restarted_learner_overlap_without_harm(cuts: list[int]) -> None:
    saved, published, end = cuts
    snapshot = folded(LOG[:saved]).snapshot()
    first = Learner.from_snapshot(CONFIG, snapshot)
    replica = Replica(CONFIG)
    replica.load(snapshot)
    first.fold(LOG[saved:published])
    replica.apply(first.delta(0))
    second = Learner.from_snapshot(CONFIG, snapshot)
    second.fold(LOG[saved:end])
    replica.apply(second.delta(0))
    assert world_bytes(replica.world) == world_bytes(second.world)


def test_delta_that_starts_later_than_the_replica_is_refused_and_changes_nothing() -> None:
    learner = folded(LOG[:50])
    replica = Replica(CONFIG)
    replica.load(learner.snapshot())
    learner.fold(LOG[50:60])
    learner.delta(0)
    learner.fold(LOG[60:70])
    before = world_bytes(replica.world)
    with pytest.raises(DeltaGap, match="expected a delta from"):
        replica.apply(learner.delta(0))
    assert world_bytes(replica.world) == before


def test_old_delta_is_no_news() -> None:
    learner = folded(LOG[:50])
    delta = learner.delta(0)
    replica = Replica(CONFIG)
    replica.load(learner.snapshot())
    assert not replica.apply(delta)


def test_delta_is_no_snapshot() -> None:
    with pytest.raises(CorruptState, match="SnapshotMeta"):
        Learner.from_snapshot(CONFIG, folded(LOG[:50]).delta(0))


def test_replay_until_and_on_from_the_snapshot_equals_one_run() -> None:
    log = MemoryLog(ManualClock(START_MS), max_length=10_000)
    log.append([film(number) for number in range(20)])
    log.append([Click(event_time_ms=START_MS, session="s", item=str(number)) for number in range(20)])
    middle = log.read(ORIGIN, 25)[-1].offset
    whole = replay(log, Learner(CONFIG))
    first = Learner(CONFIG)
    until = replay(log, first, until=middle)
    rest = replay(log, Learner.from_snapshot(CONFIG, first.snapshot()))
    assert until.offset == middle
    assert (until.events + rest.events, rest.offset) == (whole.events, whole.offset)
    assert rest.state_sha256 == whole.state_sha256


def test_undecodable_record_is_counted_and_passed() -> None:
    broken = Record(offset="1800000000000-0", event=None, payload=b"?")
    learner = folded([*LOG, broken])
    assert learner.counters()["undecodable"] == 1
    assert learner.world.offset == broken.offset


class Site:
    """A log that a test writes event by event."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_MS)
        self.log = MemoryLog(self.clock, max_length=10_000)
        self.learner = Learner(CONFIG)
        self.log.append([film(number) for number in range(6)])

    def happens(self, *events: SlateServed | Impression | Click, later_s: int = 0) -> "Site":
        self.clock.advance(later_s * 1_000)
        self.log.append(events)
        return self

    def learned(self) -> dict[str, int]:
        self.learner.fold(self.log.read(self.learner.world.offset, 10_000))
        return self.learner.counters()


def slate(*items: str) -> SlateServed:
    return SlateServed(event_time_ms=START_MS, session="s", slate="a", surface="new", items=items)


def seen(item: str, position: int) -> Impression:
    return Impression(event_time_ms=START_MS, session="s", slate="a", item=item, position=position)


def clicked(item: str, position: int) -> Click:
    return Click(event_time_ms=START_MS, session="s", slate="a", item=item, position=position)


def test_click_teaches_at_once_and_the_open_window_waits() -> None:
    counters = Site().happens(slate("0", "1"), seen("0", 0), seen("1", 1), clicked("1", 1)).learned()
    assert counters["labels_joined"] == 1
    assert counters["labels_pending"] == 1


def test_click_after_attribution_window_is_counted_late_and_teaches_nothing() -> None:
    site = Site().happens(slate("0", "1"), seen("0", 0))
    site.happens(clicked("0", 0), later_s=CONFIG.attribution_window_s + 1)
    counters = site.learned()
    assert counters["labels_late"] == 1
    assert counters["clicks"] == 0
    assert site.learner.world.items["clicks"][0] == 0.0


def test_what_was_seen_and_clicked_counts_in_the_items_statistics() -> None:
    site = Site().happens(slate("0", "1"), seen("0", 0), seen("0", 0), clicked("0", 0), clicked("0", 0))
    site.learned()
    assert site.learner.world.items["impressions"][0] == pytest.approx(1.0)
    assert site.learner.world.items["clicks"][0] == pytest.approx(1.0)


def test_clicks_raise_an_items_score_and_its_genres_against_the_others() -> None:
    site = Site()
    for number in range(30):
        name = f"a{number}"
        site.happens(
            SlateServed(event_time_ms=START_MS, session=name, slate=name, surface="new", items=("0", "1", "2")),
            *(
                Impression(event_time_ms=START_MS, session=name, slate=name, item=str(row), position=row)
                for row in range(3)
            ),
            Click(event_time_ms=START_MS, session=name, slate=name, item="0", position=0),
        )
    site.learned()
    weights = site.learner.world.model.weight_mean()
    world = site.learner.world
    horror, comedy = (float(world.items["taste"][row] @ weights[-world.items["taste"].shape[1] :]) for row in (0, 1))
    assert horror > comedy


def test_session_ends_after_its_gap_of_inactivity() -> None:
    site = Site().happens(clicked_without_slate("0"))
    assert site.learned()["sessions_open"] == 1
    site.happens(clicked_without_slate("1", session="other"), later_s=CONFIG.session_gap_s + 1)
    assert site.learned()["sessions_open"] == 1


def clicked_without_slate(item: str, session: str = "s") -> Click:
    return Click(event_time_ms=START_MS + 10_000_000, session=session, item=item)
