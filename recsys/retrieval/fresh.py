"""What entered the catalogue last."""

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.world import World


def newest(world: World, k: int) -> NDArray[np.int64]:
    """Return up to `k` available rows, the last to enter first. Rows are given out in order, so the end is new."""
    return last(world.items["available"], k)


@compiled
def last(available: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """Return the last `k` rows that are available, the very last first."""
    found = np.empty(min(k, available.shape[0]), dtype=np.int64)
    count = 0
    for row in range(available.shape[0] - 1, -1, -1):
        if count == found.shape[0]:
            break
        if available[row]:
            found[count] = row
            count += 1
    return found[:count]
