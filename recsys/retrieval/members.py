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


class Members:
    """Looks up what is scored for a category's shelf, for many requests.

    Which items a category has is looked up when the catalogue has changed: a millisecond or two for a million, and far
    more where categories are so many that they share columns. Which of them are clicked is looked up every
    `EVERY_SESSIONS`.
    """

    def __init__(self) -> None:
        self._edition: object = None
        self._listed: dict[str, Rows] = {}
        self._round = 0
        self._chosen: dict[str, Rows] = {}

    def of(self, world: World, name: str) -> Rows:
        """Return available rows of a category, ascending: all, or the `SCORED` that have most clicks, then the newest.

        Clicks are as they were when these were looked up.
        """
        if world.edition is not self._edition:
            self._edition, self._listed, self._chosen = world.edition, {}, {}
        if world.serial // EVERY_SESSIONS != self._round:
            self._round, self._chosen = world.serial // EVERY_SESSIONS, {}
        if name not in self._listed:
            self._listed[name] = world.category(name)
        if name not in self._chosen:
            self._chosen[name] = _most_clicked(world, self._listed[name])
        return self._chosen[name]


def _most_clicked(world: World, rows: Rows) -> Rows:
    """Return `rows`, or the `SCORED` of them that are clicked most, then the last ones; ascending as they are."""
    if len(rows) <= SCORED:
        return rows
    last_first, items = rows[::-1], world.items
    idle = items["counted_serial"][last_first] - world.serial
    clicks = items["popularity_long"][last_first] * np.exp(idle / SESSIONS_KEPT[-1])
    return np.sort(last_first[top_unordered(clicks, SCORED)])
