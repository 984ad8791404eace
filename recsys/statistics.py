"""Item statistics: how often each item was seen and clicked, fading with time.

Counts are decayed when they are touched, to the moment in their ``counted_ms``; whoever reads them decays them
further to its own now (`recsys.features`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.world import World

_MS: Final = 1_000.0


def count(world: World, row: int, at_ms: int, *, impressions: int = 0, clicks: int = 0) -> None:
    """Add to an item's counts at event time `at_ms`. An event older than the last one counts as if it were now."""
    items = world.items
    _count(
        items["impressions"],
        items["clicks"],
        items["recent_clicks"],
        items["counted_ms"],
        row,
        at_ms,
        world.config.popularity_half_life_s * _MS,
        world.config.trending_half_life_s * _MS,
        impressions,
        clicks,
    )
    items.touch(row)


@compiled
def _count(
    impressions: NDArray[np.float64],
    clicks: NDArray[np.float64],
    recent_clicks: NDArray[np.float64],
    counted_ms: NDArray[np.int64],
    row: int,
    at_ms: int,
    popularity_half_life_ms: float,
    trending_half_life_ms: float,
    seen: int,
    clicked: int,
) -> None:
    idle_ms = max(at_ms - counted_ms[row], 0)
    kept = 2.0 ** (-idle_ms / popularity_half_life_ms)
    impressions[row] = impressions[row] * kept + seen
    clicks[row] = clicks[row] * kept + clicked
    recent_clicks[row] = recent_clicks[row] * 2.0 ** (-idle_ms / trending_half_life_ms) + clicked
    counted_ms[row] += idle_ms
