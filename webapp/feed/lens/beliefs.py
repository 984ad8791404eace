"""Beliefs as distributions: one row for each taste, on an axis that all rows share.

Everybody's is a soft density in neutral; this session's are quantile dots (twenty equally likely places) before it, and
an outline shows where the session stood before its last event. The axis is how much more than most visitors this one
likes it, in points: log odds of choosing a film for it.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from recsys.sessions import Session
from recsys.sessions.portrait import Portrait, leanings

DOTS: Final = 20
#: Rows that stand open; the rest is there on demand.
ROWS_FIRST: Final = 6

_WIDTH: Final = 200.0
_HEIGHT: Final = 34.0
_BASE: Final = 32.0
_DOT: Final = 7.0
_PLACES: Final = tuple(NormalDist().inv_cdf((n + 0.5) / DOTS) for n in range(DOTS))
_CURVE: Final = tuple((z / 3, math.exp(-((z / 3) ** 2) / 2)) for z in range(-8, 9))
#: What a unit of each leaning is, for visitors.
_LEANINGS: Final = {
    "popularity": "much opened",
    "freshness": "new here",
    "votes": "opened along",
    "similarity_session": "alike",
    "year": "recent years",
}
#: Deviations that the axis leaves room for on both sides.
_REACH: Final = 2.0
#: A mean that moved by less has not moved to the eye.
_UNSEEN: Final = 0.005


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One taste, in points above what most visitors make of it.

    Attributes
    ----------
    name : str
    mean, deviation : float
        This session's belief.
    anybody : float
        Deviation of the belief about anybody, whose mean is 0.
    effect : float
        What that adds to the score of a film that is nothing else.
    before : float or None
        The mean before the last event; None where it did not move or is not remembered.
    svg : SafeString
    """

    name: str
    mean: float
    deviation: float
    anybody: float
    effect: float
    before: float | None
    svg: SafeString


def rows(portrait: Portrait, before: Portrait | None, limit: int | None = None) -> list[Row]:
    """Return a row for each taste (or `limit`), first those that moved farthest from most visitors'."""
    order = np.argsort(-np.abs(portrait.mean), kind="stable")
    scale = _WIDTH / 2 / reach(portrait, before)
    places = {} if before is None else {name: (before, at) for at, name in enumerate(before.names)}
    return [_row(portrait, int(at), scale, places.get(portrait.names[at])) for at in order[:limit]]


def leaning_portrait(session: Session) -> Portrait:
    """Return what may count more for one visitor than for another, in visitors' words."""
    portrait = leanings(session)
    return portrait._replace(names=tuple(_LEANINGS[name] for name in portrait.names))


def reach(portrait: Portrait, before: Portrait | None) -> int:
    """Return how many points the axis reaches to both sides: anybody fits, and so does the session, now and before."""
    ends = [_REACH * portrait.anybody]
    ends += [np.abs(each.mean) + _REACH * each.deviation for each in (portrait, before) if each is not None]
    return math.ceil(max(float(end.max(initial=1.0)) for end in ends))


def _row(portrait: Portrait, at: int, scale: float, earlier: tuple[Portrait, int] | None) -> Row:
    mean, deviation, anybody = (float(each[at]) for each in (portrait.mean, portrait.deviation, portrait.anybody))
    before = None
    if earlier is not None:
        then, place = earlier
        before = float(then.mean[place]), float(then.deviation[place])
    if before is not None and abs(before[0] - mean) < _UNSEEN:
        before = None
    name = portrait.names[at]
    ghost = "" if before is None else f'<path class="ghost" d="{_density(*before, scale)}"/>'
    drawing = (
        f'<svg class="belief" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(_spoken(name, mean, deviation))}"><path class="zero" d="M{_WIDTH / 2:g} 0V{_BASE:g}"/>'
        f'<path class="everybody" d="{_density(0.0, anybody, scale)}Z"/>'
        f'<path class="base" d="M0 {_BASE:g}H{_WIDTH:g}"/>{ghost}'
        f'<path class="you" d="{_dots(mean, deviation, scale)}"/></svg>'
    )
    return Row(
        name=name,
        mean=mean,
        deviation=deviation,
        anybody=anybody,
        effect=float(portrait.effect[at]),
        before=None if before is None else before[0],
        svg=mark_safe(drawing),
    )


@functools.lru_cache(maxsize=1_024)
def _density(mean: float, deviation: float, scale: float) -> str:
    """Return the outline of a Gaussian that covers as much as all the dots do."""
    middle, spread = _WIDTH / 2 + mean * scale, max(deviation * scale, 1.0)
    height = min(DOTS * _DOT * _DOT / (spread * math.sqrt(2 * math.pi)), _BASE - 1)
    # What is left of its tails beyond the axis is cut: beside a drawing there are others.
    across = ((min(max(middle + z * spread, 0.0), _WIDTH), share) for z, share in _CURVE)
    points = " ".join(f"{x:.1f} {_BASE - height * share:.1f}" for x, share in across)
    return f"M{points}"


def _dots(mean: float, deviation: float, scale: float) -> str:
    """Return the dots as one path, of lines that are nothing but round ends; stacked where they would overlap."""
    middle, spread = _WIDTH / 2 + mean * scale, deviation * scale
    stacks = _stacked([middle + z * spread for z in _PLACES])
    step = min(_DOT, (_BASE - _DOT) / max(max(level for _, level in stacks), 1))
    return "".join(f"M{x:.1f} {_BASE - _DOT / 2 - level * step:.1f}h0" for x, level in stacks)


def _stacked(places: Sequence[float]) -> list[tuple[float, int]]:
    """Return each place moved to the first of those it would overlap, and how many lie below it there."""
    stacks: list[tuple[float, int]] = []
    for x in places:
        if stacks and x - stacks[-1][0] < _DOT:
            stacks.append((stacks[-1][0], stacks[-1][1] + 1))
        else:
            stacks.append((x, 0))
    return stacks


def _spoken(name: str, mean: float, deviation: float) -> str:
    than = "more than most" if mean >= 0 else "less than most"
    return f"{name}: {abs(mean):.1f} points {than}, give or take {deviation:.1f}"
