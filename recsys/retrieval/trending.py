"""What many people clicked lately."""

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval.top import top_rows
from recsys.world import World


def top(world: World, k: int, now_ms: int) -> NDArray[np.int64]:
    """Return up to `k` available rows with the most recent clicks as they count at `now_ms`, ties by row."""
    items = world.items
    half_life_ms = 1_000.0 * world.config.trending_half_life_s
    age_ms = np.maximum(now_ms - items["counted_ms"], 0)
    recent = items["recent_clicks"] * np.exp2(-age_ms / half_life_ms)
    available = items["available"]
    return top_rows(np.where(available, recent, -1.0), min(k, int(np.count_nonzero(available))))
