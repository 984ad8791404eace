"""Prequential scores: test, then train.

Each choice is scored by the world as it was, then learned. All state is sums, so that two evaluations of different
parts of a stream add up to the evaluation of both.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.errors import CorruptState
from recsys.models.base import NONE_OF_THESE, Logits
from recsys.models.kernels import choice_probabilities

#: Bins of predicted click probability, equally wide.
BINS: Final = 100

_CHOICES, _LOSS, _ITEMS, _CLICKS = range(4)


class Prequential:
    """Running log-loss, calibration and ranking quality over scored choices."""

    def __init__(self) -> None:
        self._sums = np.zeros(4)
        self._clicked = np.zeros(BINS)
        self._passed = np.zeros(BINS)
        self._predicted = np.zeros(BINS)

    def update(self, scores: Logits, chosen: int) -> None:
        """Score one choice.

        Parameters
        ----------
        scores : float64 array of shape (n,)
            Logits of what could be chosen, before learning from it.
        chosen : int
            Index into `scores`, or `NONE_OF_THESE`.
        """
        _score(choice_probabilities(scores), chosen, self._sums, self._clicked, self._passed, self._predicted)

    def metrics(self) -> dict[str, float]:
        """Return the scores so far; empty before the first choice.

        ``log_loss`` is per choice, in nats. ``auc`` is the chance that a clicked item had a higher probability than one
        that was not, resolved to `BINS` steps. ``calibration`` is clicks over the sum of predicted probabilities: 1 is
        right, below 1 promises too much.
        """
        if not self._sums[_CHOICES]:
            return {}
        scores = {
            "choices": float(self._sums[_CHOICES]),
            "log_loss": float(self._sums[_LOSS] / self._sums[_CHOICES]),
            "click_rate": float(self._sums[_CLICKS] / self._sums[_ITEMS]),
            "calibration": float(self._sums[_CLICKS] / self._predicted.sum()),
        }
        pairs = float(self._clicked.sum() * self._passed.sum())
        if pairs:
            below = np.cumsum(self._passed) - self._passed
            scores["auc"] = float(np.sum(self._clicked * (below + 0.5 * self._passed)) / pairs)
        return scores

    def merge(self, other: "Prequential") -> None:
        """Add what `other` scored."""
        for name, array in self.state().items():
            array += other.state()[name]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the sums (views): ``sums`` of shape (4,), and one of shape (BINS,) for each histogram."""
        return {
            "sums": self._sums,
            "clicked": self._clicked,
            "passed": self._passed,
            "predicted": self._predicted,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described. Raises `CorruptState`."""
        for name, array in self.state().items():
            given = arrays.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                raise CorruptState(f"scores {name!r}: expected float64 of shape {array.shape}")
            array[:] = given


@compiled
def _score(
    probabilities: NDArray[np.float64],
    chosen: int,
    sums: NDArray[np.float64],
    clicked: NDArray[np.float64],
    passed: NDArray[np.float64],
    predicted: NDArray[np.float64],
) -> None:
    none = 1.0
    for index in range(probabilities.shape[0]):
        probability = probabilities[index]
        none -= probability
        place = min(int(probability * BINS), BINS - 1)
        predicted[place] += probability
        if index == chosen:
            clicked[place] += 1.0
        else:
            passed[place] += 1.0
    hit = none if chosen == NONE_OF_THESE else probabilities[chosen]
    sums[_CHOICES] += 1.0
    sums[_LOSS] -= math.log(max(hit, 1e-12))
    sums[_ITEMS] += probabilities.shape[0]
    sums[_CLICKS] += 0.0 if chosen == NONE_OF_THESE else 1.0
