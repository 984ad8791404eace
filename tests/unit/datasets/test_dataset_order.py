"""A data set's events get offsets that grow, whatever their times."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.datasets.base import MAX_TIME_MS, Rejected, assembled, reasons, save_rejected
from recsys.errors import DatasetError
from recsys.events import Click, ItemUpserted
from recsys.offsets import offset_key

ITEM = ItemUpserted(event_time_ms=0, item="a", title="A")


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 1_000))
def test_offsets_grow_and_carry_the_shifted_time(times: list[int], shift_ms: int) -> None:
    clicks = [Click(event_time_ms=at_ms, session="s", seq=place, item="a") for place, at_ms in enumerate(times)]
    dataset = assembled("x", [], [ITEM], clicks, [])
    timed = list(dataset.timed(shift_ms))
    keys = [offset_key(offset) for offset, _ in timed]
    assert keys == sorted(set(keys))
    assert [key[0] for key in keys] == [event.event_time_ms for _, event in timed]
    assert timed[-1][1].event_time_ms == dataset.end_ms + shift_ms


def test_history_that_would_begin_before_1970_once_moved_is_refused() -> None:
    never = Click(event_time_ms=MAX_TIME_MS, session="s", item="a")
    dataset = assembled("x", [], [ITEM], [never], [])
    with pytest.raises(DatasetError, match="once it ends in 1970, received one of 8,030 years"):
        list(dataset.timed(-MAX_TIME_MS + 1))


def test_item_stands_before_what_happened_to_it_in_the_same_millisecond() -> None:
    dataset = assembled("x", [], [ITEM], [Click(event_time_ms=0, session="s", item="a")], [])
    assert [type(event) for event in dataset.events] == [ItemUpserted, Click]


def test_data_set_without_items_is_refused_with_the_first_reason() -> None:
    with pytest.raises(DatasetError, match=r"f\.csv line 2: bad value"):
        assembled("x", [], [], [], [Rejected("f.csv", 2, "bad value: x")])


def test_rejected_rows_are_kept_as_json_lines_and_go_when_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "data" / "x.rejected.jsonl"
    save_rejected([Rejected("f.csv", 2, "bad value: x", {"when": object})], path)
    assert path.read_text().startswith('{"file":"f.csv","line":2,"reason":"bad value: x"')
    save_rejected([], path)
    assert not path.exists()


def test_reasons_are_counted_by_kind() -> None:
    rows = [Rejected("f", 1, "unknown item: 'a'"), Rejected("f", 2, "unknown item: 'b'"), Rejected("f", 3, "not UTF-8")]
    assert reasons(rows) == [("f: unknown item", 2), ("f: not UTF-8", 1)]
