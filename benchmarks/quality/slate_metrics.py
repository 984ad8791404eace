"""NDCG, log-loss, calibration and AUC of scored lists.

Contenders score on scales of their own, so probabilities are made the same way for all: a logistic curve through the
scores, fitted online to the lists whose label delay has passed (`Scaling`). What it says of a list is taken before that
list is known, like the scores themselves.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.ranking_metrics import interval

CUTOFF: Final = 10
#: Groups of lists by how many the visitor has been shown: name, least, most.
VISITS: Final = (("1", 1, 1), ("2", 2, 2), ("3", 3, 3), ("4", 4, 4), ("5", 5, 5), ("6+", 6, 1 << 30))
#: Groups of equally many items for the calibration error.
BINS: Final = 20

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


def ndcg(scores: Floats, labels: Labels, cutoff: int = CUTOFF) -> float:
    """Return the normalised discounted cumulative gain of one list that has a click; equal scores keep their order.

    >>> round(ndcg(np.array([3.0, 2.0, 1.0]), np.array([False, True, True])), 4)  # (1/log2(3) + 1/2) / (1 + 1/log2(3))
    0.6934
    """
    discounts = 1.0 / np.log2(np.arange(2, min(cutoff, len(scores)) + 2))
    order = np.argsort(-scores, kind="stable")[: len(discounts)]
    ideal = discounts[: int(labels.sum())].sum()
    return float((discounts * labels[order]).sum() / ideal)


def auc(scores: Floats, labels: Labels) -> float:
    """Return the chance that a clicked item scores higher than one that was not; ties count half.

    >>> auc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True]))
    0.875
    """
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2.0
    clicked = float(labels.sum())
    return float(
        (mean_ranks[places][labels].sum() - clicked * (clicked + 1.0) / 2.0) / (clicked * (len(labels) - clicked))
    )


def choice_losses(scores: Floats, choices: list[int]) -> list[float]:
    """Return -log p of each click in turn, given that something was clicked: a softmax over what was left.

    >>> [round(loss, 4) for loss in choice_losses(np.zeros(2), [1, 0])]
    [0.6931, 0.0]
    """
    left = np.ones(len(scores), dtype=np.bool_)
    losses = []
    for chosen in choices:
        top = scores[left].max()
        losses.append(float(top + math.log(np.exp(scores[left] - top).sum()) - scores[chosen]))
        left[chosen] = False
    return losses


class Scaling:
    """Scores into click probabilities: p = 1 / (1 + exp(-(a + b z))), z the standardised score.

    Online Newton steps, older lists fading, so that it follows a contender that is retrained.
    """

    KEEP: Final = 1.0 - 1.0 / 500.0
    PRIOR: Final = 1.0

    def __init__(self) -> None:
        self._weights = np.zeros(2)
        self._precision = np.eye(2) * self.PRIOR
        self._count, self._mean, self._squares = 0.0, 0.0, 0.0

    def probabilities(self, scores: Floats) -> Floats:
        """Return the probability that each item is clicked."""
        return self._curve(self._design(scores))

    def learn(self, scores: Floats, labels: Labels) -> None:
        """Learn from one list."""
        self._count = self._count * self.KEEP + len(scores)
        delta = scores - self._mean
        self._mean += float(delta.sum()) / self._count
        self._squares = self._squares * self.KEEP + float((delta * (scores - self._mean)).sum())
        design = self._design(scores)
        probabilities = self._curve(design)
        curvature = (design * (probabilities * (1.0 - probabilities))[:, None]).T @ design
        self._precision = self._precision * self.KEEP + (1.0 - self.KEEP) * self.PRIOR * np.eye(2) + curvature
        self._weights = self._weights + np.linalg.solve(self._precision, design.T @ (labels - probabilities))

    def _design(self, scores: Floats) -> Floats:
        deviation = math.sqrt(self._squares / self._count) if self._count and self._squares > 0.0 else 1.0
        standard = np.clip((scores - self._mean) / deviation, -8.0, 8.0)
        return np.column_stack([np.ones(len(scores)), standard])

    def _curve(self, design: Floats) -> Floats:
        logits: Floats = np.clip(design @ self._weights, -30.0, 30.0)
        return 1.0 / (1.0 + np.exp(-logits))


class SlateScores:
    """What was scored, and what had been clicked."""

    def __init__(self) -> None:
        self._scaling = Scaling()
        self._pending: dict[str, tuple[Floats, Labels]] = {}
        self._visitors: dict[str, int] = {}
        self._scores: list[Floats] = []
        self._labels: list[Labels] = []
        self._probabilities: list[Floats] = []
        self._ndcg: list[tuple[int, int, float]] = []
        self._within: list[float] = []
        self._choices: list[float] = []

    def add(
        self, slate: str, visitor: str, visit: int, scores: Floats, labels: Labels, choices: list[int], *, counted: bool
    ) -> None:
        """Note a scored list.

        Parameters
        ----------
        slate, visitor : str
        visit : int
            Which list of this visitor it is, from 1.
        scores, labels : arrays of shape (n,)
        choices : list of int
            Indices of what was clicked, in order.
        counted : bool
            Whether it is in the scored part; the others only fit the scaling.
        """
        self._pending[slate] = scores, labels
        if not counted:
            return
        self._scores.append(scores)
        self._labels.append(labels)
        self._probabilities.append(self._scaling.probabilities(scores))
        if labels.any():
            number = self._visitors.setdefault(visitor, len(self._visitors))
            self._ndcg.append((number, visit, ndcg(scores, labels)))
            self._choices.extend(choice_losses(scores, choices))
            if not labels.all():
                self._within.append(auc(scores, labels))

    def learn(self, slate: str) -> None:
        """Note that the list's clicks are known to everybody now."""
        self._scaling.learn(*self._pending.pop(slate))

    def ndcgs(self) -> Floats:
        """Return the NDCG of each counted list that has a click."""
        return np.array([value for _, _, value in self._ndcg])

    def visitors(self) -> NDArray[np.int32]:
        """Return whom each of those was shown to."""
        return np.array([visitor for visitor, _, _ in self._ndcg], dtype=np.int32)

    def figures(self, *, logits: bool) -> dict[str, Any]:
        """Return all figures. ``choice_log_loss`` is only for scores that are `logits`: others have no unit."""
        scores, labels = np.concatenate(self._scores), np.concatenate(self._labels)
        probabilities = np.concatenate(self._probabilities)
        found: dict[str, Any] = {"predictions": len(self._scores), "lists_with_click": len(self._ndcg)}
        if self._ndcg:
            values, visits = self.ndcgs(), np.array([visit for _, visit, _ in self._ndcg])
            found["ndcg_at_10"] = round(float(values.mean()), 6)
            found["ndcg_at_10_95"] = interval(values, self.visitors())
            found["by_visit"] = {
                name: {"lists": int(group.sum()), "ndcg_at_10": round(float(values[group].mean()), 6)}
                for name, least, most in VISITS
                if (group := (visits >= least) & (visits <= most)).any()
            }
            found["auc_within_lists"] = round(float(np.mean(self._within)), 6) if self._within else None
            found["choice_log_loss"] = round(float(np.mean(self._choices)), 6) if logits else None
        if labels.all() or not labels.any():
            return found  # no order is better than another, and no probability was put to the test
        return found | {"auc": round(auc(scores, labels), 6)} | _probability_figures(probabilities, labels)


def _probability_figures(probabilities: Floats, labels: Labels) -> dict[str, float]:
    """Return log-loss per item in nats, clicks over promised clicks, and the mean gap between the two by bins."""
    said = np.where(labels, probabilities, 1.0 - probabilities)
    order = np.argsort(probabilities, kind="stable")
    gaps = [abs(float((labels[part] - probabilities[part]).sum())) for part in np.array_split(order, BINS)]
    rate = labels.mean()
    return {
        "log_loss": round(float(-np.log(said).mean()), 6),
        "baseline_log_loss": round(float(-rate * math.log(rate) - (1.0 - rate) * math.log(1.0 - rate)), 6),
        "calibration": round(float(labels.sum() / probabilities.sum()), 6),
        "calibration_error": round(sum(gaps) / len(labels), 6),
    }
