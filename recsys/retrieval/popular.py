"""What is clicked most at present, kept at hand in the world so that asking costs nothing."""

from typing import Final

import numpy as np

from recsys.layout import POPULARITY
from recsys.retrieval.top import positive_top_rows
from recsys.statistics import SESSIONS_KEPT
from recsys.world import World

#: How many items are kept, and after how many sessions they are looked up anew.
KEPT: Final = 200
EVERY_SESSIONS: Final = 64
#: Which of `POPULARITY` decides.
_SCALE: Final = 0


def is_due(world: World) -> bool:
    """Return whether enough sessions have come since the popular items were looked up; always while they are few."""
    return world.serial % EVERY_SESSIONS == 0 or len(world.popular) < EVERY_SESSIONS


def refresh(world: World) -> None:
    """Look up the most popular items anew. Costs a pass over the catalogue; part of the fold."""
    items = world.items
    idle = world.serial - items["counted_serial"]
    faded = items[POPULARITY[_SCALE]] * np.exp(-idle / SESSIONS_KEPT[_SCALE])
    world.popular = positive_top_rows(np.where(items["available"], faded, 0.0), KEPT)
