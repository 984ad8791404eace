"""What became of a slate that was shown: the one definition of seen, chosen and passed over.

The session (next slate) and the label join (everybody's model) both feed their events through `ShownSlate`, so
both learn from the same choices.
"""

import enum
import struct
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.events import SlateServed
from recsys.layout import SIGNAL_COUNT
from recsys.models.base import NONE_OF_THESE
from recsys.packing import is_usable, unpack
from recsys.renumbering import GONE, Places

#: Row of an item that this world does not know, or not any more.
UNKNOWN_ROW: Final = GONE
_ROW: Final = struct.Struct("<i")


class Choice(NamedTuple):
    """One example: what could be chosen, and what was.

    Attributes
    ----------
    positions : tuple of int
        Slate positions that had been seen and were still open, ascending.
    chosen : int
        Index into `positions`, or `NONE_OF_THESE`.
    """

    positions: tuple[int, ...]
    chosen: int


class Mark(enum.IntEnum):
    """Bits of what is known of one position. Plain integers: `enum.IntFlag` costs a third of the fold."""

    SEEN = 1
    CLICKED = 2
    DISMISSED = 4
    PASSED = 8


class ShownSlate(msgspec.Struct, gc=False):
    """A slate and what the visitor did with it; stands in the fold's snapshot as it is.

    Attributes
    ----------
    slate, surface : str
        Its id and where it stood.
    places : bytes
        World row of each position, little-endian int32: a tenth of what a tuple takes, and the fold holds tens of
        thousands of slates. `UNKNOWN_ROW` for items that this world does not know: these can't be seen, chosen or
        passed over.
    packed : bytes
        Raw features as served, of shape (n, SIGNAL_COUNT), packed (`recsys.packing`).
    served_ms : int
        Event time of the slate.
    marks : bytearray of shape (n,)
        Each position's `Mark`.
    closed : bool
        Whether it was left.
    answered : bool
        Whether a click went to another slate while positions were open here.
    """

    slate: str
    surface: str
    places: bytes
    packed: bytes
    served_ms: int
    marks: bytearray = msgspec.field(default_factory=bytearray)
    closed: bool = False
    answered: bool = False

    def __post_init__(self) -> None:
        self.marks = self.marks or bytearray(len(self.places) // _ROW.size)

    @classmethod
    def from_event(cls, event: SlateServed, rows: Sequence[int]) -> "ShownSlate | None":
        """Return the slate that `event` describes, None where its signals do not fit this code's features.

        One value that is not finite would stay in every belief that learned from it.
        """
        if not is_usable(event.signals, len(event.items) * SIGNAL_COUNT):
            return None
        return cls.of(event.slate, sys.intern(event.surface), rows, event.signals, event.event_time_ms)

    @classmethod
    def of(cls, slate: str, surface: str, rows: Sequence[int], packed: bytes, served_ms: int) -> "ShownSlate":
        """Return a slate of these world rows that nothing has been done with."""
        return cls(slate, surface, struct.pack(f"<{len(rows)}i", *rows), packed, served_ms)

    @property
    def rows(self) -> tuple[int, ...]:
        """World row of each position; unpacked anew each time, about 0.3 µs."""
        return struct.unpack(f"<{len(self.marks)}i", self.places)

    @property
    def signals(self) -> NDArray[np.float32]:
        """The raw features as served, float32 of shape (n, SIGNAL_COUNT); unpacked anew each time, about 5 µs."""
        return unpack(self.packed, len(self.marks), SIGNAL_COUNT)

    @property
    def clicked(self) -> bool:
        """Whether anything on it was clicked."""
        return any(mark & Mark.CLICKED for mark in self.marks)

    def row_at(self, position: int) -> int:
        """Return the world row at a position."""
        row: int = _ROW.unpack_from(self.places, position * _ROW.size)[0]
        return row

    def position_of(self, row: int, hint: int) -> int | None:
        """Return where `row` stands, looking at `hint` first; None where it was not shown."""
        if 0 <= hint < len(self.marks) and self.row_at(hint) == row:
            return hint
        rows = self.rows
        return rows.index(row) if row in rows else None

    def saw(self, position: int) -> bool:
        """Note that the item was on screen; return whether that was news."""
        if self.row_at(position) == UNKNOWN_ROW or self.marks[position] & Mark.SEEN:
            return False
        self.marks[position] |= Mark.SEEN
        return True

    def click(self, position: int) -> Choice | None:
        """Note a click; return the choice that it makes, None where the item was clicked before or is unknown.

        The alternatives are what had been seen by now and was neither clicked nor dismissed, so that several
        clicks are successive choices without replacement. A click is proof of having seen. After the slate
        was left its other items have been counted already: the click then stands alone.
        """
        if self.row_at(position) == UNKNOWN_ROW or self.marks[position] & Mark.CLICKED:
            return None
        self.marks[position] |= Mark.SEEN
        open_now = (position,) if self.closed else self._open(besides=position)
        self.marks[position] |= Mark.CLICKED
        return Choice(open_now, open_now.index(position))

    def dismiss(self, position: int) -> Choice | None:
        """Note "not for me": a choice of nothing out of this one. None where that was said before."""
        if self.row_at(position) == UNKNOWN_ROW or self.marks[position] & Mark.DISMISSED:
            return None
        self.marks[position] |= Mark.SEEN | Mark.DISMISSED
        return Choice((position,), NONE_OF_THESE)

    def restore(self, position: int) -> None:
        """Take a dismissal back: the item is open to choice again."""
        self.marks[position] &= ~Mark.DISMISSED

    def outdone(self) -> tuple[int, ...]:
        """Note that a click went to another slate on the page; return the positions that were open here.

        They are alternatives of that click, so leaving this slate afterwards teaches nothing more.
        """
        open_now = () if self.closed else self._open()
        self.answered |= bool(open_now)
        return open_now

    def leave(self) -> Choice | None:
        """Note that the slate was left; return "none of these" where something was seen and nothing clicked, once."""
        open_now = self._open()
        if self.closed or not open_now:
            return None
        self.closed = True
        return None if self.clicked or self.answered else Choice(open_now, NONE_OF_THESE)

    def settle(self) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """Note that all is known of the slate; return what was seen and not dismissed, and what of it was clicked."""
        self.closed = True
        seen = tuple(at for at, mark in enumerate(self.marks) if mark & Mark.SEEN and not mark & Mark.DISMISSED)
        return seen, tuple(bool(self.marks[position] & Mark.CLICKED) for position in seen)

    def newly_passed(self, choice: Choice) -> list[int]:
        """Return the rows that `choice` passes over for the first time on this slate; a second call has none."""
        fresh = [
            position
            for index, position in enumerate(choice.positions)
            if index != choice.chosen and not self.marks[position] & (Mark.PASSED | Mark.DISMISSED)
        ]
        for position in fresh:
            self.marks[position] |= Mark.PASSED
        return [self.row_at(position) for position in fresh]

    def renumber(self, places: Places) -> None:
        """Name items by their new rows. Of one that is gone, only stays that it was clicked."""
        rows = [UNKNOWN_ROW if row == UNKNOWN_ROW else int(places[row]) for row in self.rows]
        self.places = struct.pack(f"<{len(rows)}i", *rows)
        for position, row in enumerate(rows):
            if row == UNKNOWN_ROW:
                self.marks[position] &= Mark.CLICKED

    def _open(self, besides: int = UNKNOWN_ROW) -> tuple[int, ...]:
        """Return the positions seen and neither clicked nor dismissed, and `besides` in any case."""
        gone = Mark.CLICKED | Mark.DISMISSED
        return tuple(
            position
            for position, mark in enumerate(self.marks)
            if position == besides or (mark & Mark.SEEN and not mark & gone)
        )
