"""Transition counts: what sessions went on with right after each item, over far more sessions than its ring remembers.

A ring of recent sessions says little about the twentieth most likely successor of an item that thousands open. Each
item counts `SUCCESSORS` others; one that is not among them takes the place of the least counted once that has been
counted down, so that whoever follows often stays. Counts fade with the item's own transitions: a busy item forgets as
fast as it learns, a rare one keeps what little it knows. What was chosen from a list that is known is not counted: that
says what was shown, and a site that counts it shows the same again.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.world import SUCCESSORS, World

#: Share of its counts that an item keeps at each transition from it: they fade by e in 4,000.
KEPT: Final = np.float32(1.0 - 1.0 / 4_000.0)
#: Transitions that are added to an item's own when shares are taken: one that was seen once is not certain.
DOUBT: Final = np.float32(2.0)

Rows = NDArray[np.int64]
Shares = NDArray[np.float32]
Items = NDArray[np.int32]
Counts = NDArray[np.float32]


def count(world: World, before: int, row: int) -> None:
    """Count that a session went on from item `before` with item `row`; the same item again is no transition."""
    if before == row:
        return
    table = world.transitions
    _count(table["item"], table["count"], before, row)
    table.touch(before)


@compiled
def successors(items: Items, counts: Counts, row: int) -> tuple[Rows, Shares]:
    """Return the items counted after `row`, and the share of its transitions that each has."""
    rows, shares = np.empty(SUCCESSORS, np.int64), np.empty(SUCCESSORS, np.float32)
    total, known = DOUBT, 0
    for place in range(SUCCESSORS):
        if items[row, place] >= 0:
            rows[known], shares[known] = items[row, place], counts[row, place]
            total += counts[row, place]
            known += 1
    return rows[:known], shares[:known] / total


@compiled
def _count(items: Items, counts: Counts, before: int, row: int) -> None:
    least, found = 0, -1
    for place in range(SUCCESSORS):
        counts[before, place] *= KEPT
        if counts[before, place] < counts[before, least]:
            least = place
        if items[before, place] == row:
            found = place
    if found >= 0:
        counts[before, found] += np.float32(1.0)
    elif counts[before, least] < np.float32(1.0):
        items[before, least] = row
        counts[before, least] = np.float32(1.0)
    else:
        counts[before, least] -= np.float32(1.0)
