"""Why each film of a slate is there: a sentence first, and on demand the numbers, which add up as printed."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

import numpy as np
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from recsys.ranking import PARTS, Slate, Strengths
from recsys.world import World
from webapp.feed.reasons import sentence
from webapp.feed.selectors import title

DIGITS: Final = 2

#: What each contribution is called before a visitor.
NAMES: Final = {
    "popular": "what many open",
    "new": "what came in lately",
    "neighbours": "what others opened along with yours",
    "session": "likeness to what you opened",
    "taste": "your taste",
    "other": "how these work together",
    "repeats": "repeating the films above",
    "lacks": "filling a gap in the list",
    "chance": "chance, to learn",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Contribution:
    """One thing that a film won its place with: its name, as printed, and its bar's start and width in percent."""

    kind: str
    name: str
    printed: str
    start: float
    width: float


@dataclasses.dataclass(frozen=True, slots=True)
class Moves:
    """What changed from one slate to the next.

    Attributes
    ----------
    cards : int
        Films that are new on it or stand elsewhere.
    of : int
        Films on it.
    by : str
        What changed most in what the films of the slate won their places with; empty where nothing did.
    points : str
        By how much, on average, as printed.
    """

    cards: int
    of: int
    by: str
    points: str


def why_list(slate: Slate, world: World, path: str) -> SafeString:
    """Return a list element for each film of a ranked slate, from the top: what it won its place with, and a sentence.

    The HTML is put together here, as that of cards is: it comes with each click, and a template took longer for it.

    Parameters
    ----------
    slate : Slate
    world : World
        For titles.
    path : str
        Address of a film's numbers, less the film.
    """
    if slate.strengths is None:
        return SafeString("")
    path = escape(path)
    return mark_safe("".join(_why(slate, slate.strengths, slot, world, path) for slot in range(len(slate.items))))


def _why(slate: Slate, strengths: Strengths, slot: int, world: World, path: str) -> str:
    item = slate.items[slot]
    identity, address = escape(item), f"{path}{quote(item, safe='')}"
    strength = signed(round(sum(_scaled(strengths.contributions(slot).values(), DIGITS))), DIGITS)
    tried = '<span class="tried">a try</span> ' if slate.explored[slot] else ""
    return (
        f'<li data-why="{identity}"><details data-key="why-{identity}" hx-get="{address}" hx-trigger="toggle once" '
        f'hx-target="find .why-numbers"><summary><span class="why-title">{escape(title(world, item))}</span> '
        f'<span class="why-strength">{strength}</span> '
        f'<span class="why-sentence">{tried}{sentence(slate.reasons[slot], world)}</span></summary>'
        f'<div class="why-numbers"><a href="{address}">The numbers</a></div></details></li>'
    )


def contributions(slate: Slate, item: str) -> tuple[list[Contribution], float, str]:
    """Return what an item won its place with, where the bars' zero is, and the sum.

    What is printed adds up to the sum as it is printed; what would print as 0 is left out.

    Raises
    ------
    ValueError
        When the slate was not ranked, or does not have the item.
    """
    if slate.strengths is None:
        raise ValueError("expected a slate that was ranked")
    units = _units(slate.strengths, slate.items.index(item))
    lowest, highest = min(0, *units.values()), max(1, *units.values())
    scale = 100 / (highest - lowest)
    parts = [
        Contribution(kind, NAMES[kind], signed(unit, DIGITS), (min(unit, 0) - lowest) * scale, abs(unit) * scale)
        for kind, unit in units.items()
        if unit
    ]
    return parts, -lowest * scale, signed(sum(units.values()), DIGITS)


def moves(now: Slate, before: Slate) -> Moves:
    """Return what changed between two slates of a session."""
    stood = {item: place for place, item in enumerate(before.items)}
    moved = sum(stood.get(item) != place for place, item in enumerate(now.items))
    by, points = "", ""
    if now.strengths is not None and before.strengths is not None and len(now.items) and len(before.items):
        change = now.strengths.parts.mean(axis=0) - before.strengths.parts.mean(axis=0)
        largest = int(np.abs(change).argmax())
        units = round(float(change[largest]) * 10**DIGITS)
        if moved and units:
            by, points = NAMES[PARTS[largest]], signed(units, DIGITS)
    return Moves(moved, len(now.items), by, points)


def _units(strengths: Strengths, slot: int) -> dict[str, int]:
    """Return a slot's contributions in whole units of the last digit, which add up."""
    found = strengths.contributions(slot)
    return dict(zip(found, adding_up(list(found.values()), DIGITS), strict=True))


def adding_up(values: Sequence[float], digits: int) -> list[int]:
    """Return the values in whole units of the last digit, rounded so that they add up to their rounded sum.

    Each is rounded up or down; those with the largest remainders are rounded up.

    >>> adding_up([0.333, 0.333, 0.334], 2)
    [33, 33, 34]
    >>> adding_up([1.25, 1.25, -0.5], 1)
    [13, 12, -5]
    """
    scaled = _scaled(values, digits)
    units = [math.floor(value) for value in scaled]
    missing = round(sum(scaled)) - sum(units)
    by_remainder = sorted(range(len(units)), key=lambda at: (units[at] - scaled[at], at))
    for at in by_remainder[:missing]:
        units[at] += 1
    return units


def _scaled(values: Iterable[float], digits: int) -> list[float]:
    """Return the values in units of the last digit; the rounded sum of these is what `adding_up` adds up to."""
    return [value * 10.0**digits for value in values]


def signed(units: int, digits: int) -> str:
    r"""Return units of the last digit with a sign, as people write it.

    >>> signed(123, 2), signed(0, 2), signed(-5, 2) == "\N{MINUS SIGN}0.05"
    ('+1.23', '0.00', True)
    """
    sign = "+" if units > 0 else "\N{MINUS SIGN}" if units < 0 else ""
    return f"{sign}{abs(units) / 10**digits:.{digits}f}"
