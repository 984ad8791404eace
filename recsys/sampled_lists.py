"""Lists of rows that are kept up one row at a time, and of which a reader takes a fair part where one is long.

A list has `LEVELS` parts. Each but the lowest is for an eighth of the rows of the one below it, drawn by a hash of the
row: who can't take in a whole list takes its highest parts, each of them whole. Since a row's part depends on nothing
but the row, what is taken is a function of what is in the lists; the order in which it came there leaves no trace.

A part is a chain of pages of half a line of memory, all of them full but the first. To put a row in or to take it out
takes a time that depends on how many lists it is in, and not on how long they are.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import rowmap
from recsys.compiled import compiled
from recsys.models.random import mixed
from recsys.tables import Table

#: Parts of a list, and the bits of a row's hash that are 0 for one to be in the next.
LEVELS: Final = 4
_BITS: Final = 3

#: Numbers on a page: the page that follows, whose page it is, then rows.
_PAGE: Final = 8
_FIRST: Final = 2
_ROOM: Final = _PAGE - _FIRST
#: Pages that are made at once.
_PAGES: Final = 8_192

Rows = NDArray[np.int64]
Numbers = NDArray[np.int32]


class SampledLists:
    """Lists 1 to `count` of rows; a row is in none or in `width` of them.

    Memory: 32 bytes for each list, ``10 * width`` for each row in them, and the room on pages that are not full: up to
    20 bytes for each list that has any.
    """

    def __init__(self, count: int, width: int) -> None:
        # Place 0, page 0 and list 0 stand for none.
        self._places = Table({"place": ("i4", (width,), 0)})
        self._pages = Table({"page": ("i4", (_PAGE,), 0)})
        #: The first page of each part, then how many rows each has.
        self._parts: Numbers = np.zeros((count + 1, 2 * LEVELS), dtype=np.int32)
        #: The first page that is free, and how many there are.
        self._free: Rows = np.zeros(2, dtype=np.int64)
        self._pages.grow(1)

    def replace(self, rows: Rows, lists: Rows) -> None:
        """Let each of some distinct rows be in other lists than before: shape (rows, width), of 0 for none."""
        if not len(rows):
            return
        self._places.grow(int(rows.max()) + 1)
        missing = lists.size - int(self._free[1])
        if missing > 0:
            first = len(self._pages)
            self._pages.grow(first + max(missing, _PAGES))
            _set_free(self._pages["page"], first, self._free)
        _replace(rows, lists, self._places["place"], self._pages["page"], self._parts, self._free)

    def members(self, lists: Rows, most: int) -> Rows:
        """Return the distinct rows of some lists, in no order: of the first ones, until there were `most` entries."""
        return _members(lists, self._pages["page"], self._parts, most)


@compiled
def _level(row: int) -> int:
    bits, level = mixed(0, row), 0
    while level < LEVELS - 1 and bits & np.uint64((1 << _BITS) - 1) == 0:
        bits >>= np.uint64(_BITS)
        level += 1
    return level


@compiled
def _set_free(pages: Numbers, first: int, free: Rows) -> None:
    """Put all pages from `first` on among the free ones."""
    for page in range(first, pages.shape[0]):
        pages[page, 0] = free[0]
        free[0] = page
        free[1] += 1


@compiled
def _replace(rows: Rows, lists: Rows, places: Numbers, pages: Numbers, parts: Numbers, free: Rows) -> None:
    for i in range(rows.shape[0]):
        row, level = rows[i], _level(rows[i])
        for slot in range(lists.shape[1]):
            old, new = places[row, slot], lists[i, slot]
            if old != 0 and pages[old // _PAGE, 1] == new:
                continue
            if old != 0:
                _take_out(level, old, places, pages, parts, free)
            places[row, slot] = _put_in(row, level, new, pages, parts, free) if new != 0 else 0


@compiled
def _put_in(row: int, level: int, number: int, pages: Numbers, parts: Numbers, free: Rows) -> int:
    """Return the place that the row got in a list."""
    filled = parts[number, LEVELS + level] % _ROOM
    if filled == 0:
        page = free[0]
        free[0] = pages[page, 0]
        free[1] -= 1
        pages[page, 0], pages[page, 1] = parts[number, level], number
        parts[number, level] = page
    parts[number, LEVELS + level] += 1
    head = parts[number, level]
    pages[head, _FIRST + filled] = row
    return int(head * _PAGE + _FIRST + filled)


@compiled
def _take_out(level: int, place: int, places: Numbers, pages: Numbers, parts: Numbers, free: Rows) -> None:
    """Clear a place: the last row of its list moves there."""
    number = pages[place // _PAGE, 1]
    parts[number, LEVELS + level] -= 1
    head, filled = parts[number, level], parts[number, LEVELS + level] % _ROOM
    moved = pages[head, _FIRST + filled]
    for slot in range(places.shape[1]):
        if places[moved, slot] == head * _PAGE + _FIRST + filled:
            places[moved, slot] = place
    pages[place // _PAGE, place % _PAGE] = moved
    if filled == 0:
        parts[number, level] = pages[head, 0]
        pages[head, 0] = free[0]
        free[0] = head
        free[1] += 1


@compiled
def _members(lists: Rows, pages: Numbers, parts: Numbers, most: int) -> Rows:
    rows = np.empty(most, dtype=np.int64)
    count, left, found = 0, most, rowmap.empty_map(most)
    for number in lists:
        for level in range(LEVELS - 1, -1, -1):
            size = parts[number, LEVELS + level]
            if size > left:
                break
            left -= size
            page, filled = parts[number, level], (size - 1) % _ROOM + 1
            while page != 0:
                for place in range(_FIRST, _FIRST + filled):
                    if rowmap.insert(found, pages[page, place], count) == count:
                        rows[count] = pages[page, place]
                        count += 1
                page, filled = pages[page, 0], _ROOM
    return rows[:count]
