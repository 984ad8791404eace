"""What is hardly known yet: items of which too few clicks could have been expected to tell how much people like them.

What a list teaches of an item (`recsys.models.appeal`) is worth about the clicks that were expected of it, and a
history's clicks say as much; so evidence is counted in clicks, and a new item starts with none.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import STATISTICS
from recsys.models.appeal import VARIANCE
from recsys.models.random import mixed, uniform
from recsys.world import World

#: Expected or real clicks after which an item is proven: its own evidence then weighs as much as what was assumed.
PROVEN: Final = 1.0 / VARIANCE
#: Places of the catalogue that a session looks at, in a larger one every second among the `LATEST` that entered last,
#: and the unproven items that it takes from there.
LOOKS: Final = 256
LATEST: Final = 512
TAKEN: Final = 12

#: Scale of a logistic distribution whose standard deviation is 1.
LOGISTIC: Final = math.sqrt(3.0) / math.pi

_INFORMATION: Final = STATISTICS.index("appeal_information")
_SHIFT: Final = STATISTICS.index("appeal_shift")

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


def unproven(world: World, key: int) -> Rows:
    """Return up to `TAKEN` available rows that are unproven, the same for the same `key` until more is known of them.

    A session takes those whose appeal is largest when drawn from what is believed of it (Thompson sampling): each has
    its turn in some sessions, one that did well in more of them. The cost does not grow with the catalogue.
    """
    return _looked_up(world.items["available"], world.items["statistics"], world.rings["postings"], key)


def deviations(world: World, rows: Rows, tried: Rows) -> Floats:
    """Return how far the own appeal of each of `rows` that is `tried` may be off: a standard deviation in logits.

    It is 0 for all others. Who is `tried` are as few as `unproven` returns.
    """
    return _deviations(world.items["statistics"], world.rings["postings"], rows, tried)


@compiled
def _evidence(statistics: Floats, postings: Rows, row: int) -> float:
    return float(max(statistics[row, _INFORMATION], postings[row]))


@compiled
def _variance(evidence: float) -> float:
    return 1.0 / (1.0 / VARIANCE + evidence)


@compiled
def _deviations(statistics: Floats, postings: Rows, rows: Rows, tried: Rows) -> Floats:
    found = np.zeros(rows.shape[0])
    for i in range(rows.shape[0]):
        if rows[i] in tried:
            found[i] = math.sqrt(_variance(_evidence(statistics, postings, rows[i])))
    return found


@compiled
def _looked_up(available: NDArray[np.bool_], statistics: Floats, postings: Rows, key: int) -> Rows:
    count = available.shape[0]
    found, drawn, taken = np.empty(TAKEN, dtype=np.int64), np.full(TAKEN, -math.inf), 0
    for look in range(min(count, LOOKS)):
        row = look
        if count > LOOKS:
            among = min(count, LATEST) if look % 2 else count
            row = count - 1 - np.int64(mixed(key, look) % np.uint64(among))
        if not available[row] or _evidence(statistics, postings, row) >= PROVEN:
            continue
        appeal = _drawn_appeal(statistics, postings, row, key)
        if appeal <= drawn[TAKEN - 1] or row in found[:taken]:
            continue
        place = min(taken, TAKEN - 1)
        while place > 0 and drawn[place - 1] < appeal:
            found[place], drawn[place] = found[place - 1], drawn[place - 1]
            place -= 1
        found[place], drawn[place] = row, appeal
        taken = min(taken + 1, TAKEN)
    return found[:taken]


@compiled
def _drawn_appeal(statistics: Floats, postings: Rows, row: int, key: int) -> float:
    """Return what the item's own appeal may be, drawn from what is believed of it (a logistic of the same width)."""
    variance = _variance(_evidence(statistics, postings, row))
    chance = uniform(key, row)
    return float(
        statistics[row, _SHIFT] * variance + LOGISTIC * math.sqrt(variance) * math.log(chance / (1.0 - chance))
    )
