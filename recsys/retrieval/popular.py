"""What is clicked most at present, kept at hand in the world so that asking costs nothing."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import POPULARITY
from recsys.retrieval.top import positive_top_rows
from recsys.statistics import SESSIONS_KEPT
from recsys.world import World

#: How many items are kept, and after how many sessions they are looked up anew.
KEPT: Final = 200
EVERY_SESSIONS: Final = 64
#: Which of `POPULARITY` decides.
_SCALE: Final = 0

Floats = NDArray[np.float64]


def is_due(world: World) -> bool:
    """Return whether enough sessions have come since the popular items were looked up; always while they are few."""
    return world.serial % EVERY_SESSIONS == 0 or len(world.popular) < EVERY_SESSIONS


def refresh(world: World) -> None:
    """Look up the most popular items anew. Costs a pass over the catalogue; part of the fold."""
    items = world.items
    faded = _faded(items["available"], items[POPULARITY[_SCALE]], items["counted_serial"], world.serial)
    world.popular = positive_top_rows(faded, KEPT)


@compiled
def _faded(available: NDArray[np.bool_], counts: Floats, counted_serial: Floats, serial: int) -> Floats:
    """Return the clicks of each item as they count now, 0 for those that are not available."""
    faded = np.zeros(available.shape[0])
    for row in range(available.shape[0]):
        if available[row] and counts[row] > 0.0:
            faded[row] = counts[row] * math.exp((counted_serial[row] - serial) / SESSIONS_KEPT[_SCALE])
    return faded
