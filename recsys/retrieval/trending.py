"""What many people clicked lately."""

import math

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import STATISTICS
from recsys.world import World

_RECENT_CLICKS = STATISTICS.index("recent_clicks")
_COUNTED_MS = STATISTICS.index("counted_ms")


def top(world: World, k: int, now_ms: int) -> NDArray[np.int64]:
    """Return up to `k` available rows with the most recent clicks as they count at `now_ms`, ties by row.

    Costs one look at each item: milliseconds for a million.
    """
    items = world.items
    half_life_ms = 1_000.0 * world.config.trending_half_life_s
    return _top(items["available"], items["statistics"], k, float(now_ms), half_life_ms)


@compiled
def _top(
    available: NDArray[np.bool_], statistics: NDArray[np.float64], k: int, now_ms: float, half_life_ms: float
) -> NDArray[np.int64]:
    best, counts, found = np.empty(k, dtype=np.int64), np.full(k, -math.inf), 0
    for row in range(available.shape[0]):
        # Clicks only fade: who had too few when they were counted has too few now.
        if k == 0 or not available[row] or statistics[row, _RECENT_CLICKS] <= counts[k - 1]:
            continue
        idle_ms = max(now_ms - statistics[row, _COUNTED_MS], 0.0)
        count = statistics[row, _RECENT_CLICKS] * 2.0 ** (-idle_ms / half_life_ms)
        if count <= counts[k - 1]:
            continue
        place = min(found, k - 1)
        while place > 0 and counts[place - 1] < count:
            best[place], counts[place] = best[place - 1], counts[place - 1]
            place -= 1
        best[place], counts[place] = row, count
        found = min(found + 1, k)
    return best[:found]
