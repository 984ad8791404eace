"""What is clicked most at present, and what sessions begin with: kept in the world, so that asking costs nothing."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import POPULARITY
from recsys.retrieval.top import positive_top_rows
from recsys.statistics import BEGINNINGS_SCALE, SESSIONS_KEPT
from recsys.world import World

#: How many items are kept, and after how many sessions they are looked up anew.
KEPT: Final = 200
EVERY_SESSIONS: Final = 64
#: How many of what is offered before the first click are what sessions begin with; what is popular follows.
BEGINNINGS: Final = 60
#: Which of `POPULARITY` decides.
_SCALE: Final = 0

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


def is_due(world: World) -> bool:
    """Return whether enough sessions have come since the popular items were looked up; always while they are few."""
    return world.serial % EVERY_SESSIONS == 0 or len(world.popular) < EVERY_SESSIONS


def refresh(world: World) -> None:
    """Look up both anew. Costs two passes over the catalogue; part of the fold."""
    clicked = _current(world, POPULARITY[_SCALE], _SCALE, world.popular, KEPT)
    begun = _current(world, "beginnings", BEGINNINGS_SCALE, world.first_choices, BEGINNINGS)
    world.popular = positive_top_rows(clicked, KEPT)
    first = positive_top_rows(begun, BEGINNINGS)
    world.first_choices = np.concatenate([first, world.popular[~np.isin(world.popular, first)]])[:KEPT]


def _current(world: World, name: str, scale: int, before: Rows, wanted: int) -> Floats:
    items, sessions_kept = world.items, SESSIONS_KEPT[scale]
    available, counted = items["available"], items["counted_serial"]
    return _faded(available, items[name], counted, world.serial, sessions_kept, before[:wanted], wanted)


@compiled
def _faded(
    available: NDArray[np.bool_],
    counts: Floats,
    counted_serial: Floats,
    serial: int,
    sessions_kept: float,
    before: Rows,
    wanted: int,
) -> Floats:
    """Return the counts of each item as they count now, 0 for what is not available or not among those `wanted`.

    An item that had less than each of those from `before` still has, before it faded, is none of them.
    """
    floor = math.inf if before.shape[0] >= wanted else 0.0
    for row in before:
        now = counts[row] * math.exp((counted_serial[row] - serial) / sessions_kept)
        floor = min(floor, now if available[row] else 0.0)
    faded = np.zeros(available.shape[0])
    for row in range(available.shape[0]):
        if available[row] and counts[row] > 0.0 and counts[row] >= floor:
            faded[row] = counts[row] * math.exp((counted_serial[row] - serial) / sessions_kept)
    return faded
