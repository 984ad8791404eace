"""Clicks without a list: a choice among what would have been offered, the same for the session and for the world."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import features
from recsys.clock import ManualClock
from recsys.events import Click, Dismissal, DismissalUndone, ItemEvent
from recsys.examples import HISTORY, recalled
from recsys.fold import Fold
from recsys.learning import SPREAD_SESSIONS
from recsys.models.base import NONE_OF_THESE
from recsys.open_sessions import OpenSession
from recsys.recommender import Recommender
from recsys.retrieval.candidates import retrieve
from recsys.sessions import Session, SessionContext
from tests.unit.engine_samples import CONFIG, START_MS, empty_world, film, trained_world
from tests.unit.streams import world_bytes


def asking(*clicked: int) -> SessionContext:
    context = SessionContext("s")
    for row in clicked:
        context.click(row, START_MS)
    return context


def test_a_click_is_a_choice_among_what_is_retrieved_and_can_be_served() -> None:
    world, context = trained_world(), asking(4, 12)
    found = retrieve(world, context)
    row = int(found.rows[7])
    example = recalled(world, context, row, world.now_ms)
    np.testing.assert_array_equal(example.rows, found.rows)
    assert example.rows[example.chosen] == row
    np.testing.assert_array_equal(example.signals, features.signals(world, context, found.rows, world.now_ms, found))
    assert (example.session, example.surface, example.passed, example.unseen) == ("s", HISTORY, [], False)
    assert example.positions.tolist() == [0] * len(found.rows), "nobody knows where they stood"


def test_a_click_on_what_would_not_have_been_offered_is_no_choice() -> None:
    world = empty_world(2 * CONFIG.candidates)
    example = recalled(world, asking(), 0, world.now_ms)
    assert (len(example.rows), len(example.signals), example.chosen) == (0, 0, NONE_OF_THESE)


def test_recalling_changes_no_byte_of_world_or_session() -> None:
    world, context = trained_world(), asking(4, 12)
    before = world_bytes(world), context.to_state()
    recalled(world, context, 20, world.now_ms)
    assert (world_bytes(world), context.to_state()) == before


Walk = list[tuple[str, type[ItemEvent], int]]

#: Sessions from whose clicks the fold learns how sessions differ, so that it keeps a belief of each.
NAMES = [name for name in map(str, range(20)) if SessionContext(name).key % SPREAD_SESSIONS == 0][:3]


def walks(*kinds: type[ItemEvent]) -> st.SearchStrategy[Walk]:
    step = st.tuples(st.sampled_from(NAMES), st.sampled_from(kinds), st.integers(0, 29))
    return st.lists(step, min_size=1, max_size=12)


def lived(walk: Walk) -> list[tuple[Session, OpenSession]]:
    """Return each session as it was served and as it was folded.

    Each event is seen by its session first, on the world as it was, and folded then: as on a live site.
    """
    fold, served, clock = Fold(CONFIG), {}, ManualClock(START_MS)
    for number in range(30):
        fold.take(film(number), START_MS + number)
    recommender = Recommender(CONFIG, lambda: fold.world, clock)
    for number, (name, kind, row) in enumerate(walk):
        at_ms = START_MS + 1_000 + number
        clock.set(at_ms)
        session = served.setdefault(name, recommender.new_session(name))
        event = kind(event_time_ms=at_ms, session=name, item=f"film-{row}")
        recommender.observe(session, event)
        fold.take(event, at_ms)
    folded = {name: fold.sessions.get(name) for name in served}
    assert None not in folded.values()
    return [(served[name], session) for name, session in folded.items() if session is not None]


@given(walk=walks(Click))
@settings(max_examples=30)
def test_a_session_that_is_served_learns_from_clicks_what_the_fold_learns_to_the_bit(walk: Walk) -> None:
    for served, folded in lived(walk):
        assert folded.belief is not None
        assert folded.belief.to_state() == served.belief.to_state()


@given(walk=walks(Click, Dismissal, DismissalUndone))
@settings(max_examples=30)
def test_a_session_that_is_served_remembers_what_the_fold_remembers(walk: Walk) -> None:
    for served, folded in lived(walk):
        assert folded.context.to_state() == served.context.to_state()
