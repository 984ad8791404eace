"""Synthetic choices with a known truth, how likely a model found them, and what a batch fit makes of them."""

import numpy as np
from numpy.typing import NDArray

from recsys.models.base import NONE_OF_THESE
from recsys.models.kernels import choice_probabilities
from recsys.models.product import times_vector

Floats = NDArray[np.float64]
Choice = tuple[NDArray[np.float32], int]


def simulate(weights: Floats, choices: int, largest_slate: int, seed: int) -> list[Choice]:
    """Return choices made by a conditional logit with these weights, out of slates of standard normal features."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(choices):
        design = rng.normal(size=(rng.integers(1, largest_slate + 1), len(weights))).astype(np.float32)
        shares = np.cumsum(choice_probabilities(times_vector(design, weights)))
        place = int(np.searchsorted(shares, rng.random()))
        made.append((design, place if place < len(design) else NONE_OF_THESE))
    return made


def loss(scores: Floats, chosen: int) -> float:
    """Return the negative log-likelihood of one choice, in nats."""
    return float(np.logaddexp.reduce([0.0, *scores]) - (0.0 if chosen == NONE_OF_THESE else scores[chosen]))


def mean_loss(weights: Floats, choices: list[Choice]) -> float:
    """Return the average loss of fixed weights."""
    return float(np.mean([loss(times_vector(design, weights), chosen) for design, chosen in choices]))


def batch_fit(choices: list[Choice], width: int, prior_variance: float = 1.0) -> Floats:
    """Return the posterior mode under a Gaussian prior around 0, by Newton's method with the full matrix."""
    weights = np.zeros(width)
    for _ in range(25):
        gradient, hessian = -weights / prior_variance, np.eye(width) / prior_variance
        for design, chosen in choices:
            rows = design.astype(np.float64)
            shares = choice_probabilities(times_vector(design, weights))
            expected = shares @ rows
            gradient += (rows[chosen] if chosen != NONE_OF_THESE else 0.0) - expected
            hessian += (rows.T * shares) @ rows - np.outer(expected, expected)
        weights = weights + np.linalg.solve(hessian, gradient)
    return weights
