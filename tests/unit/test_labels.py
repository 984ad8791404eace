"""What the label join makes of slates, impressions and clicks."""

import numpy as np
import pytest

from recsys.events import Click, Dismissal, DismissalUndone, Impression
from recsys.labels import Example, JoinState, LabelJoin
from recsys.layout import SIGNAL_COUNT
from recsys.models.base import NONE_OF_THESE
from recsys.sessions import ShownSlate

WINDOW_MS = 1_000


@pytest.fixture
def join() -> LabelJoin:
    made = LabelJoin(WINDOW_MS)
    made.open("slate", "s", _slate("slate", rows=(10, 11, 12, 13)))
    return made


def _slate(name: str, rows: tuple[int, ...], served_ms: int = 0) -> ShownSlate:
    signals = np.arange(len(rows) * SIGNAL_COUNT, dtype=np.float32).reshape(len(rows), SIGNAL_COUNT)
    return ShownSlate(name, "for_you", rows, signals, served_ms)


def _impression(position: int, slate: str = "slate", session: str = "s") -> Impression:
    return Impression(event_time_ms=1, session=session, slate=slate, item=str(10 + position), position=position)


def _click(position: int, slate: str = "slate", session: str = "s") -> Click:
    return Click(event_time_ms=1, session=session, slate=slate, item=str(10 + position), position=position)


def _see(join: LabelJoin, *positions: int) -> None:
    for position in positions:
        assert join.impression(_impression(position), 10 + position)


def _closed(join: LabelJoin, watermark_ms: int = WINDOW_MS) -> list[Example]:
    return list(join.close(watermark_ms))


def test_click_is_a_choice_among_what_had_been_seen_by_then(join: LabelJoin) -> None:
    _see(join, 0, 2)
    example = join.click(_click(2), 12)
    assert example is not None
    assert example.rows.tolist() == [10, 12]
    assert example.chosen == 1
    assert example.positions.tolist() == [0, 2]
    assert example.passed == [10]


def test_second_click_chooses_among_what_is_left(join: LabelJoin) -> None:
    _see(join, 0, 1, 2)
    join.click(_click(2), 12)
    example = join.click(_click(0), 10)
    assert example is not None
    assert example.rows.tolist() == [10, 11]
    assert example.passed == [], "row 11 was passed over once already"


def test_same_click_twice_teaches_once(join: LabelJoin) -> None:
    assert join.click(_click(1), 11) is not None
    assert join.click(_click(1), 11) is None
    assert join.counts["joined"] == 1
    assert join.counts["duplicate"] == 1


def test_slate_without_click_becomes_none_of_these_when_its_window_closes(join: LabelJoin) -> None:
    _see(join, 0, 1)
    assert _closed(join, WINDOW_MS - 1) == []
    (example,) = _closed(join)
    assert example.rows.tolist() == [10, 11]
    assert example.chosen == NONE_OF_THESE
    assert join.counts["expired"] == 1
    assert len(join) == 0


def test_slate_with_click_teaches_nothing_more_when_its_window_closes(join: LabelJoin) -> None:
    _see(join, 0, 1)
    join.click(_click(0), 10)
    assert _closed(join) == []
    assert join.counts["left"] == 1


def test_slate_that_nobody_saw_teaches_nothing(join: LabelJoin) -> None:
    assert _closed(join) == []


def test_click_after_attribution_window_is_late_and_teaches_nothing(join: LabelJoin) -> None:
    _see(join, 0)
    _closed(join)
    assert join.click(_click(0), 10) is None
    assert join.counts["late"] == 1
    assert join.counts["joined"] == 0


def test_click_on_a_slate_that_was_never_logged_is_unknown(join: LabelJoin) -> None:
    assert join.click(_click(0, slate="other"), 10) is None
    assert join.counts["unknown"] == 1


def test_click_from_another_session_is_unknown(join: LabelJoin) -> None:
    assert join.click(_click(0, session="thief"), 10) is None
    assert join.counts["unknown"] == 1


def test_slate_logged_twice_opens_once(join: LabelJoin) -> None:
    _see(join, 0)
    join.open("slate", "s", _slate("slate", rows=(10, 11, 12, 13)))
    assert join.counts["duplicate"] == 1
    assert len(_closed(join)) == 1


def test_dismissal_is_a_choice_of_nothing_and_leaves_the_alternatives(join: LabelJoin) -> None:
    _see(join, 0, 1)
    example = join.dismissal(Dismissal(event_time_ms=1, session="s", slate="slate", item="10"), 10)
    assert example is not None
    assert (example.rows.tolist(), example.chosen) == ([10], NONE_OF_THESE)
    (left,) = _closed(join)
    assert left.rows.tolist() == [11], "no evidence counts twice"


def test_undone_dismissal_is_open_to_choice_again(join: LabelJoin) -> None:
    _see(join, 0, 1)
    join.dismissal(Dismissal(event_time_ms=1, session="s", slate="slate", item="10"), 10)
    join.undo(DismissalUndone(event_time_ms=1, session="s", slate="slate", item="10"), 10)
    (left,) = _closed(join)
    assert left.rows.tolist() == [10, 11]


def test_restored_join_goes_on_as_if_nothing_had_happened(join: LabelJoin) -> None:
    _see(join, 0, 1)
    join.click(_click(1), 11)
    join.open("next", "s", _slate("next", rows=(10, 13), served_ms=50))
    state = join.to_state()
    other = LabelJoin(WINDOW_MS)
    other.restore(state)
    assert other.to_state() == state
    example = other.click(_click(0), 10)
    assert example is not None
    assert example.passed == []


def test_closed_windows_are_forgotten_after_another_window(join: LabelJoin) -> None:
    _closed(join, WINDOW_MS)
    _closed(join, 2 * WINDOW_MS)
    assert join.to_state() == JoinState(pending=[], closed=[], counts=join.counts)
