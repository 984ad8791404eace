"""Scores: the world's logits plus what this session adds to the weights."""

import dataclasses
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import features
from recsys.compiled import compiled
from recsys.models import kernels
from recsys.sessions import Session, SessionContext
from recsys.world import World

#: Bounds of the posterior spread that scales exploration, in logits: a sure session still explores a little, and
#: one that knows nothing does not serve noise.
LEAST_SPREAD: Final = 0.2
MOST_SPREAD: Final = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Scored:
    """Candidates with everything that was computed for them, row by row.

    Attributes
    ----------
    rows : int64 array of shape (n,)
    signals : float32 array of shape (n, SIGNAL_COUNT)
    design : float32 array of shape (n, WIDTH)
    scores : float64 array of shape (n,)
        Logits.
    """

    rows: NDArray[np.int64]
    signals: NDArray[np.float32]
    design: NDArray[np.float32]
    scores: NDArray[np.float64]


def score(world: World, session: Session, rows: NDArray[np.int64], now_ms: int) -> Scored:
    """Score `rows` for a session; one that is not adaptive gets the world's scores for a session without a past."""
    context = session.context if session.adaptive else SessionContext(session.id)
    signals = features.signals(world, context, rows, now_ms)
    design = features.design(world, rows, signals, None, None)
    scores = world.model.score_many(design)
    if session.adaptive:
        scores = scores + kernels.linear_scores(design, session.belief.delta_mean())
    return Scored(rows, signals, design, scores)


def spread(world: World, session: Session, design: NDArray[np.float32]) -> float:
    """Return how unsure the belief is of the candidates' differences: a standard deviation in logits, bounded.

    What moves all scores alike says nothing about their order and is left out by centring the columns.
    """
    if not len(design):
        return LEAST_SPREAD
    variance = session.belief.delta_variance() if session.adaptive else world.model.weight_variance()
    sd = math.sqrt(_variance_of_differences(design, column_means(design), variance))
    return min(max(sd, LEAST_SPREAD), MOST_SPREAD)


@compiled
def column_means(design: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of each column, shape (WIDTH,)."""
    means: NDArray[np.float64] = np.zeros(design.shape[1])
    for i in range(design.shape[0]):
        for j in range(design.shape[1]):
            means[j] += design[i, j]
    means /= design.shape[0]
    return means


@compiled
def _variance_of_differences(
    design: NDArray[np.float32], means: NDArray[np.float64], variance: NDArray[np.float64]
) -> float:
    """Return the mean variance of a row's score against that of the average row."""
    squares = np.zeros(design.shape[1])
    for i in range(design.shape[0]):
        for j in range(design.shape[1]):
            squares[j] += (design[i, j] - means[j]) ** 2
    return float(np.sum(squares * variance) / design.shape[0])
