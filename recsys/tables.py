"""Growable columns that know which rows changed: the shape of all replicated state.

A `Table` is what snapshots write whole and deltas write by row, so no part of the engine has a serialiser of
its own. Growing never changes what a row holds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.errors import CorruptState
from recsys.prefetch import LINE

Columns = Mapping[str, tuple[str, tuple[int, ...], float]]
Parts = Mapping[str, Sequence[str]]

#: Rows that `Table.keep` moves at once, through memory of their own.
_MOVED: Final = 4_096

#: What `Table.changes` has beside columns.
_RESERVED: Final = frozenset({"row", "rows"})
_ROW_NUMBERS: Final = ("i8", (), 0.0)


class Table:
    """Columns of equal length, addressed by row.

    Parameters
    ----------
    columns : mapping of name to (dtype, shape of one row, fill value)
        For example ``{"clicks": ("f8", (), 0.0)}``. ``row`` and ``rows`` are no names: `changes` says which rows.
    parts : mapping of name to names
        What the numbers in one row of a column are called. Each can be asked for by its own name; side by side in
        memory, a loop that needs all of them finds them with one look.

    Raises
    ------
    ValueError
        When a column has one of those names.
    """

    def __init__(self, columns: Columns, parts: Parts | None = None) -> None:
        if not _RESERVED.isdisjoint(columns):
            raise ValueError(f"expected other column names than {sorted(_RESERVED)}, received {sorted(columns)}")
        self._columns = dict(columns)
        self._parts = dict(parts or {})
        self._rows = 0
        self._capacity = 64
        self._data: dict[str, NDArray[Any]] = {
            name: _column(self._capacity, *column) for name, column in columns.items()
        }
        self._changed: NDArray[np.bool_] = np.zeros(self._capacity, dtype=np.bool_)
        self._look()

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, column: str) -> NDArray[Any]:
        """Return the rows of a column, or of a part of one, as a view: valid until the table grows."""
        return self._views[column]

    def grow(self, rows: int) -> None:
        """Make sure that there are at least `rows` rows; new ones hold the fill values and count as changed."""
        if rows <= self._rows:
            return
        if rows > self._capacity:
            while self._capacity < rows:
                self._capacity *= 2
            for name, column in self._columns.items():
                larger = _column(self._capacity, *column)
                larger[: self._rows] = self._data[name][: self._rows]
                self._data[name] = larger
            changed = np.zeros(self._capacity, dtype=np.bool_)
            changed[: self._rows] = self._changed[: self._rows]
            self._changed = changed
        self._changed[self._rows : rows] = True
        self._rows = rows
        self._look()

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Let go of all but these rows (distinct, ascending), which move up and count as changed if they did before."""
        for data in (*self._data.values(), self._changed):
            for start in range(0, len(rows), _MOVED):
                part = rows[start : start + _MOVED]
                data[start : start + len(part)] = data[part]
        for name, (_, _, fill) in self._columns.items():
            self._data[name][len(rows) : self._rows] = fill
        self._rows = len(rows)
        self._look()

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which rows changed since the last `settle`: a view, for loops that touch many rows."""
        return self._changed[: self._rows]

    def touch(self, row: int) -> None:
        """Mark one row as changed since the last `settle`."""
        self._changed[row] = True

    def settle(self) -> None:
        """Forget which rows changed: they have been published."""
        self._changed[:] = False

    def whole(self) -> dict[str, NDArray[Any]]:
        """Return all rows of all columns (views)."""
        return {name: self[name] for name in self._columns}

    def restore(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Replace all rows. Raises `CorruptState` when a column is missing or has another shape."""
        rows = self._length(columns, self._columns)
        self._rows = 0
        self.grow(rows)
        self._look()
        for name in self._columns:
            self._data[name][: self._rows] = columns[name]
        self.settle()

    def changes(self) -> dict[str, NDArray[Any]]:
        """Return the changed rows: ``row`` (int64 row numbers, ascending), ``rows`` (length 1: the table's
        length), and one array per column.
        """
        rows = np.flatnonzero(self._changed[: self._rows])
        return {
            "row": rows,
            "rows": np.array([self._rows], dtype=np.int64),
            **{name: self[name][rows] for name in self._columns},
        }

    def check(self, changes: Mapping[str, NDArray[Any]]) -> None:
        """Raise `CorruptState` unless these are changes of a table with such columns."""
        self._length(changes, (*self._columns, "row"))
        row, rows = changes["row"], self._fitting(changes, "rows")
        if len(rows) != 1 or row.min(initial=0) < 0 or row.max(initial=-1) >= rows[0]:
            raise CorruptState(f"expected row numbers from 0 to below the table's length, received {row} and {rows}")

    def apply(self, changes: Mapping[str, NDArray[Any]]) -> None:
        """Overwrite the rows that `changes`, which have been checked, names; idempotent."""
        self.grow(int(changes["rows"][0]))
        for name in self._columns:
            self._data[name][changes["row"]] = changes[name]

    def _look(self) -> None:
        """Keep a view of each column at hand: they are asked for far more often than the table grows."""
        self._views = {name: data[: self._rows] for name, data in self._data.items()}
        for column, names in self._parts.items():
            self._views |= {name: self._views[column][:, place] for place, name in enumerate(names)}

    def _length(self, columns: Mapping[str, NDArray[Any]], names: Iterable[str]) -> int:
        """Return how long these columns are. Raises `CorruptState` when one does not fit, or is longer than another."""
        lengths = {len(self._fitting(columns, name)) for name in names}
        if len(lengths) != 1:
            raise CorruptState(f"expected columns of one length, received lengths {sorted(lengths)}")
        return lengths.pop()

    def _fitting(self, columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
        dtype, shape, _ = self._columns.get(name, _ROW_NUMBERS)
        if name not in columns:
            raise CorruptState(f"expected column {name!r}, received {sorted(columns)}")
        column = columns[name]
        if column.dtype != np.dtype(dtype) or column.shape[1:] != shape:
            raise CorruptState(
                f"column {name!r}: expected {np.dtype(dtype)} rows of shape {shape}, "
                f"received {column.dtype} of shape {column.shape[1:]}"
            )
        return column


def _column(rows: int, dtype: str, shape: tuple[int, ...], fill: float) -> NDArray[Any]:
    """Return rows that hold the fill value and begin where a line of memory does, so that each lies on few of them."""
    kind = np.dtype(dtype)
    size = rows * math.prod(shape) * kind.itemsize
    room = np.empty(size + LINE, dtype=np.uint8)
    start = -room.ctypes.data % LINE
    column = room[start : start + size].view(kind).reshape(rows, *shape)
    column[:] = fill
    return column
