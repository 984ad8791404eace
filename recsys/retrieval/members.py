"""What a category's shelf is made of: its items, and of a large category those that people click."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval.popular import EVERY_SESSIONS
from recsys.retrieval.top import top_unordered
from recsys.statistics import SESSIONS_KEPT
from recsys.world import World

#: Items of a category that are scored.
SCORED: Final = 1_024

Rows = NDArray[np.int64]


def members(world: World, name: str) -> Rows:
    """Return available rows of a category, ascending: all, or those `SCORED` with most clicks, then the newest ones.

    Costs a look at each item of the catalogue, some milliseconds for a million; scoring them all would take a hundred
    times as long.
    """
    rows = world.category(name)
    if len(rows) <= SCORED:
        return rows
    newest_first, items = rows[::-1], world.items
    idle = items["counted_serial"][newest_first] - world.serial
    clicks = items["popularity_long"][newest_first] * np.exp(idle / SESSIONS_KEPT[-1])
    return np.sort(newest_first[top_unordered(clicks, SCORED)])


class Members:
    """`members` for many requests: looked up anew when the catalogue changed, and every `EVERY_SESSIONS`."""

    def __init__(self) -> None:
        self._stamp: tuple[object, int] | None = None
        self._found: dict[str, Rows] = {}

    def of(self, world: World, name: str) -> Rows:
        """Return the rows of `members` as they were looked up last, less what was removed since."""
        stamp = (world.edition, world.serial // EVERY_SESSIONS)
        if stamp != self._stamp:
            self._stamp, self._found = stamp, {}
        if name not in self._found:
            self._found[name] = members(world, name)
        rows = self._found[name]
        there: NDArray[np.bool_] = world.items["available"][rows]
        return rows[there]
