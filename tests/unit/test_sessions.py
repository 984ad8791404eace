"""What a session keeps, and what counts as passed over."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.events import SlateServed
from recsys.layout import SIGNAL_COUNT, WIDTH
from recsys.models.base import NONE_OF_THESE
from recsys.packing import pack
from recsys.sessions import (
    Choice,
    ContextState,
    Evidence,
    Session,
    SessionBelief,
    SessionContext,
    ShownSlate,
)
from recsys.sessions.context import COUNTED_ITEMS, TRAIL
from recsys.sessions.session import SHOWN_SLATES
from recsys.sessions.shown import UNKNOWN_ROW
from recsys.world import SESSION_CLICKS

ROWS = (10, 11, 12, 13)


def slate(*rows: int, slate_id: str = "a") -> ShownSlate:
    shown = rows or ROWS
    return ShownSlate.of(slate_id, "for_you", shown, pack(np.ones((len(shown), SIGNAL_COUNT), dtype=np.float32)), 1_000)


def seen(*positions: int) -> ShownSlate:
    shown = slate()
    for position in positions:
        shown.saw(position)
    return shown


# -- context ---------------------------------------------------------------------------------------------------


def test_clicks_are_distinct_newest_last_and_bounded() -> None:
    context = SessionContext("s")
    for row in [*range(SESSION_CLICKS + 5), 7]:
        context.newest_first()
        context.click(row, row)
    assert context.clicked == [5, 6, *range(8, SESSION_CLICKS + 5), 7]
    newest_first, times = context.newest_first().tolist()
    assert newest_first == context.clicked[::-1]
    assert times == [context.opened[row] for row in newest_first]
    assert context.opened[7] == 2
    assert len(context.opened) == SESSION_CLICKS + 5


def test_the_trail_has_every_click_in_order_and_is_bounded() -> None:
    context = SessionContext("s")
    clicks = [row % 7 for row in range(TRAIL + 5)]
    for row in clicks:
        context.path()
        context.click(row, row)
    assert context.trail == clicks[5:] == context.path().tolist()
    assert SessionContext.from_state(context.to_state()).path().tolist() == clicks[5:]


def test_the_path_is_empty_where_there_is_nothing_to_retrace() -> None:
    context = SessionContext("s")
    assert context.path().tolist() == []
    for row, path in ((4, []), (7, []), (4, [4, 7, 4]), (9, [])):
        context.click(row, row)
        assert context.path().tolist() == path


def test_a_session_counts_so_many_items_however_long_it_lasts() -> None:
    context, session = SessionContext("s"), Session(SessionContext("s"), SessionBelief(np.ones(WIDTH)))
    evidence = Evidence(np.ones(1), np.ones(1))
    for row in range(COUNTED_ITEMS + 3):
        context.click(row, row)
        context.dismiss(row)
        context.pass_over([row])
        session.remember_refusal(row, evidence)
    latest = list(range(3, COUNTED_ITEMS + 3))
    for counts in (context.opened, context.dismissed, context.passed, session.dismissals):
        assert list(counts) == latest
    assert SessionContext.from_state(context.to_state()).opened == context.opened


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


ACTIONS = st.sampled_from(["click", "dismiss", "undo", "pass", "like"])


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 40)), max_size=60))
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
            case "like":
                context.taste.note(row, True, 0.5)
            case _:
                context.pass_over([row])
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(context.to_state()), type=ContextState)
    restored = SessionContext.from_state(stored)
    assert restored.to_state() == context.to_state()
    assert restored.key == context.key


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


@pytest.mark.parametrize("signals", [b"", b"\0" * 7, pack(np.full((2, SIGNAL_COUNT), np.nan, "<f4"))])
def test_a_slate_without_usable_signals_is_not_described(signals: bytes) -> None:
    event = SlateServed(event_time_ms=1, session="s", slate="a", surface="search", items=("x", "y"), signals=signals)
    assert ShownSlate.from_event(event, [0, 1]) is None


@given(st.lists(st.tuples(st.sampled_from(["saw", "click", "dismiss", "leave"]), st.integers(0, 3)), max_size=20))
def test_a_shown_slate_survives_a_snapshot(actions: list[tuple[str, int]]) -> None:
    shown = slate()
    for action, position in actions:
        if action == "leave":
            shown.leave()
        else:
            getattr(shown, action)(position)
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(shown), type=ShownSlate)
    assert restored == shown
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
