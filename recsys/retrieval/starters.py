"""What to begin with: items that many know, as unlike each other as can be."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval import content, fresh
from recsys.world import World

#: Popular items that are chosen from.
POOL: Final = 60
#: How much being unlike those chosen already counts, against going from the last of the pool to the first.
APART: Final = 2.0


def starters(world: World, count: int) -> NDArray[np.int64]:
    """Return up to `count` available rows: the most popular item, then each time one popular and far from the others.

    Where nothing was clicked yet, the newest stand in for the popular.
    """
    popular = world.popular[world.items["available"][world.popular]]
    pool = popular[:POOL] if len(popular) >= count else fresh.newest(world, POOL)
    if not len(pool):
        return pool
    vectors, standing = world.contents["content"], 1.0 - np.arange(len(pool)) / len(pool)
    chosen = [0]
    while len(chosen) < min(count, len(pool)):
        alike = content.cosines(vectors, pool, vectors[pool[chosen]]).max(axis=1)
        value = standing - APART * alike
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return pool[chosen]
