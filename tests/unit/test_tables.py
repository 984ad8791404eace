"""Tables: growing keeps what rows hold, and changes carry one table to another."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.errors import CorruptState
from recsys.prefetch import LINE
from recsys.tables import _MOVED, Table

COLUMNS = {"clicks": ("f8", (), 0.0), "ring": ("i8", (3,), -1.0)}


def table(rows: int = 0) -> Table:
    made = Table(COLUMNS)
    made.grow(rows)
    return made


def whole(of: Table) -> dict[str, list[Any]]:
    return {name: column.tolist() for name, column in of.whole().items()}


def write(to: Table, row: int, value: int) -> None:
    to.grow(row + 1)
    to["clicks"][row] = value
    to["ring"][row, value % 3] = value
    to.touch(row)


def test_new_rows_hold_the_fill_values() -> None:
    assert whole(table(2)) == {"clicks": [0.0, 0.0], "ring": [[-1, -1, -1], [-1, -1, -1]]}


def test_columns_begin_where_a_line_of_memory_does_however_far_they_grow() -> None:
    made = table()
    for rows in (1, 65, 1_000, 70_000):
        made.grow(rows)
        assert [column.ctypes.data % LINE for column in made.whole().values()] == [0, 0]


def test_growing_past_the_capacity_keeps_every_row() -> None:
    made = table(64)
    made["clicks"][:] = np.arange(64)
    made.grow(1_000)
    assert made["clicks"][:65].tolist() == [*range(64), 0.0]
    assert len(made) == 1_000


def test_growing_to_fewer_rows_changes_nothing() -> None:
    made = table(5)
    made.grow(2)
    assert len(made) == 5


def test_parts_of_a_column_are_called_by_name_before_and_after_growing() -> None:
    made = Table({"counts": ("f8", (2,), 0.0)}, parts={"counts": ("seen", "clicked")})
    made.grow(1)
    made["clicked"][0] = 3.0
    made.grow(1_000)
    made["seen"][999] = 5.0
    assert (made["counts"][0].tolist(), made["counts"][999].tolist()) == ([0.0, 3.0], [5.0, 0.0])
    assert list(made.whole()) == ["counts"], "what they are parts of is written once"


WRITES = st.lists(st.tuples(st.integers(0, 150), st.integers(0, 9)), max_size=30)


@given(before=WRITES, after=WRITES)
def test_changes_carry_a_copy_to_the_same_rows(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    original, copy = table(), table()
    for row, value in before:
        write(original, row, value)
    copy.restore(original.whole())
    original.settle()
    for row, value in after:
        write(original, row, value)
    changes = original.changes()
    for _ in range(2):
        copy.apply(changes)
        assert whole(copy) == whole(original), "and again: applying is idempotent"


@pytest.mark.parametrize("name", ["row", "rows"])
def test_column_called_as_changes_calls_row_numbers_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="other column names"):
        Table({name: ("i8", (), 0)})


def test_settled_table_has_no_changes_until_it_is_touched() -> None:
    made = table(3)
    made.settle()
    assert made.changes()["row"].tolist() == []
    made.touch(1)
    assert made.changes()["row"].tolist() == [1]
    assert made.changes()["rows"].tolist() == [3]


def test_restored_table_owns_its_rows() -> None:
    columns = {"clicks": np.ones(2), "ring": np.zeros((2, 3), dtype=np.int64)}
    made = table()
    made.restore(columns)
    columns["clicks"][0] = 7.0
    assert made["clicks"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"clicks": np.zeros(2)}, "expected column 'ring'"),
        ({"clicks": np.zeros(2), "ring": np.zeros((1, 3), dtype=np.int64)}, "one length"),
        ({"clicks": np.zeros(2, dtype=np.float32), "ring": np.zeros((2, 3), dtype=np.int64)}, "received float32"),
        ({"clicks": np.zeros(2), "ring": np.zeros((2, 4), dtype=np.int64)}, r"shape \(4,\)"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns: dict[str, NDArray[Any]], message: str) -> None:
    with pytest.raises(CorruptState, match=message):
        table().restore(columns)


@pytest.mark.parametrize(
    ("column", "wrong", "message"),
    [
        ("row", None, "expected column 'row'"),
        ("rows", None, "expected column 'rows'"),
        ("row", np.array([0, 1]), "one length"),
        ("row", np.array([3]), "below the table's length"),
        ("row", np.array([-1]), "below the table's length"),
        ("rows", np.array([], dtype=np.int64), "below the table's length"),
        ("clicks", np.zeros(2), "one length"),
    ],
)
def test_changes_that_do_not_fit_are_refused(column: str, wrong: NDArray[Any] | None, message: str) -> None:
    made = table(3)
    made.settle()
    made.touch(1)
    changes = {name: array for name, array in made.changes().items() if name != column or wrong is not None}
    with pytest.raises(CorruptState, match=message):
        made.check(changes if wrong is None else changes | {column: wrong})


def test_more_rows_are_kept_than_move_at_once() -> None:
    made = table(3 * _MOVED)
    made["clicks"][:] = np.arange(3 * _MOVED)
    odd = np.arange(1, 3 * _MOVED, 2)
    made.keep(odd)
    assert np.array_equal(made["clicks"], odd)


@given(rows=st.integers(1, 40), kept=st.sets(st.integers(0, 39)), changed=st.sets(st.integers(0, 39)))
def test_kept_rows_move_up_with_what_changed_and_the_next_row_is_new(
    rows: int, kept: set[int], changed: set[int]
) -> None:
    made = table(rows)
    for row in range(rows):
        write(made, row, row)
    made.settle()
    for row in changed:
        if row < rows:
            made.touch(row)
    left = sorted(row for row in kept if row < rows)
    made.keep(np.array(left, dtype=np.int64))
    assert made["clicks"].tolist() == left
    assert made.changes()["clicks"].tolist() == [row for row in left if row in changed]
    made.grow(len(left) + 1)
    assert (made["clicks"][-1], made["ring"][-1].tolist()) == (0.0, [-1, -1, -1])
