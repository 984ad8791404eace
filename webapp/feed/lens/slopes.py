"""Two ranked lists of one visitor side by side: who stands where on the one and on the other."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from django.utils.safestring import SafeString, mark_safe

from recsys.ranking import Slate
from recsys.world import World

#: Height of a row and width of the space between the lists, in the drawing's units.
_ROW: Final = 10.0
_BETWEEN: Final = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A film on one of the lists; places from 1.

    Attributes
    ----------
    item, title : str
    place : int
    other : int
        Its place on the other list; 0 where it is not there.
    """

    item: str
    title: str
    place: int
    other: int

    @property
    def moved(self) -> str:
        """How it stands against the other list: an arrow with the places between; empty where it is not there."""
        if not self.other:
            return ""
        if self.other == self.place:
            return "="
        return f"↑ {self.other - self.place}" if self.other > self.place else f"↓ {self.place - self.other}"


@dataclasses.dataclass(frozen=True, slots=True)
class Slopes:
    """Both lists, what they share, and the lines between.

    Attributes
    ----------
    left, right : list of Entry
    shared : int
        Films that stand on both.
    still : int
        Films that stand in the same place on both.
    height : float
        Of the drawing, which is as high as the longer list.
    lines : SafeString
        One for each film that is shared.
    """

    left: list[Entry]
    right: list[Entry]
    shared: int
    still: int
    height: float
    lines: SafeString


def slopes(left: Slate, right: Slate, world: World) -> Slopes:
    """Return two slates of a visitor side by side."""
    ours, theirs = _entries(left, right.items, world), _entries(right, left.items, world)
    both = [entry for entry in ours if entry.other]
    return Slopes(
        left=ours,
        right=theirs,
        shared=len(both),
        still=sum(entry.place == entry.other for entry in both),
        height=_ROW * max(len(ours), len(theirs), 1),
        lines=mark_safe("".join(_line(entry) for entry in both)),
    )


def _entries(slate: Slate, other: Sequence[str], world: World) -> list[Entry]:
    places = {item: place for place, item in enumerate(other, start=1)}
    return [
        Entry(item, world.catalogue[row].title, place, places.get(item, 0))
        for place, (item, row) in enumerate(zip(slate.items, slate.rows, strict=True), start=1)
    ]


def _line(entry: Entry) -> str:
    start, end = (entry.place - 0.5) * _ROW, (entry.other - 0.5) * _ROW
    kind = "still" if entry.place == entry.other else "up" if entry.place < entry.other else "down"
    curve = f"C{_BETWEEN / 2:g} {start:g} {_BETWEEN / 2:g} {end:g} {_BETWEEN:g} {end:g}"
    return f'<path class="{kind}" d="M0 {start:g}{curve}"/>'
