"""How much sessions differ from each other in each weight: the prior of every session's belief, learned from all.

Empirical Bayes, online. Before each choice a session's belief has moved a weight by some delta; had sessions been taken
to differ more, it would have moved further. Whether that would have made the choice likelier is the sign of
gradient x delta, so the log of each variance climbs the likelihood of what sessions do next. A weight in which
sessions do not differ is held still by its variance, one in which they do is let go: no list of "adaptive" signals.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.errors import CorruptState

#: AdaGrad's step in the log of a variance, and the squared slope that each starts with.
RATE: Final = 0.3
FIRST_SQUARE: Final = 0.01
#: Bounds of a variance.
SMALLEST: Final = 1e-4
LARGEST: Final = 8.0

Floats = NDArray[np.float64]


class Spread:
    """Variance of each weight's delta between sessions.

    Parameters
    ----------
    variance : float64 array of shape (width,)
        What to start from; a weight with 0 stays the same for all sessions.
    """

    def __init__(self, variance: Floats) -> None:
        self._variance = np.array(variance)
        self._squares = np.full(len(variance), FIRST_SQUARE)

    def variance(self) -> Floats:
        """Return the variances, shape (width,). Do not write to it."""
        return self._variance

    def learn(self, gradient: Floats, delta: Floats, information: Floats) -> None:
        """Learn from one choice of a session.

        Parameters
        ----------
        gradient : float64 array of shape (width,), or the first part of it
            Of the choice's log-likelihood in the weights, before the session learned from it.
        delta, information : float64 arrays of shape (width,)
            The session's expected delta and its evidence's precision then.
        """
        _climb(self._variance, self._squares, gradient, delta, information)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the spread (views)."""
        return {"variance": self._variance, "squares": self._squares}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described. Raises `CorruptState` and changes nothing when it does not fit."""
        for name, mine in self.state().items():
            given = arrays.get(name)
            if given is None or given.dtype != np.float64 or given.shape != mine.shape:
                raise CorruptState(f"spread array {name!r}: expected float64 of shape {mine.shape}")
        for name, mine in self.state().items():
            mine[:] = arrays[name]


@compiled
def _climb(variance: Floats, squares: Floats, gradient: Floats, delta: Floats, information: Floats) -> None:
    for j in range(gradient.shape[0]):
        if delta[j] == 0.0 or variance[j] == 0.0:
            continue
        slope = gradient[j] * delta[j] / (1.0 + variance[j] * information[j])
        squares[j] += slope * slope
        moved = variance[j] * math.exp(RATE * slope / math.sqrt(squares[j]))
        variance[j] = min(max(moved, SMALLEST), LARGEST)
