"""What sessions go on with: counted within bounds, true for whoever follows often, and offered."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import features
from recsys.config import EngineConfig
from recsys.events import Click, SlateServed
from recsys.fold import Fold
from recsys.layout import SIGNALS
from recsys.retrieval import transitions
from recsys.retrieval.candidates import retrieve
from recsys.sessions import SessionContext
from recsys.world import ITEM_RING, SUCCESSORS, World
from tests.unit.engine_samples import START_MS, empty_world, film

ITEMS = 2 * SUCCESSORS


def world_with(*after: int) -> World:
    """Return a world in which sessions went on from item 0 with these, in this order."""
    world = empty_world(ITEMS + 1)
    for row in after:
        transitions.count(world, 0, row)
    return world


def shares(world: World, row: int = 0) -> dict[int, float]:
    rows, shares = transitions.successors(world.transitions["item"], world.transitions["count"], row)
    return dict(zip(rows.tolist(), shares.tolist(), strict=True))


def test_an_item_that_nobody_went_on_from_has_no_successors() -> None:
    assert shares(world_with()) == {}


def test_shares_are_of_the_items_own_transitions_with_room_for_doubt() -> None:
    known = shares(world_with(1, 1, 2))
    assert known[1] == pytest.approx(2 / 5, abs=1e-3)
    assert known[2] == pytest.approx(1 / 5, abs=1e-3)
    assert shares(world_with(1, 1, 2), row=1) == {}


def test_the_same_item_again_is_no_transition() -> None:
    world = world_with(0, 0)
    assert shares(world) == {}


@given(after=st.lists(st.integers(1, ITEMS), max_size=300))
def test_no_more_is_counted_than_happened_and_no_more_items_than_there_is_room_for(after: list[int]) -> None:
    world, happened = world_with(*after), Counter(after)
    items, counts = world.transitions["item"][0], world.transitions["count"][0]
    held = items[items >= 0].tolist()
    assert len(held) == len(set(held)) <= SUCCESSORS
    assert all(counts[items == row][0] <= happened[row] for row in held)
    if len(happened) <= SUCCESSORS:
        assert set(held) == set(happened)


def test_who_follows_often_stays_however_many_others_follow_once() -> None:
    often, others = [1, 2, 3], [4 + number % (ITEMS - 3) for number in range(1_500)]
    mixed = [row for number, other in enumerate(others) for row in (other, often[number % 3])]
    known = shares(world_with(*mixed))
    assert set(sorted(known, key=lambda row: -known[row])[:3]) == set(often)


def test_counts_fade_with_the_items_own_transitions() -> None:
    world = world_with(1)
    before = world.transitions["count"][0].copy()
    for _ in range(100):
        transitions.count(world, 1, 2)
    np.testing.assert_array_equal(world.transitions["count"][0], before)
    for _ in range(100):
        transitions.count(world, 0, 2)
    assert world.transitions["count"][0][0] == pytest.approx(transitions.KEPT**100)


def test_the_fold_counts_what_a_session_went_on_with_and_nothing_between_sessions() -> None:
    fold = Fold(EngineConfig())
    for number in range(4):
        fold.take(film(number), START_MS)
    for session, number in (("a", 0), ("b", 3), ("a", 1), ("a", 1), ("b", 0), ("a", 2)):
        click = Click(event_time_ms=START_MS, session=session, item=film(number).item)
        fold.take(click, START_MS)
    world = fold.world
    assert [set(shares(world, row)) for row in range(4)] == [{1}, {2}, set(), {0}]
    assert world.transitions["count"].sum() == 3.0


def test_what_was_clicked_on_a_list_that_was_shown_is_not_counted() -> None:
    fold = Fold(EngineConfig())
    for number in range(4):
        fold.take(film(number), START_MS)
    items = tuple(film(number).item for number in range(4))
    fold.take(SlateServed(event_time_ms=START_MS, session="a", slate="list", surface="for_you", items=items), START_MS)
    for item in items[:3]:
        fold.take(Click(event_time_ms=START_MS, session="a", item=item, slate="list"), START_MS)
    assert fold.counts["listed_clicks"] == 3
    assert not fold.world.transitions["count"].any()


def test_a_successor_that_the_ring_forgot_is_offered_and_described() -> None:
    world = world_with(*[1] * 10, *[2] * ITEM_RING)
    context = SessionContext("s")
    context.click(0, START_MS)
    rows = retrieve(world, context).rows
    assert {1, 2} <= set(rows.tolist())
    table = features.signals(world, context, np.array([1, 2, 3]), START_MS)
    often, oftenest, never = table[:, SIGNALS.index("transitions")].tolist()
    assert oftenest > often > 0.0 == never
