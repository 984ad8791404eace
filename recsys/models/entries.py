"""What visitors want by how they come: one Gaussian belief over tastes for each class of an entry.

A visit belongs to one class of each factor that is known of it (`recsys.layout.ENTRY`): when it began, where it came
from, on which page, with what device. What its classes are expected to want beyond everybody adds up, and enters the
design row as a signal; the last layer learns what that is worth. It is a hierarchical term of the choice model, as an
item's appeal is: shrunk towards what everybody wants as long as little is known, and as far as visits of a factor's
classes do not differ, which is learned from all of them (`recsys.models.spread`). Evidence fades.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.errors import CorruptState
from recsys.layout import ENTRY, TASTES
from recsys.models.spread import Spread

#: How much classes of a factor differ in a taste before anything is known: variance in squared logits.
VARIANCE: Final = 0.05

#: The factor of each class, by the place of both.
_FACTOR: Final = np.repeat(np.arange(len(ENTRY)), [len(classes) for classes in ENTRY.values()])
_STARTS: Final = {name: int(np.flatnonzero(place == _FACTOR)[0]) for place, name in enumerate(ENTRY)}
CLASSES: Final = len(_FACTOR)

#: An hour of the day is one of this many in a class.
_HOURS: Final = 24 // len(ENTRY["hour"])
_HOUR_MS: Final = 3_600_000

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Tastes = NDArray[np.float32]


def class_of(factor: str, name: str) -> int | None:
    """Return the place of a class; None for what is unknown, or has no class in this code.

    >>> class_of("referrer", "unknown") is None
    True
    """
    names = ENTRY[factor]
    return _STARTS[factor] + names.index(name) if name in names else None


def hour_class(at_ms: int) -> int:
    """Return the class of a time of day (UTC)."""
    return _STARTS["hour"] + at_ms // _HOUR_MS % 24 // _HOURS


class Entries:
    """What the classes of entries are believed to want.

    Attributes
    ----------
    spread : Spread
        How much the classes of each factor differ in each taste, one factor after the other.
    """

    def __init__(self) -> None:
        self.spread = Spread(np.full(len(ENTRY) * TASTES, VARIANCE))
        self._information = np.zeros((CLASSES, TASTES))
        self._shift = np.zeros((CLASSES, TASTES))
        self._known_ms = np.zeros(CLASSES)

    def variance(self) -> Floats:
        """Return how much classes differ, shape (factors, TASTES). Do not write to it."""
        return self.spread.variance().reshape(-1, TASTES)

    def wanted(self, classes: Sequence[int], now_ms: int, fading: float) -> Floats:
        """Return what a visit of these classes is expected to want beyond everybody: logits by taste.

        Parameters
        ----------
        classes : sequence of int
            Its class of each factor that is known.
        now_ms : int
            To which evidence is faded, at `fading` for each millisecond.
        """
        chosen = np.array(classes, dtype=np.int64)
        known = (self._information, self._shift, self._known_ms, self.variance())
        wanted: Floats = _wanted(chosen, _FACTOR, *known, now_ms, fading).sum(axis=0)
        return wanted

    def learn(
        self,
        classes: Sequence[int],
        tastes: Tastes,
        rows: Rows,
        chosen: int,
        base_logits: Floats,
        now_ms: int,
        fading: float,
    ) -> None:
        """Learn from one choice of a visit, and how much classes differ from how far it was from what they expected.

        Parameters
        ----------
        classes : sequence of int
            The visit's.
        tastes : float32 array of shape (items, TASTES)
            What items are about.
        rows : int64 array of shape (n,)
            The items that could be chosen.
        chosen : int
            Index of the one that was.
        base_logits : float64 array of shape (n,)
            Their scores without what entries say; only the differences count: that something was chosen is given.
        now_ms, fading
            As in `wanted`.
        """
        known = (self._information, self._shift, self._known_ms, self.variance())
        means = _wanted(np.array(classes, dtype=np.int64), _FACTOR, *known, now_ms, fading)
        gradient, more = _evidence(tastes, rows, chosen, base_logits, means.sum(axis=0))
        delta, information = np.zeros((len(ENTRY), TASTES)), np.zeros((len(ENTRY), TASTES))
        for one, mean in zip(classes, means, strict=True):
            kept = math.exp(-max(now_ms - self._known_ms[one], 0.0) * fading)
            self._known_ms[one] = max(float(now_ms), self._known_ms[one])
            self._information[one] *= kept
            self._shift[one] *= kept
            delta[_FACTOR[one]], information[_FACTOR[one]] = mean, self._information[one]
            self._information[one] += more
            self._shift[one] += more * mean + gradient
        self.spread.learn(np.tile(gradient, len(ENTRY)), delta.ravel(), information.ravel())

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the beliefs (views)."""
        arrays = {"information": self._information, "shift": self._shift, "known_ms": self._known_ms}
        return arrays | self.spread.state()

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described. Raises `CorruptState` and changes nothing when it does not fit."""
        for name, mine in self.state().items():
            given = arrays.get(name)
            if given is None or given.dtype != mine.dtype or given.shape != mine.shape:
                raise CorruptState(f"entries' array {name!r}: expected {mine.dtype} of shape {mine.shape}")
        for name, mine in self.state().items():
            mine[:] = arrays[name]


@compiled
def write(table: Tastes, column: int, rows: Rows, tastes: Tastes, wanted: Floats) -> None:
    """Write into a column how much of what is wanted each item is; tastes beyond those of `wanted` are passed over."""
    for i in range(rows.shape[0]):
        total = 0.0
        for j in range(wanted.shape[0]):
            total += wanted[j] * tastes[rows[i], j]
        table[i, column] = total


@compiled
def _wanted(
    classes: Rows,
    factor: Rows,
    information: Floats,
    shift: Floats,
    known_ms: Floats,
    variance: Floats,
    now_ms: int,
    fading: float,
) -> Floats:
    """Return what each of the classes is expected to want, shape (classes, TASTES)."""
    means = np.empty((classes.shape[0], shift.shape[1]))
    for i in range(classes.shape[0]):
        one = classes[i]
        kept = math.exp(-max(now_ms - known_ms[one], 0.0) * fading)
        for j in range(means.shape[1]):
            differ = variance[factor[one], j]
            means[i, j] = kept * shift[one, j] * differ / (1.0 + differ * kept * information[one, j])
    return means


@compiled
def _evidence(tastes: Tastes, rows: Rows, chosen: int, base_logits: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Return what one choice says of each taste: its log-likelihood's gradient, and the information in it."""
    width = tastes.shape[1]
    shares = base_logits.copy()
    for i in range(rows.shape[0]):
        for j in range(width):
            shares[i] += wanted[j] * tastes[rows[i], j]
    shares = np.exp(shares - shares.max())
    total = 0.0
    for i in range(rows.shape[0]):
        total += shares[i]
    gradient, mean, square = np.zeros(width), np.zeros(width), np.zeros(width)
    for i in range(rows.shape[0]):
        for j in range(width):
            value = np.float64(tastes[rows[i], j])
            mean[j] += shares[i] / total * value
            square[j] += shares[i] / total * value * value
    for j in range(width):
        gradient[j] = np.float64(tastes[rows[chosen], j]) - mean[j]
        square[j] = max(square[j] - mean[j] * mean[j], 0.0)
    return gradient, square
