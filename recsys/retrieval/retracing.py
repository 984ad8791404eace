"""What a session did before after its last click: a playlist goes round, two offers are compared by turns."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.rowmap import empty_map, insert

#: Clicks after an earlier place of the last one that are looked at.
AHEAD: Final = 8
#: Steps after that place at which a click counts e times less.
AHEAD_DECAY: Final = 3.0
#: Earlier places, from the latest, after which one counts e times less.
PLACE_DECAY: Final = 4.0
#: Clicks up to an earlier place that are compared with the latest ones: it counts by the square of how many agree.
COMPARED: Final = 4

Rows = NDArray[np.int64]
Shares = NDArray[np.float64]


@compiled
def retraced(trail: Rows) -> tuple[Rows, Shares]:
    """Return what came after earlier places of a trail's last click.

    Parameters
    ----------
    trail : int64 array of shape (clicks,)
        `SessionContext.path`: what the session clicked, oldest first.

    Returns
    -------
    rows : int64 array of shape (n,)
        Distinct items, those after the latest place first.
    shares : float64 array of shape (n, 2)
        How much of all earlier places speaks for the item as the next click, and for one of the next few, nearer ones
        counting more.
    """
    size, found, places, total = trail.shape[0], 0, 0, 0.0
    rows, shares = np.empty(size, np.int64), np.zeros((size, 2))
    index = empty_map(size)
    for place in range(size - 2, -1, -1):
        if trail[place] != trail[size - 1]:
            continue
        weight = math.exp(-places / PLACE_DECAY) * _agreeing(trail, place) ** 2
        places += 1
        total += weight
        for step in range(1, min(AHEAD, size - 1 - place) + 1):
            row = trail[place + step]
            at = insert(index, row, found)
            if at == found:
                rows[found] = row
                found += 1
            if step == 1:
                shares[at, 0] += weight
            shares[at, 1] += weight * math.exp(-(step - 1) / AHEAD_DECAY)
    return rows[:found], shares[:found] / max(total, 1e-300)


@compiled
def _agreeing(trail: Rows, place: int) -> int:
    """Return how many clicks up to `place` are the latest ones, at most `COMPARED`."""
    last, agreeing = trail.shape[0] - 1, 1
    while agreeing < min(COMPARED, place + 1) and trail[place - agreeing] == trail[last - agreeing]:
        agreeing += 1
    return agreeing
