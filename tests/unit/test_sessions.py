"""What a session keeps, what counts as passed over, and what its belief makes of it."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.events import SlateServed
from recsys.layout import CONTEXT_START, SIGNAL_COUNT, SIGNALS, TASTE_START, WIDTH
from recsys.models.base import NONE_OF_THESE
from recsys.sessions import (
    Choice,
    ContextState,
    Session,
    SessionBelief,
    SessionContext,
    ShownSlate,
    SlateState,
)
from recsys.sessions.belief import prior_variance
from recsys.sessions.session import SHOWN_SLATES
from recsys.sessions.shown import UNKNOWN_ROW
from recsys.world import SESSION_CLICKS
from tests.unit.engine_samples import empty_world, trained_world

ROWS = (10, 11, 12, 13)


def slate(*rows: int, slate_id: str = "a") -> ShownSlate:
    shown = rows or ROWS
    return ShownSlate(slate_id, "for_you", shown, np.ones((len(shown), SIGNAL_COUNT), dtype=np.float32), 1_000)


def seen(*positions: int) -> ShownSlate:
    shown = slate()
    for position in positions:
        shown.saw(position)
    return shown


# -- context ---------------------------------------------------------------------------------------------------


def test_clicks_are_distinct_newest_last_and_bounded() -> None:
    context = SessionContext("s")
    for row in [*range(SESSION_CLICKS + 5), 7]:
        context.click(row, row)
    assert context.clicked == [5, 6, *range(8, SESSION_CLICKS + 5), 7]
    assert context.opened[7] == 2
    assert len(context.opened) == SESSION_CLICKS + 5


def test_late_events_do_not_turn_the_session_back() -> None:
    context = SessionContext("s")
    context.touch(5_000)
    context.click(1, 3_000)
    assert context.last_ms == 5_000


def test_undo_takes_every_dismissal_of_the_item_back() -> None:
    context = SessionContext("s")
    for row in (1, 1, 2):
        context.dismiss(row)
    context.undo(1)
    context.undo(99)
    assert context.dismissed == {2: 1}


@given(st.lists(st.tuples(st.sampled_from(["click", "dismiss", "undo", "pass"]), st.integers(0, 40)), max_size=60))
def test_a_context_survives_its_state(actions: list[tuple[str, int]]) -> None:
    context = SessionContext("s")
    for at_ms, (action, row) in enumerate(actions):
        match action:
            case "click":
                context.click(row, at_ms)
            case "dismiss":
                context.dismiss(row)
            case "undo":
                context.undo(row)
            case _:
                context.pass_over([row])
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(context.to_state()), type=ContextState)
    restored = SessionContext.from_state(stored)
    assert restored == context
    assert list(restored.opened) == list(context.opened)


# -- shown slates ----------------------------------------------------------------------------------------------


def test_a_click_is_a_choice_among_what_had_been_seen() -> None:
    assert seen(0, 2).click(2) == Choice((0, 2), 1)


def test_a_click_proves_that_the_item_was_seen() -> None:
    assert seen(3).click(1) == Choice((1, 3), 0)


def test_a_second_click_on_the_same_item_is_a_duplicate() -> None:
    shown = seen(0, 1)
    shown.click(1)
    assert shown.click(1) is None


def test_several_clicks_are_successive_choices_without_replacement() -> None:
    shown = seen(0, 1, 2)
    assert shown.click(1) == Choice((0, 1, 2), 1)
    assert shown.click(0) == Choice((0, 2), 0)
    assert shown.clicked


def test_leaving_without_a_click_is_none_of_these_once() -> None:
    shown = seen(0, 3)
    assert shown.leave() == Choice((0, 3), NONE_OF_THESE)
    assert shown.closed
    assert shown.leave() is None


def test_leaving_after_a_click_teaches_nothing_more() -> None:
    shown = seen(0, 1)
    shown.click(0)
    assert shown.leave() is None


def test_a_slate_that_nobody_saw_is_not_left() -> None:
    shown = slate()
    assert shown.leave() is None
    shown.saw(0)
    assert shown.leave() == Choice((0,), NONE_OF_THESE)


def test_a_slate_outdone_by_a_click_elsewhere_teaches_nothing_when_left() -> None:
    shown = seen(0, 1)
    assert shown.outdone() == (0, 1)
    assert shown.leave() is None


def test_a_click_after_leaving_stands_alone() -> None:
    shown = seen(0, 1)
    shown.leave()
    assert shown.click(1) == Choice((1,), 0)


def test_a_dismissed_item_is_no_alternative_until_it_is_restored() -> None:
    shown = seen(0, 1, 2)
    assert shown.dismiss(1) == Choice((1,), NONE_OF_THESE)
    assert shown.dismiss(1) is None
    assert shown.click(0) == Choice((0, 2), 0)
    shown.restore(1)
    assert shown.click(2) == Choice((1, 2), 1)


def test_unknown_items_are_neither_seen_nor_chosen() -> None:
    shown = slate(10, UNKNOWN_ROW, 12)
    for position in range(3):
        shown.saw(position)
    assert shown.click(1) is None
    assert shown.dismiss(1) is None
    assert shown.click(2) == Choice((0, 2), 1)


def test_an_item_is_passed_over_once_per_slate() -> None:
    shown = seen(0, 1, 2)
    first, second = shown.click(1), shown.click(2)
    assert first and shown.newly_passed(first) == [10, 12]
    assert second and shown.newly_passed(second) == []


def test_an_item_is_found_where_the_hint_says_or_where_it_stands() -> None:
    shown = slate()
    assert shown.position_of(12, 2) == 2
    assert shown.position_of(12, 99) == 2
    assert shown.position_of(77, 0) is None


@pytest.mark.parametrize("signals", [b"", b"\0" * 7, np.full((2, SIGNAL_COUNT), np.nan, "<f4").tobytes()])
def test_a_slate_without_usable_signals_is_not_described(signals: bytes) -> None:
    event = SlateServed(event_time_ms=1, session="s", slate="a", surface="search", items=("x", "y"), signals=signals)
    assert ShownSlate.from_event(event, [0, 1]) is None


@given(st.lists(st.tuples(st.sampled_from(["saw", "click", "dismiss", "leave"]), st.integers(0, 3)), max_size=20))
def test_a_shown_slate_survives_its_state(actions: list[tuple[str, int]]) -> None:
    shown = slate()
    for action, position in actions:
        if action == "leave":
            shown.leave()
        else:
            getattr(shown, action)(position)
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(shown.to_state()), type=SlateState)
    restored = ShownSlate.from_state(stored)
    assert restored.to_state() == shown.to_state()
    assert [restored.click(position) for position in range(4)] == [shown.click(position) for position in range(4)]


@given(st.lists(st.tuples(st.sampled_from(["saw", "click", "dismiss", "leave"]), st.integers(0, 3)), max_size=20))
def test_nothing_clicked_or_dismissed_is_an_alternative_again(actions: list[tuple[str, int]]) -> None:
    shown, gone = slate(), set()
    for action, position in actions:
        choice = shown.leave() if action == "leave" else getattr(shown, action)(position)
        if isinstance(choice, Choice):
            assert not gone & set(choice.positions) - {position}
        if action in ("click", "dismiss"):
            gone.add(position)


def test_a_session_remembers_its_newest_slates() -> None:
    session = Session(SessionContext("s"), SessionBelief(np.ones(WIDTH)))
    for number in range(SHOWN_SLATES + 3):
        session.show(slate(slate_id=str(number)))
    assert list(session.shown) == [str(number) for number in range(3, SHOWN_SLATES + 3)]


# -- belief ----------------------------------------------------------------------------------------------------


def genre_design(*genres: int) -> np.ndarray:
    """Return design rows that differ in their taste column and their position."""
    design = np.zeros((len(genres), WIDTH), dtype=np.float32)
    design[np.arange(len(genres)), TASTE_START + np.array(genres)] = 1.0
    design[:, CONTEXT_START] = np.log1p(np.arange(len(genres)))
    return design


@pytest.fixture
def belief() -> SessionBelief:
    return SessionBelief(prior_variance(empty_world()))


def test_a_click_raises_the_taste_chosen_and_lowers_those_passed_over(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1, 2), 0, np.zeros(3))
    tastes = belief.delta_mean()[TASTE_START:]
    assert tastes[0] > 0 > tastes[1]
    assert tastes[1] == tastes[2]
    assert tastes[3] == 0


def test_none_of_these_lowers_all_that_was_seen(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1), NONE_OF_THESE, np.zeros(2))
    assert (belief.delta_mean()[TASTE_START : TASTE_START + 2] < 0).all()


def test_evidence_makes_the_belief_surer(belief: SessionBelief) -> None:
    before = belief.delta_variance().copy()
    belief.learn_choice(genre_design(0, 1), 0, np.zeros(2))
    assert (belief.delta_variance() <= before).all()
    assert belief.delta_variance()[TASTE_START] < before[TASTE_START]


def test_how_an_item_was_shown_says_nothing_about_the_visitor(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1, 2), 2, np.zeros(3))
    assert not belief.delta_mean()[CONTEXT_START:TASTE_START].any()
    assert not belief.delta_variance()[CONTEXT_START:TASTE_START].any()


def test_what_a_session_learns_does_not_depend_on_how_often_such_lists_are_clicked(belief: SessionBelief) -> None:
    other = SessionBelief(prior_variance(empty_world()))
    belief.learn_choice(genre_design(0, 1), 0, np.array([0.5, 0.0]))
    other.learn_choice(genre_design(0, 1), 0, np.array([-5.5, -6.0]))
    np.testing.assert_allclose(belief.delta_mean(), other.delta_mean(), atol=1e-12)


def test_evidence_taken_back_leaves_the_belief_as_it_was(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1), 0, np.zeros(2))
    mean, variance = belief.delta_mean().copy(), belief.delta_variance().copy()
    evidence = belief.learn_choice(genre_design(1, 2), NONE_OF_THESE, np.zeros(2))
    belief.forget(evidence)
    np.testing.assert_allclose(belief.delta_mean(), mean, atol=1e-12)
    np.testing.assert_allclose(belief.delta_variance(), variance, atol=1e-12)


@given(keep=st.floats(0.0, 1.0))
def test_discounted_evidence_lies_between_the_prior_and_itself(keep: float) -> None:
    belief = SessionBelief(prior_variance(empty_world()))
    prior = belief.delta_variance().copy()
    belief.learn_choice(genre_design(0, 1), 0, np.zeros(2))
    mean, variance = belief.delta_mean().copy(), belief.delta_variance().copy()
    belief.discount(keep)
    assert (np.abs(belief.delta_mean()) <= np.abs(mean) + 1e-12).all()
    assert (belief.delta_variance() >= variance - 1e-12).all()
    assert (belief.delta_variance() <= prior + 1e-12).all()


def test_sessions_of_a_young_world_start_more_open_than_those_of_an_old_one() -> None:
    young, old = prior_variance(empty_world()), prior_variance(trained_world())
    assert young[SIGNALS.index("click_rate")] > old[SIGNALS.index("click_rate")]
