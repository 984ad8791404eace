"""An item's own appeal: what its features do not say about how often it is chosen.

One Gaussian belief for each item, around 0: a hierarchical term of the choice model, which shrinks towards what the
item's content and popularity promise as long as little is known of it, and is as unsure as that. Evidence fades.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled

#: How much items differ beyond their features: variance in squared logits.
VARIANCE: Final = 0.3

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def appeal(information: float, shift: float, idle_ms: float, fading: float) -> float:
    """Return the expected appeal of an item, in logits, with its evidence faded for a while (rate per millisecond)."""
    if information == 0.0:
        return 0.0
    kept = math.exp(-max(idle_ms, 0.0) * fading)
    return kept * shift / (1.0 / VARIANCE + kept * information)


def beliefs(now_ms: int, information: Floats, shift: Floats, known_ms: Floats, fading: float) -> tuple[Floats, Floats]:
    """Return mean and variance of the appeal of every item, in logits, as `appeal` has the mean of one."""
    kept = np.exp(-np.maximum(now_ms - known_ms, 0) * fading)
    variance = 1.0 / (1.0 / VARIANCE + kept * information)
    return kept * shift * variance, variance


@compiled
def learn(
    rows: Rows,
    errors: Floats,
    probabilities: Floats,
    now_ms: int,
    information: Floats,
    shift: Floats,
    known_ms: Floats,
    fading: float,
    touched: NDArray[np.bool_],
) -> None:
    """Add what one choice teaches about each of its items.

    Parameters
    ----------
    rows : int64 array of shape (n,)
        Distinct items that could be chosen.
    errors, probabilities : float64 arrays of shape (n,)
        How likely the model found each, and that minus what happened (1 for the chosen one).
    now_ms : int
        Log time.
    information, shift, known_ms : arrays
        Columns of the world's table of items; changed in place.
    fading : float
        Rate per millisecond at which evidence fades.
    touched : bool array
        Set for each row that changed.
    """
    for i in range(rows.shape[0]):
        row = rows[i]
        kept = math.exp(-max(now_ms - known_ms[row], 0.0) * fading)
        known_ms[row] = max(float(now_ms), known_ms[row])
        information[row] *= kept
        shift[row] *= kept
        mean = shift[row] / (1.0 / VARIANCE + information[row])
        more = probabilities[i] * (1.0 - probabilities[i])
        information[row] += more
        shift[row] += more * mean - errors[i]
        touched[row] = True
