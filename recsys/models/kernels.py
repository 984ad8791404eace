"""The arithmetic of choices: compiled, sequential loops whose results depend on nothing but their inputs.

A choice among n items with one outside option ("none of these", logit 0) is a conditional logit: with scores
``s = X w``, item i is chosen with probability ``exp(s_i) / (1 + sum_k exp(s_k))``. What one choice teaches about
``w`` is a pair of arrays in natural parameters (precision, precision x mean), so evidence adds up.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from recsys.models.base import NONE_OF_THESE

Floats = NDArray[np.float64]


@njit(cache=True)
def linear_scores(design: NDArray[np.float32], weights: Floats) -> Floats:
    """Return ``design @ weights`` in double precision, summed in column order. Shape (n,)."""
    rows, width = design.shape
    scores = np.empty(rows)
    for i in range(rows):
        total = 0.0
        for j in range(width):
            total += design[i, j] * weights[j]
        scores[i] = total
    return scores


@njit(cache=True)
def choice_probabilities(scores: Floats) -> Floats:
    """Return the probability that each item is chosen; what is missing to 1 is "none of these". Shape (n,).

    Exact for logits of any finite size: the largest one is taken out before the exponential.
    """
    top = 0.0
    for score in scores:
        top = max(top, score)
    probabilities = np.empty(scores.shape[0])
    total = np.exp(-top)
    for i in range(scores.shape[0]):
        probabilities[i] = np.exp(scores[i] - top)
        total += probabilities[i]
    for i in range(scores.shape[0]):
        probabilities[i] /= total
    return probabilities


@njit(cache=True)
def choice_evidence(
    design: NDArray[np.float32], scores: Floats, chosen: int, mean: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """Return what one choice adds to a diagonal Gaussian belief in natural parameters.

    Parameters
    ----------
    design : float32, shape (n, width)
        The items that were seen.
    scores : float64, shape (n,)
        Their logits under the belief, any fixed offset included.
    chosen : int
        The row that was chosen, or `NONE_OF_THESE`.
    mean, variance : float64, shape (width,)
        The belief before this choice.

    Returns
    -------
    information, shift : float64, shape (width,)
        Add `information` to the belief's precision and `shift` to its precision x mean.
    """
    rows, width = design.shape
    probabilities = choice_probabilities(scores)
    expected = np.zeros(width)
    for i in range(rows):
        for j in range(width):
            expected[j] += probabilities[i] * design[i, j]
    none = 1.0
    for i in range(rows):
        none -= probabilities[i]
    none = max(none, 0.0)
    information = np.empty(width)
    gradient = np.empty(width)
    slope = 0.0
    for j in range(width):
        information[j] = none * expected[j] * expected[j]
        gradient[j] = (design[chosen, j] if chosen != NONE_OF_THESE else 0.0) - expected[j]
        slope += variance[j] * gradient[j] * gradient[j]
    average = 0.0
    moves = np.zeros(rows)
    for i in range(rows):
        for j in range(width):
            distance = design[i, j] - expected[j]
            information[j] += probabilities[i] * distance * distance
            moves[i] += design[i, j] * variance[j] * gradient[j]
        average += probabilities[i] * moves[i]
    curvature = none * average * average
    for i in range(rows):
        curvature += probabilities[i] * (moves[i] - average) ** 2
    step = slope / (slope + curvature) if slope > 0.0 else 0.0
    shift = np.empty(width)
    for j in range(width):
        shift[j] = information[j] * mean[j] + step * gradient[j] * (1.0 + variance[j] * information[j])
    return information, shift


def warm_up() -> None:
    """Compile every kernel, or load it from Numba's cache, so that no visitor waits for it."""
    design = np.zeros((1, 1), dtype=np.float32)
    weights = np.zeros(1)
    scores = linear_scores(design, weights)
    choice_evidence(design, scores, NONE_OF_THESE, weights, weights)
