"""What is clicked most at present, and what sessions begin with: kept in the world, so that asking costs nothing."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import POPULARITY, STATISTICS
from recsys.retrieval.top import positive_top_rows
from recsys.statistics import BEGINNINGS_SCALE, SESSIONS_KEPT
from recsys.world import World

#: How many items are kept, and after how many sessions they are looked up anew.
KEPT: Final = 200
EVERY_SESSIONS: Final = 64
#: How many of what is offered before the first click are what sessions begin with; what is popular follows.
BEGINNINGS: Final = 60
#: Which of `POPULARITY` decides.
_SCALE: Final = 0

#: What items lead by: clicks, then what sessions begin with; and the sessions after which each counts e times less.
_COUNTS: Final = (STATISTICS.index(POPULARITY[_SCALE]), STATISTICS.index("beginnings"))
_SESSIONS_KEPT: Final = (SESSIONS_KEPT[_SCALE], SESSIONS_KEPT[BEGINNINGS_SCALE])
_COUNTED_SERIAL: Final = STATISTICS.index("counted_serial")

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


def is_due(world: World) -> bool:
    """Return whether enough sessions have come since the popular items were looked up; always while they are few."""
    return world.serial % EVERY_SESSIONS == 0 or len(world.popular) < EVERY_SESSIONS


def refresh(world: World) -> None:
    """Look up both anew. Costs one pass over the catalogue; part of the fold."""
    before = (world.popular[:KEPT], world.first_choices[:BEGINNINGS])
    clicked, begun = _leading(world.items["available"], world.items["statistics"], world.serial, before)
    world.popular = _best(clicked, KEPT)
    first = _best(begun, BEGINNINGS)
    world.first_choices = np.concatenate([first, world.popular[~np.isin(world.popular, first)]])[:KEPT]


def _best(leading: tuple[Rows, Floats], wanted: int) -> Rows:
    rows, counts = leading
    return rows[positive_top_rows(counts, wanted)]


@compiled
def _leading(
    available: NDArray[np.bool_], statistics: Floats, serial: int, before: tuple[Rows, Rows]
) -> tuple[tuple[Rows, Floats], tuple[Rows, Floats]]:
    """Return the items that may have the largest of each of the `_COUNTS`, and these as they count now.

    An item that had less than each of those that led `before` still has, before it faded, is none of them.
    """
    floor = (
        _floor(available, statistics, serial, before[0], 0, KEPT),
        _floor(available, statistics, serial, before[1], 1, BEGINNINGS),
    )
    rows, counts = np.empty((2, available.shape[0]), dtype=np.int64), np.empty((2, available.shape[0]))
    first = second = 0
    for row in range(available.shape[0]):
        if not available[row]:
            continue
        if statistics[row, _COUNTS[0]] > 0.0 and statistics[row, _COUNTS[0]] >= floor[0]:
            rows[0, first], counts[0, first] = row, _faded(statistics, serial, row, 0)
            first += 1
        if statistics[row, _COUNTS[1]] > 0.0 and statistics[row, _COUNTS[1]] >= floor[1]:
            rows[1, second], counts[1, second] = row, _faded(statistics, serial, row, 1)
            second += 1
    return (rows[0, :first], counts[0, :first]), (rows[1, :second], counts[1, :second])


@compiled
def _floor(
    available: NDArray[np.bool_], statistics: Floats, serial: int, before: Rows, count: int, wanted: int
) -> float:
    """Return the least that those from `before` still have; 0 where they are fewer than `wanted`."""
    floor = math.inf if before.shape[0] >= wanted else 0.0
    for row in before:
        floor = min(floor, _faded(statistics, serial, row, count) if available[row] else 0.0)
    return floor


@compiled
def _faded(statistics: Floats, serial: int, row: int, count: int) -> float:
    """Return one of the `_COUNTS` of an item as it counts now."""
    idle = statistics[row, _COUNTED_SERIAL] - serial
    return float(statistics[row, _COUNTS[count]] * math.exp(idle / _SESSIONS_KEPT[count]))
