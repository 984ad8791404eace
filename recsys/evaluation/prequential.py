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
from recsys.models.kernels import exponentials

#: Bins of predicted click probability, equally wide.
BINS: Final = 100

_CHOICES, _LOSS, _BASELINE, _ITEMS, _CLICKS = range(5)


class Prequential:
    """Running log-loss, calibration and ranking quality over scored choices."""

    def __init__(self) -> None:
        self._sums = np.zeros(5)
        self._squares = np.zeros(1)
        self._clicked = np.zeros(BINS)
        self._passed = np.zeros(BINS)
        self._predicted = np.zeros(BINS)

    def update(self, scores: Logits, probabilities: NDArray[np.float64], chosen: int) -> None:
        """Score one choice.

        Parameters
        ----------
        scores : float64 array of shape (n,)
            Logits of what could be chosen, before learning from it.
        probabilities : float64 array of shape (n,)
            Their `choice_probabilities`.
        chosen : int
            Index into `scores`, or `NONE_OF_THESE`.
        """
        _score(
            scores,
            probabilities,
            chosen,
            self._sums,
            self._clicked,
            self._passed,
            self._predicted,
            self._squares,
        )

    def metrics(self) -> dict[str, float]:
        """Return the scores so far; empty before the first choice.

        ``log_loss`` is per choice, in nats; ``baseline_log_loss`` is that of knowing only how often a choice so far
        had a click, all items alike. ``auc`` is the chance that a clicked item had a higher probability than one
        that was not, resolved to `BINS` steps. ``calibration`` is clicks over the sum of predicted probabilities,
        one added to each: 1 is right, below 1 promises too much. ``calibration_error`` is how far, per item, the
        click rate of a bin is from the mean probability predicted in it. ``log_loss_error`` and ``auc_error`` are
        standard errors, the latter by Hanley and McNeil (1982); they take choices and items as independent, so they
        are lower bounds. The former is missing where its squares were not summed (`between`).
        """
        if not self._sums[_ITEMS]:
            return {}
        choices, items = self._sums[_CHOICES], self._sums[_ITEMS]
        scores = {
            "choices": float(choices),
            "log_loss": float(self._sums[_LOSS] / choices),
            "baseline_log_loss": float(self._sums[_BASELINE] / choices),
            "click_rate": float(self._sums[_CLICKS] / items),
            "calibration": float((self._sums[_CLICKS] + 1.0) / (self._predicted.sum() + 1.0)),
            "calibration_error": float(np.sum(np.abs(self._clicked - self._predicted)) / items),
        }
        squares = float(self._squares[0])
        if choices > 1 and not math.isnan(squares):
            variance = max(squares - choices * scores["log_loss"] ** 2, 0.0) / (choices - 1)
            scores["log_loss_error"] = float(math.sqrt(variance / choices))
        clicked, passed = float(self._clicked.sum()), float(self._passed.sum())
        if clicked and passed:
            below = np.cumsum(self._passed) - self._passed
            auc = float(np.sum(self._clicked * (below + 0.5 * self._passed)) / (clicked * passed))
            scores |= {"auc": auc, "auc_error": _auc_error(auc, clicked, passed)}
        return scores

    def merge(self, other: "Prequential") -> None:
        """Add what `other` scored."""
        for name, array in self.state().items():
            array += other.state()[name]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the sums (views): ``sums`` of shape (5,), ``squares`` (1,), and (BINS,) for each histogram."""
        return {
            "sums": self._sums,
            "clicked": self._clicked,
            "passed": self._passed,
            "predicted": self._predicted,
            "squares": self._squares,
        }

    def to_bytes(self) -> bytes:
        """Return the sums as bytes: little-endian float64, in the order of `state`."""
        return np.concatenate(list(self.state().values())).astype("<f8").tobytes()

    @classmethod
    def between(cls, earlier: bytes, later: bytes) -> "Prequential":
        """Return the scores of what came between two `to_bytes`; the earlier may be empty, for the beginning.

        Those written before squares were summed are shorter by these.

        Raises
        ------
        CorruptState
            When they are not of this form.
        """
        scores = cls()
        arrays = scores.state()
        width = sum(array.size for array in arrays.values())
        if len(later) not in (8 * width - 8, 8 * width) or len(earlier) not in (0, 8 * width - 8, 8 * width):
            raise CorruptState(f"expected scores of {8 * width} bytes, received {len(earlier)} and {len(later)}")
        sums = _numbers(later, width) - (_numbers(earlier, width) if earlier else 0.0)
        for array in arrays.values():
            array[:], sums = sums[: array.size], sums[array.size :]
        return scores

    def calibration_curve(self, bins: int) -> list[tuple[float, int, int]]:
        """Return, for each bin that has items, mean predicted probability, clicks and items.

        Bins are quantiles of the predictions, as near as `BINS` steps allow: each has about as many items.
        """
        items = self._clicked + self._passed
        share = np.cumsum(items) / max(items.sum(), 1.0)
        place = np.minimum(((share - items / max(items.sum(), 1.0) / 2) * bins).astype(np.int64), bins - 1)
        curve = []
        for bin_ in range(bins):
            here = place == bin_
            total = float(items[here].sum())
            if total >= 0.5:
                mean = float(self._predicted[here].sum()) / total
                curve.append((mean, round(float(self._clicked[here].sum())), round(total)))
        return curve

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described. Raises `CorruptState` and changes nothing when an array does not fit."""
        for name, array in self.state().items():
            given = arrays.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                received = "nothing" if given is None else f"{given.dtype} of shape {given.shape}"
                raise CorruptState(f"scores {name!r}: expected float64 of shape {array.shape}, received {received}")
        for name, array in self.state().items():
            array[:] = arrays[name]


def _numbers(written: bytes, width: int) -> NDArray[np.float64]:
    """Return sums that were written, NaN where there are none at the end."""
    numbers = np.frombuffer(written, dtype="<f8")
    return np.pad(numbers, (0, width - len(numbers)), constant_values=np.nan)


def _auc_error(auc: float, clicked: float, passed: float) -> float:
    """Return the standard error of the chance that one of `clicked` stands before one of `passed`."""
    two_clicked, two_passed = auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc)
    spread = auc * (1.0 - auc)
    spread += (clicked - 1.0) * (two_clicked - auc * auc) + (passed - 1.0) * (two_passed - auc * auc)
    return math.sqrt(max(spread, 0.0) / (clicked * passed))


@compiled
def _score(
    scores: Logits,
    probabilities: NDArray[np.float64],
    chosen: int,
    sums: NDArray[np.float64],
    clicked: NDArray[np.float64],
    passed: NDArray[np.float64],
    predicted: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    items = probabilities.shape[0]
    top = 0.0
    for index in range(items):
        top = max(top, scores[index])
        probability = probabilities[index]
        place = min(int(probability * BINS), BINS - 1)
        predicted[place] += probability
        if index == chosen:
            clicked[place] += 1.0
        else:
            passed[place] += 1.0
    # Not the logarithm of a probability: that of a rare choice may have been rounded to 0.
    total = math.exp(-top) + np.sum(exponentials(scores, top))
    hit = 0.0 if chosen == NONE_OF_THESE else scores[chosen]
    clickers = (sums[_CLICKS] + 1.0) / (sums[_CHOICES] + 2.0)
    loss = top + math.log(total) - hit
    sums[_LOSS] += loss
    squares[0] += loss * loss
    sums[_BASELINE] -= math.log(1.0 - clickers if chosen == NONE_OF_THESE else clickers / items)
    sums[_CHOICES] += 1.0
    sums[_ITEMS] += items
    sums[_CLICKS] += 0.0 if chosen == NONE_OF_THESE else 1.0
