"""Which items may be like one in content, found in a time that does not grow with the catalogue.

Locality-sensitive hashing (Charikar, 2002). A bit says on which side of a random plane an item's content lies; items
with an angle a between them differ in a share of a/pi of the bits. Each of `TABLES` tables has a list of items for each
way in which `BITS` bits of its own can stand. Who asks for what is like an item looks into the item's own lists, and
into those that differ in bits that could easily have been others, since the item lies close to their planes
(multi-probe: Lv et al., 2007). The likeliest come first, until `LOOKS` entries were looked at.

What is found depends on the items' content and on which are available, and on nothing else: an index that grew with the
catalogue and one that is made anew give the same answers, so the fold may ask it, and no snapshot holds it.

Memory: none for a catalogue that is looked through. For a larger one 17 MB for the tables' lists, and by measurement
260 bytes an item of 100,000 and 170 of 800,000.
"""

import functools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import CONTENT_WIDTH
from recsys.models.random import uniform
from recsys.sampled_lists import SampledLists

#: A catalogue of no more items is looked through; in a larger one so many entries of lists are looked at.
LOOKED_THROUGH: Final = 10_000
LOOKS: Final = 4_096

TABLES: Final = 16
BITS: Final = 15
#: How many bits of a table may stand otherwise, those of the nearest planes.
_FLIPPED: Final = 6
#: Rows that are taken in at once.
_BATCH: Final = 4_096

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]


class ContentIndex:
    """The available items by what their content is near to."""

    def __init__(self) -> None:
        self._lists: SampledLists | None = None

    def follow(self, rows: Rows, content: Vectors, available: NDArray[np.bool_]) -> None:
        """Take in what became of `rows`: some microseconds for each.

        Parameters
        ----------
        rows : int64 array
            Distinct rows whose content or availability may be another.
        content : float32 array of shape (items, CONTENT_WIDTH)
        available : bool array of shape (items,)
        """
        if len(content) <= LOOKED_THROUGH:
            return
        if self._lists is None:
            self._lists = SampledLists(TABLES << BITS, TABLES)
            rows = np.arange(len(content))
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            self._lists.replace(some, _lists_of(some, content, available, planes()))

    def near(self, content: Vectors, row: int) -> Rows:
        """Return rows that may be like `row`, itself perhaps among them, ascending: all of a small catalogue."""
        if len(content) <= LOOKED_THROUGH:
            return np.arange(len(content))
        if self._lists is None:
            return np.empty(0, dtype=np.int64)
        lists, costs = _ways(content[row], planes())
        return np.sort(self._lists.members(lists[np.argsort(costs, kind="stable")], LOOKS))


def warm_up() -> None:
    """Compile all that this index runs, or load it from Numba's cache."""
    content = np.eye(2, CONTENT_WIDTH, dtype=np.float32)
    lists = SampledLists(TABLES << BITS, TABLES)
    for available in (True, False):
        lists.replace(np.arange(2), _lists_of(np.arange(2), content, np.full(2, available), planes()))
    lists.members(_ways(content[0], planes())[0], LOOKS)


@functools.cache
def planes() -> Vectors:
    """Return what the bits of the tables are the signs of: shape (CONTENT_WIDTH, TABLES * BITS)."""
    return _drawn()


@compiled
def _drawn() -> Vectors:
    drawn = np.empty((CONTENT_WIDTH, TABLES * BITS), dtype=np.float32)
    for column in range(CONTENT_WIDTH):
        for bit in range(TABLES * BITS):
            drawn[column, bit] = 2.0 * uniform(column, bit) - 1.0
    return drawn


@compiled
def _distances(vector: Vectors, planes: Vectors) -> Vectors:
    """Return how far the vector lies from each plane, on one side or the other."""
    distances = np.zeros(planes.shape[1], dtype=np.float32)
    for column in range(vector.shape[0]):
        if vector[column] != 0.0:
            for bit in range(planes.shape[1]):
                distances[bit] += vector[column] * planes[column, bit]
    return distances


@compiled
def _list(distances: Vectors, table: int) -> int:
    """Return the item's own list of a table, from 1 on."""
    number = table
    for bit in range(table * BITS, (table + 1) * BITS):
        number = 2 * number + int(distances[bit] > 0.0)
    return number + 1


@compiled
def _lists_of(rows: Rows, content: Vectors, available: NDArray[np.bool_], planes: Vectors) -> Rows:
    """Return the lists that each row belongs to, 0 for those that belong to none. Shape (rows, TABLES)."""
    lists = np.zeros((rows.shape[0], TABLES), dtype=np.int64)
    for i in range(rows.shape[0]):
        if available[rows[i]] and content[rows[i]].any():
            distances = _distances(content[rows[i]], planes)
            for table in range(TABLES):
                lists[i, table] = _list(distances, table)
    return lists


@compiled
def _ways(vector: Vectors, planes: Vectors) -> tuple[Rows, NDArray[np.float64]]:
    """Return the lists to look into, and how far the vector would have to move to be in each (squared)."""
    ways = 1 << _FLIPPED
    lists, costs = np.empty(TABLES * ways, dtype=np.int64), np.empty(TABLES * ways)
    distances = _distances(vector, planes)
    for table in range(TABLES):
        own = _list(distances, table) - 1
        squares = distances[table * BITS : (table + 1) * BITS].astype(np.float64) ** 2
        nearest = np.argsort(squares, kind="mergesort")
        for way in range(ways):
            number, cost = own, 0.0
            for place in range(_FLIPPED):
                if way >> place & 1:
                    number ^= 1 << (BITS - 1 - nearest[place])
                    cost += squares[nearest[place]]
            lists[table * ways + way], costs[table * ways + way] = number + 1, cost
    return lists, costs
