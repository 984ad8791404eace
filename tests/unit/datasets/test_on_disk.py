"""A history waits on disk: in order, as it was, and in memory that does not grow with it."""

import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.datasets import tabular
from recsys.datasets.on_disk import OnDisk
from recsys.errors import StoreUnavailable
from tests.unit.datasets.tables import ITEMS

VALUES = st.lists(st.tuples(st.integers(0, 3), st.text(max_size=3)), max_size=20)


@given(VALUES)
def test_values_come_back_as_they_were_sorted_like_a_list(values: list[tuple[int, str]]) -> None:
    held = OnDisk(values, tuple[int, str], key=lambda value: value[0])
    expected = sorted(values, key=lambda value: value[0])
    assert (list(held), len(held), held[1:]) == (expected, len(values), expected[1:])
    assert list(OnDisk(iter(values), tuple[int, str])) == values
    if values:
        assert held[-1] == expected[-1]
    with pytest.raises(IndexError):
        held[len(values)]


def test_it_can_be_read_by_two_at_once() -> None:
    held = OnDisk(range(100), int)
    assert list(zip(held, held, strict=True)) == [(number, number) for number in range(100)]


def test_disk_that_takes_nothing_more_is_named_with_what_to_do() -> None:
    held = OnDisk([1], int)
    held._disk.close()
    for ask in (lambda: list(held), lambda: held[0]):
        with pytest.raises(StoreUnavailable, match="SQLITE_TMPDIR"):
            ask()


def by_user(number: int) -> str:
    return f"click,{number * 7919 % 100_000},a,u{number % 50},,\n"


def in_lists(number: int) -> str:
    return f"click,{number},{'ab'[number % 2]},s{number // 200},l{number // 200},\n"


@pytest.mark.parametrize("row", [by_user, in_lists])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, row: Callable[[int], str]) -> None:
    peaks = Counter[int]()
    for rows in (2_000, 12_000):
        folder = tmp_path / str(rows)
        folder.mkdir()
        (folder / "items.csv").write_text(ITEMS)
        who = "user" if row is by_user else "session"
        content = "".join(map(row, range(rows)))
        (folder / "events.csv").write_text(f"type,time_s,item,{who},slate,position\n{content}")
        tracemalloc.start()
        try:
            events = tabular.read(folder, session_gap_s=60).events
            assert sum(event.tag() == "click" for event in events) == rows
            peaks[rows] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peaks[12_000] - peaks[2_000] < 10_000 * 100
