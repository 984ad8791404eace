"""What entered the catalogue last."""

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval.top import top_rows
from recsys.world import World


def newest(world: World, k: int) -> NDArray[np.int64]:
    """Return up to `k` available rows, newest first, ties by row."""
    available = world.items["available"]
    seen_ms = np.where(available, world.items["first_seen_ms"], -np.inf)
    return top_rows(seen_ms, min(k, int(np.count_nonzero(available))))
