"""A full catalogue lets go of what was left alone for longest, and nothing of it is left under another item's name."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.errors import DeltaGap
from recsys.events import Click, Event, Impression, ItemRemoved, SlateServed
from recsys.eviction import coldest, evict
from recsys.learner import Learner
from recsys.log.memory import MemoryLog
from recsys.models.vectors import FIRST_SQUARE
from recsys.offsets import ORIGIN
from recsys.recommender import Recommender
from recsys.replica import Replica
from recsys.retrieval import neighbours
from recsys.world import World
from tests.unit.streams import START_MS, film, stream, world_bytes

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900, most_items=16)
#: For a log at random over 20 films, of which some come again.
SMALL = EngineConfig(attribution_window_s=120, session_gap_s=900, most_items=12)
MINUTE_MS = 60_000
LOG = stream(seed=3, events=400)


def folded(*batches: list[Event]) -> Learner:
    """Return a learner that folded the batches, a minute apart."""
    clock = ManualClock(START_MS)
    log = MemoryLog(clock, max_length=10_000)
    for batch in batches:
        clock.advance(MINUTE_MS)
        log.append(batch)
    learner = Learner(CONFIG)
    learner.fold(log.read(ORIGIN, 10_000))
    return learner


def films(*numbers: int) -> list[Event]:
    return [film(number, START_MS) for number in numbers]


def click(session: str, number: int, minutes: int, slate: str = "") -> Click:
    return Click(event_time_ms=START_MS + minutes * MINUTE_MS, session=session, item=str(number), slate=slate)


def names(world: World) -> list[str]:
    return [event.item for event in world.catalogue]


def test_removed_items_go_first_then_those_left_alone_for_longest_then_older_ones() -> None:
    removed = ItemRemoved(event_time_ms=START_MS, item="9")
    world = folded(films(*range(10)), [removed, click("a", 0, 1), click("a", 9, 1)], [click("b", 1, 2)]).world
    assert coldest(world, 3).tolist() == [2, 3, 9]
    assert 0 in coldest(world, 9) and 1 not in coldest(world, 9)


def test_full_catalogue_lets_the_coldest_eighth_go_and_the_others_keep_their_order() -> None:
    learner = folded(films(*range(16)), [click("a", 0, 1)], films(3, 16))
    assert names(learner.world) == ["0", *(str(number) for number in range(3, 17))]
    assert learner.world.rows == {name: row for row, name in enumerate(names(learner.world))}
    assert learner.counters()["items_evicted"] == 2


def test_item_that_is_there_already_changes_in_place_and_nobody_goes() -> None:
    learner = folded(films(*range(16)), films(*range(16)))
    assert (len(learner.world.catalogue), learner.counters()["items_evicted"]) == (16, 0)


def test_everything_that_is_known_of_an_item_moves_with_it() -> None:
    learner = folded(films(*range(10)), [click("a", 7, 1), click("a", 8, 1)], [click("b", 7, 2), click("b", 9, 2)])
    world = learner.world
    before = {name: _known(world, name) for name in "789"}
    visit = learner._fold.sessions.get("b")
    assert visit is not None
    votes_before = _votes(world, "7")
    places = evict(world)
    visit.context.renumber(places)
    assert names(world)[0] == "1"
    assert before == {name: _known(world, name) for name in "789"}
    assert [_went_on(world, name) for name in "789"] == [["8", "9"], [], []]
    assert [names(world)[row] for row in world.heard["item"]] == ["7", "8", "9"]
    assert [names(world)[row] for row in visit.context.clicked] == ["7", "9"]
    assert [names(world)[row] for row in visit.context.trail] == ["7", "9"]
    assert _votes(world, "7") == votes_before


def _known(world: World, item: str) -> dict[str, bytes]:
    """Return all that is known of an item and names no other."""
    return {
        column: part[world.rows[item]].tobytes()
        for table in world.of_items()
        for column, part in table.whole().items()
        if (table, column) != (world.transitions, "item")
    }


def _went_on(world: World, item: str) -> list[str]:
    counted = world.transitions["item"][world.rows[item]]
    return [names(world)[row] for row in counted if row >= 0]


def _votes(world: World, item: str) -> list[str]:
    return [world.catalogue[row].item for row in neighbours.similar_items(world, world.rows[item], 5)]


def test_items_that_enter_after_an_eviction_have_vectors_of_their_own() -> None:
    world = folded(films(*range(16)), films(*range(16, 20))).world
    vectors = world.vectors["vector"]
    assert len(world.catalogue) == len(np.unique(vectors, axis=0)) > 16 - 2


def test_item_that_takes_the_place_of_another_inherits_nothing() -> None:
    clicks: list[Event] = [event for visit in "abcd" for event in (click(visit, 0, 1), click(visit, 1, 1))]
    world = folded(films(*range(16)), clicks, [click("e", number, 2) for number in range(2, 16)], films(16)).world
    assert "0" not in world.rows and "1" not in world.rows
    new = world.rows["16"]
    assert new == len(world.catalogue) - 1
    assert (world.items["recent_clicks"][new], world.rings["postings"][new], world.rings["ring"][new].max()) == (
        0,
        0,
        -1,
    )
    assert world.vectors["squares"][new] == np.float32(FIRST_SQUARE)
    assert world.transitions["count"][new].max() == 0.0
    for rows in (
        world.popular,
        world.first_choices,
        world.heard["item"],
        world.sessions["clicked"],
        world.transitions["item"],
    ):
        assert rows.max(initial=-1) < new, "nothing names the row of an item that was never clicked"
    assert _votes(world, "2"), "those who clicked several that stay still say so"


def test_item_that_comes_back_begins_anew() -> None:
    later = [film(number, START_MS + 2 * MINUTE_MS) for number in (*range(16, 32), 0)]
    world = folded(films(*range(16)), [click("a", 0, 1)], later).world
    assert names(world)[-1] == "0"
    assert world.items["recent_clicks"][-1] == 0.0
    assert world.items["first_seen_ms"][-1] == START_MS + 2 * MINUTE_MS


def slate(*numbers: int, minutes: int) -> SlateServed:
    shown = tuple(str(number) for number in numbers)
    at_ms = START_MS + minutes * MINUTE_MS
    return SlateServed(event_time_ms=at_ms, session="a", slate="one", surface="new", items=shown)


def seen(number: int, minutes: int) -> Impression:
    at_ms = START_MS + minutes * MINUTE_MS
    return Impression(event_time_ms=at_ms, session="a", slate="one", item=str(number), position=number)


def test_open_slate_goes_on_without_the_items_that_left() -> None:
    shown = [slate(0, 1, 2, 3, minutes=2), *(seen(number, 2) for number in range(4))]
    # Only the films from 2 on are seen again, so films 0 and 1 are the coldest when 16 and 17 enter.
    again = [click("b", number, 3) for number in range(2, 16)]
    learner = folded(films(*range(16)), shown, [*again, film(16), click("a", 0, 3, "one"), click("a", 3, 3, "one")])
    counters = learner.counters()
    assert counters["unknown_item"] == 1, "the click on what left"
    assert counters["labels_joined"] == 14 + 1, "the click on what stays, and the bare ones"
    context = learner._fold.sessions.get("a").context
    assert [names(learner.world)[row] for row in context.passed] == ["2"], "the two that left were not passed over"


@given(cut=st.integers(0, len(LOG)))
@settings(max_examples=20, deadline=None)
def test_state_with_evictions_resumes_at_any_offset_with_the_same_hash(cut: int) -> None:
    learner = Learner(SMALL)
    learner.fold(LOG[:cut])
    resumed = Learner.from_snapshot(SMALL, learner.snapshot())
    resumed.fold(LOG[cut:])
    assert resumed.state_sha256() == WHOLE.state_sha256()


@given(cuts=st.lists(st.integers(0, len(LOG)), max_size=6))
@settings(max_examples=10, deadline=None)
def test_batch_cuts_and_deltas_on_the_way_change_nothing(cuts: list[int]) -> None:
    learner = Learner(SMALL)
    for start, end in pairwise([0, *sorted(cuts), len(LOG)]):
        learner.fold(LOG[start:end])
        learner.delta()
    assert learner.state_sha256() == WHOLE.state_sha256()


def test_what_is_open_on_disk_is_renumbered_like_what_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("labels.PENDING_IN_MEMORY", "labels.CLOSED_IN_MEMORY", "open_sessions.IN_MEMORY"):
        monkeypatch.setattr(f"recsys.{limit}", 1)
    learner = Learner(SMALL)
    learner.fold(LOG)
    assert learner.state_sha256() == WHOLE.state_sha256()


def whole() -> Learner:
    learner = Learner(SMALL)
    learner.fold(LOG)
    return learner


WHOLE = whole()


def test_the_log_evicts_often_and_never_holds_more_than_it_may() -> None:
    learner = Learner(SMALL)
    for record in LOG:
        learner.fold([record])
        assert len(learner.world.catalogue) <= SMALL.most_items
    assert learner.world.evictions >= 12


def test_replica_waits_for_a_snapshot_when_rows_were_renumbered() -> None:
    learner, replica = folded(films(*range(16))), Replica(CONFIG)
    replica.load(learner.snapshot())
    learner.delta()
    before = world_bytes(replica.world)
    evict(learner.world)
    learner.world.offset = f"{START_MS + 10 * MINUTE_MS}-0"
    delta, snapshot = learner.delta(), learner.snapshot()
    with pytest.raises(DeltaGap, match="1 times renumbered: a snapshot has all of them"):
        replica.apply(delta)
    assert world_bytes(replica.world) == before, "a refused delta changes nothing"
    replica.load(snapshot)
    assert world_bytes(replica.world) == world_bytes(learner.world)


def test_slates_are_served_from_what_is_left() -> None:
    clock, world = ManualClock(START_MS + 60 * MINUTE_MS), WHOLE.world
    recommender = Recommender(SMALL, lambda: world, clock)
    session = recommender.rebuild("new", [click("new", int(names(world)[2]), 60)])
    assert sorted(recommender.for_you(session).rows) == [
        row for row in np.flatnonzero(world.items["available"]) if row != 2
    ]
