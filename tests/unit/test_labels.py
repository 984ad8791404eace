"""What the label join makes of slates, impressions and clicks."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.events import Click, Dismissal, Impression
from recsys.examples import Example
from recsys.labels import REMEMBERED_WINDOWS, JoinState, LabelJoin, Pending, implicit_slate
from recsys.layout import SIGNAL_COUNT
from recsys.models.base import NONE_OF_THESE
from recsys.packing import pack
from recsys.sessions import ShownSlate
from recsys.sessions.shown import UNKNOWN_ROW

WINDOW_MS = 1_000


@pytest.fixture
def join() -> LabelJoin:
    made = LabelJoin(WINDOW_MS)
    made.open("slate", "s", _slate("slate", rows=(10, 11, 12, 13)), received_ms=0)
    return made


def _slate(name: str, rows: tuple[int, ...], served_ms: int = 0) -> ShownSlate:
    signals = np.arange(len(rows) * SIGNAL_COUNT, dtype=np.float32).reshape(len(rows), SIGNAL_COUNT)
    return ShownSlate.of(name, "for_you", rows, pack(signals), served_ms)


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


def test_slate_with_click_teaches_what_its_click_left_open_when_its_window_closes(join: LabelJoin) -> None:
    _see(join, 0, 1)
    example = join.click(_click(0), 10)
    assert example is not None
    example.charge(np.array([0.25, 0.5]))
    _see(join, 3)
    (rest,) = _closed(join)
    assert rest.settles
    assert rest.rows.tolist() == [10, 11, 13]
    assert rest.clicked is not None and rest.clicked.tolist() == [True, False, False]
    assert rest.charged is not None and rest.charged[rest.positions].tolist() == [0.25, 0.5, 0.0]
    assert rest.passed == [], "who clicked has passed over no more than the click said"
    assert join.counts["left"] == 1


def test_slate_whose_clicked_item_is_gone_by_then_still_was_clicked(join: LabelJoin) -> None:
    _see(join, 0, 1)
    example = join.click(_click(0), 10)
    assert example is not None
    example.charge(np.array([0.25, 0.5]))
    places = np.arange(20)
    places[10] = UNKNOWN_ROW
    join.renumber(places)
    (rest,) = _closed(join)
    assert rest.settles
    assert rest.rows.tolist() == [11]
    assert rest.clicked is not None and rest.clicked.tolist() == [False]
    assert rest.passed == []
    assert (join.counts["left"], join.counts["expired"]) == (1, 0)


def test_slate_of_which_all_that_was_seen_was_clicked_teaches_nothing_more(join: LabelJoin) -> None:
    join.click(_click(2), 12)
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
    join.open("slate", "s", _slate("slate", rows=(10, 11, 12, 13)), received_ms=1)
    assert join.counts["duplicate"] == 1
    assert len(_closed(join)) == 1


def test_slate_logged_again_after_its_window_teaches_no_more(join: LabelJoin) -> None:
    _see(join, 0)
    assert len(_closed(join)) == 1
    join.open("slate", "s", _slate("slate", rows=(10, 11, 12, 13)), received_ms=WINDOW_MS)
    assert (len(join), join.counts["duplicate"]) == (0, 1)


def test_dismissal_is_a_choice_of_nothing_and_leaves_the_alternatives(join: LabelJoin) -> None:
    _see(join, 0, 1)
    example = join.dismissal(Dismissal(event_time_ms=1, session="s", slate="slate", item="10"), 10)
    assert example is not None
    assert (example.rows.tolist(), example.chosen) == ([10], NONE_OF_THESE)
    (left,) = _closed(join)
    assert left.rows.tolist() == [11], "no evidence counts twice"


def test_dismissal_that_is_repeated_teaches_once(join: LabelJoin) -> None:
    dismissal = Dismissal(event_time_ms=1, session="s", slate="slate", item="10")
    assert join.dismissal(dismissal, 10) is not None
    assert join.dismissal(dismissal, 10) is None
    assert join.counts["duplicate"] == 1


def test_impression_that_is_repeated_is_counted_as_duplicate(join: LabelJoin) -> None:
    _see(join, 0)
    assert not join.impression(_impression(0), 10)
    assert join.counts["duplicate"] == 1


def test_impression_from_another_session_or_of_an_unknown_slate_is_no_news(join: LabelJoin) -> None:
    assert not join.impression(_impression(0, session="thief"), 10)
    assert not join.impression(_impression(0, slate="never served"), 10)
    assert join.counts["unknown"] == 2


@pytest.mark.parametrize("position", [-1, 0, 4, 2**31])
def test_position_where_the_item_does_not_stand_is_looked_up(join: LabelJoin, position: int) -> None:
    _see(join, 0, 1)
    example = join.click(Click(event_time_ms=1, session="s", slate="slate", item="11", position=position), 11)
    assert example is not None
    assert (example.chosen, example.positions.tolist()) == (1, [0, 1])


def test_click_without_impression_says_so(join: LabelJoin) -> None:
    _see(join, 0)
    seen, unseen = join.click(_click(0), 10), join.click(_click(1), 11)
    assert seen is not None and not seen.unseen
    assert unseen is not None and unseen.unseen


def test_event_that_happened_after_the_window_is_late_even_if_the_window_is_still_open(join: LabelJoin) -> None:
    join.open("delayed", "s", _slate("delayed", rows=(10, 11), served_ms=0), received_ms=5_000)
    late = Click(event_time_ms=WINDOW_MS, session="s", slate="delayed", item="10")
    assert join.click(late, 10) is None
    assert join.counts["late"] == 1


def test_windows_close_in_order_of_receive_time_whatever_the_slates_event_times(join: LabelJoin) -> None:
    _see(join, 0)
    join.open("aged", "s", _slate("aged", rows=(20,), served_ms=-900), received_ms=100)
    join.impression(Impression(event_time_ms=1, session="s", slate="aged", item="20"), 20)
    assert [example.rows.tolist() for example in _closed(join, 2 * WINDOW_MS)] == [[10], [20]]


def test_beyond_the_cap_the_oldest_window_closes_early_and_is_counted() -> None:
    join = LabelJoin(WINDOW_MS, max_pending=2)
    assert _closed(join, 0) == [], "from here on nothing is due before a window has passed"
    for number in range(3):
        join.open(f"slate {number}", "s", _slate("slate", rows=(number,)), received_ms=number)
        join.impression(Impression(event_time_ms=1, session="s", slate=f"slate {number}", item=str(number)), number)
    assert [example.rows.tolist() for example in _closed(join, 3)] == [[0]]
    assert (len(join), join.counts["evicted"]) == (2, 1)


def test_lone_click_is_news_once(join: LabelJoin) -> None:
    click = Click(event_time_ms=1, session="s", item="10")
    assert join.lone_click(click, received_ms=1)
    assert not join.lone_click(click, received_ms=2)
    assert join.lone_click(Click(event_time_ms=2, session="s", item="10"), received_ms=2), "people go back"
    assert (join.counts["joined"], join.counts["duplicate"]) == (2, 1)


def test_item_seen_again_after_its_window_may_open_a_new_one(join: LabelJoin) -> None:
    again = Impression(event_time_ms=3_000, session="s", item="10")
    key = implicit_slate(again)
    join.open(key, "s", _slate(key, rows=(10,)), received_ms=0)
    _closed(join)
    join.open(key, "s", _slate(key, rows=(10,), served_ms=3_000), received_ms=3_000, again=True)
    assert join.impression(again, 10)


def test_beyond_the_cap_the_oldest_lone_click_is_forgotten_before_its_time() -> None:
    join = LabelJoin(WINDOW_MS, max_pending=2)
    assert _closed(join, 0) == [], "from here on nothing is due before a window has passed"
    for number in range(3):
        join.lone_click(Click(event_time_ms=1, session="s", item=str(number)), received_ms=1)
    assert _closed(join, 1) == []
    assert len(msgspec.msgpack.decode(join.to_state().closed)) == 2


ACTS = st.lists(st.tuples(st.sampled_from(("see", "click", "dismiss")), st.integers(0, 3)), max_size=20)


@given(acts=ACTS)
def test_no_evidence_counts_twice(acts: list[tuple[str, int]]) -> None:
    join = LabelJoin(WINDOW_MS)
    join.open("slate", "s", _slate("slate", rows=(10, 11, 12, 13)), received_ms=0)
    examples: list[Example] = []
    for act, position in acts:
        if act == "see":
            join.impression(_impression(position), 10 + position)
        elif act == "click":
            examples.extend(filter(None, [join.click(_click(position), 10 + position)]))
        else:
            dismissal = Dismissal(event_time_ms=1, session="s", slate="slate", item=str(10 + position))
            examples.extend(filter(None, [join.dismissal(dismissal, 10 + position)]))
    examples.extend(_closed(join))

    chosen = [int(example.rows[example.chosen]) for example in examples if example.chosen != NONE_OF_THESE]
    passed = [row for example in examples for row in example.passed]
    assert len(set(chosen)) == len(chosen), "an item is chosen once"
    assert len(set(passed)) == len(passed), "an item is passed over once"
    gone: set[int] = set()
    for example in examples:
        rows = example.rows.tolist()
        if example.clicked is not None:
            assert [row for row, was in zip(rows, example.clicked, strict=True) if was] == sorted(
                set(rows) & set(chosen)
            )
            assert not (gone - set(chosen)) & set(rows), "what was refused is no alternative"
        elif example.chosen == NONE_OF_THESE:
            assert len(rows) == 1, "one item is refused at a time"
            gone.update(rows)
        else:
            row = rows.pop(example.chosen)
            assert not gone & set(rows), "what was chosen or refused is no alternative"
            gone.add(row)


def test_restored_join_goes_on_as_if_nothing_had_happened(join: LabelJoin) -> None:
    _see(join, 0, 1)
    clicked = join.click(_click(1), 11)
    assert clicked is not None
    clicked.charge(np.array([0.0, 0.75]))
    join.open("next", "s", _slate("next", rows=(10, 13), served_ms=50), received_ms=50)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(join.to_state()), type=JoinState)
    other = LabelJoin(WINDOW_MS)
    other.restore(state)
    assert other.to_state() == join.to_state()
    (charged, _) = msgspec.msgpack.decode(state.pending, type=dict[str, Pending]).values()
    assert charged.charged == np.array([0.0, 0.75, 0.0, 0.0]).tobytes()
    example = other.click(_click(0), 10)
    assert example is not None
    assert example.passed == []


def test_closed_windows_are_forgotten_in_the_end(join: LabelJoin) -> None:
    _closed(join, WINDOW_MS)
    assert msgspec.msgpack.decode(join.to_state().closed) == {"slate": WINDOW_MS}
    _closed(join, WINDOW_MS * (1 + REMEMBERED_WINDOWS))
    assert msgspec.msgpack.decode(join.to_state().closed) == msgspec.msgpack.decode(join.to_state().pending) == {}
