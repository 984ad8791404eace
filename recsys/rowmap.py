"""Where a number stands in a short list: a hash map that compiled loops can use.

Looking up by array index would need one slot per catalogue item; this needs two to four per entry in the list,
so that the fold, which asks for a handful of rows, does no work that grows with the catalogue.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled, inlined

Map = NDArray[np.int32]

#: Where a row stands that is not in a list, and what is in a free slot of a map.
NOWHERE = -1
_FREE = NOWHERE
#: 2**64 divided by the golden ratio: spreads consecutive keys over the whole table.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@compiled
def place(rows: NDArray[np.int64], row: int) -> int:
    """Return the first index at which `row` stands in `rows`, `NOWHERE` where it does not: for asking once."""
    for index in range(rows.shape[0]):
        if rows[index] == row:
            return index
    return NOWHERE


@compiled
def row_map(rows: NDArray[np.int64]) -> Map:
    """Return a map from row to index in `rows` (distinct, 0 to 2**31 - 1): the table that `find` and `insert` read.

    The table holds pairs (key, value); its length is a power of two and at least twice the entries.
    """
    table = empty_map(rows.shape[0])
    for index in range(rows.shape[0]):
        insert(table, rows[index], index)
    return table


@compiled
def empty_map(entries: int) -> Map:
    """Return a map with room for `entries` keys."""
    size = 8
    while size < 2 * entries:
        size *= 2
    return np.full((size, 2), _FREE, dtype=np.int32)


@inlined
def insert(table: Map, key: int, value: int) -> int:
    """Add `key` unless it is there; return the value that now stands with it."""
    slot = _slot(table, key)
    if table[slot, 0] == _FREE:
        table[slot, 0] = key
        table[slot, 1] = value
    return int(table[slot, 1])


@inlined
def find(table: Map, key: int) -> int:
    """Return the value of `key`, -1 where it is not in the map."""
    return int(table[_slot(table, key), 1])  # a free slot holds -1


@inlined
def _slot(table: Map, key: int) -> int:
    """Return where `key` stands in the map, or the free slot where it would."""
    mask = table.shape[0] - 1
    slot = np.int64((np.uint64(key) * _SPREAD) >> np.uint64(33)) & mask
    while table[slot, 0] != _FREE and table[slot, 0] != key:
        slot = (slot + 1) & mask
    return int(slot)
