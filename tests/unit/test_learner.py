"""The learner's state depends on the log's prefix and on nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import copying
from recsys.config import EngineConfig
from recsys.errors import CorruptState
from recsys.evaluation.prequential import Prequential
from recsys.events import Click
from recsys.learner import Learner, Mark, SnapshotMeta
from recsys.log.base import Record
from recsys.models.vectors import FIRST_SQUARE
from recsys.open_sessions import OpenSessionState
from recsys.replica import META, DeltaMeta, read_state
from recsys.store import codec
from tests.unit.streams import stream

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
LOG = stream(seed=1, events=400)


def folded(log: Iterable[Record]) -> Learner:
    learner = Learner(CONFIG)
    learner.fold(log)
    return learner


WHOLE = folded(LOG).state_sha256()


def test_the_log_moves_every_part_of_the_state_so_that_hashes_speak_of_all_of_it() -> None:
    learner, untaught = folded(LOG), Learner(CONFIG).world
    world = learner.world
    for part in ("model", "network", "spread"):
        before, after = getattr(untaught, part).state(), getattr(world, part).state()
        assert all(not np.array_equal(after[name], before[name]) for name in before), part
    fold = snapshot_meta(learner).fold
    assert world.entries.state()["information"].any() and len(world.first_choices) > 1
    assert len(world.heard) > 1 and len(world.popular) > 1 and world.draws > 1 and world.serial > 1
    assert (world.vectors["squares"] > np.float32(FIRST_SQUARE)).any()
    assert msgspec.msgpack.decode(fold.sessions)
    assert msgspec.msgpack.decode(fold.labels.closed)
    before = [snapshot_meta(folded(LOG[:end])).fold for end in range(30, 400, 20)]
    assert any(msgspec.msgpack.decode(earlier.labels.pending) for earlier in before)
    sessions = [msgspec.msgpack.decode(earlier.sessions, type=dict[str, OpenSessionState]) for earlier in before]
    bare = [session for open_then in sessions for name, session in open_then.items() if name.startswith("h")]
    assert any(session.belief for session in bare), "bare clicks"


def test_state_is_the_same_when_nearly_all_that_is_open_waits_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("labels.PENDING_IN_MEMORY", "labels.CLOSED_IN_MEMORY", "open_sessions.IN_MEMORY"):
        monkeypatch.setattr(f"recsys.{limit}", 1)
    assert folded(LOG).state_sha256() == WHOLE
    resumed = Learner.from_snapshot(CONFIG, folded(LOG[:200]).snapshot())
    resumed.fold(LOG[200:])
    assert resumed.state_sha256() == WHOLE


def snapshot_meta(learner: Learner) -> SnapshotMeta:
    return msgspec.msgpack.decode(codec.decode(learner.snapshot()).blobs[META], type=SnapshotMeta)


@given(cut=st.integers(0, len(LOG)))
@settings(max_examples=10, deadline=None)
def test_what_is_open_and_what_was_learned_come_back_to_the_bit_at_any_offset(cut: int) -> None:
    learner = folded(LOG[:cut])
    resumed = Learner.from_snapshot(CONFIG, learner.snapshot())
    assert snapshot_meta(resumed) == snapshot_meta(learner)
    (meta, arrays), (again, copied) = copying.state(learner.world), copying.state(resumed.world)
    assert again == meta
    assert {name: array.tobytes() for name, array in copied.items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert {"popular", "network/inner", "spread/variance", "vectors/vector", "heard/item"} <= arrays.keys()
    for name in ("weight_mean", "weight_variance"):
        mine, theirs = getattr(learner.world.model, name)(), getattr(resumed.world.model, name)()
        assert mine.tobytes() == theirs.tobytes(), "also what is derived from the state"


@given(cuts=st.lists(st.integers(0, len(LOG)), max_size=6))
@settings(max_examples=20, deadline=None)
def test_batch_cuts_change_nothing(cuts: list[int]) -> None:
    learner = Learner(CONFIG)
    for start, end in pairwise([0, *sorted(cuts), len(LOG)]):
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


@given(cuts=st.lists(st.integers(0, len(LOG)), max_size=4))
@settings(max_examples=10, deadline=None)
def test_publishing_and_saving_on_the_way_change_nothing(cuts: list[int]) -> None:
    learner = Learner(CONFIG)
    for start, end in pairwise([0, *sorted(cuts), len(LOG)]):
        learner.fold(LOG[start:end])
        learner.delta()
        learner.snapshot()
    assert learner.state_sha256() == WHOLE


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
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


def test_every_record_counts_in_the_state() -> None:
    assert folded(LOG[:-1]).state_sha256() != WHOLE


def test_record_that_was_folded_before_is_refused() -> None:
    learner = folded(LOG[:10])
    before = learner.state_sha256()
    with pytest.raises(ValueError, match="expected a record after"):
        learner.fold([LOG[9]])
    assert learner.state_sha256() == before


def test_undecodable_record_is_counted_and_passed() -> None:
    broken = Record(offset="1800000000000-0", event=None, payload=b"?")
    learner = folded([*LOG, broken])
    assert learner.counters()["undecodable"] == 1
    assert learner.world.offset == broken.offset


def test_delta_names_its_offsets() -> None:
    learner = folded(LOG[:100])
    learner.delta()
    learner.fold(LOG[100:200])
    meta, _ = read_state(learner.delta(), DeltaMeta, CONFIG)
    assert (meta.from_offset, meta.to_offset) == (LOG[99].offset, LOG[199].offset)


def test_delta_is_no_snapshot() -> None:
    with pytest.raises(CorruptState, match="SnapshotMeta"):
        Learner.from_snapshot(CONFIG, folded(LOG[:50]).delta())


def test_snapshot_of_another_configuration_is_refused() -> None:
    with pytest.raises(CorruptState, match="configuration"):
        Learner.from_snapshot(EngineConfig(), folded(LOG[:50]).snapshot())


def hours_of(cuts: Iterable[int]) -> list[Mark]:
    learner, start, marks = Learner(CONFIG), 0, []
    for end in [*sorted(cuts), len(LOG)]:
        learner.fold(LOG[start:end])
        marks += learner.take_marks()
        start = end
    return [*marks, learner.mark()]


@given(cuts=st.sets(st.integers(0, len(LOG)), max_size=4))
@settings(max_examples=8, deadline=None)
def test_books_at_the_end_of_each_hour_are_the_same_however_the_log_is_cut(cuts: set[int]) -> None:
    marks = hours_of(cuts)
    assert marks == hours_of(())
    assert len(marks) == len({mark.hour_ms for mark in marks}) > 3
    assert [mark.counters["records"] for mark in marks] == sorted(mark.counters["records"] for mark in marks)


def test_what_the_hours_added_is_what_there_is() -> None:
    marks = hours_of(())
    total = Prequential()
    for earlier, later in pairwise([b"", *(mark.scores for mark in marks)]):
        total.merge(Prequential.between(earlier, later))
    assert total.metrics() == pytest.approx(folded(LOG).metrics())


def test_recovered_learner_tells_of_the_hours_after_its_snapshot_only() -> None:
    learner = Learner.from_snapshot(CONFIG, folded(LOG[:200]).snapshot())
    learner.fold(LOG[200:])
    assert [*learner.take_marks(), learner.mark()] == [mark for mark in hours_of(()) if mark.offset >= LOG[200].offset]


def test_delta_tells_when_the_clicks_in_it_were_received() -> None:
    learner = Learner(CONFIG)
    for start, end in ((0, 150), (150, len(LOG))):
        learner.fold(LOG[start:end])
        meta, _ = read_state(learner.delta(), DeltaMeta, CONFIG)
        assert meta.clicked_ms == tuple(
            record.received_ms for record in LOG[start:end] if isinstance(record.event, Click)
        )
