"""Scores: the world's logits plus what this session adds to the weights."""

import dataclasses
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import features
from recsys.compiled import compiled
from recsys.retrieval.neighbours import Votes
from recsys.sessions import Session
from recsys.world import World

#: However sure a session is, it explores with at least this share of the configured temperature.
LEAST_DOUBT: Final = 0.25


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


def score(world: World, session: Session, rows: NDArray[np.int64], now_ms: int, votes: Votes | None = None) -> Scored:
    """Score `rows` for a session, with the neighbours' `votes` for them where the caller has them."""
    signals = features.signals(world, session.known, rows, now_ms, votes)
    design = features.design(world, rows, signals, None, None)
    scores = world.model.score_many(design)
    if session.adaptive:
        scores = scores + session.belief.logits(design)
    return Scored(rows, signals, design, scores)


def doubt(session: Session, design: NDArray[np.float32]) -> float:
    """Return how unsure the session's belief still is of the candidates' order, from `LEAST_DOUBT` to 1.

    The standard deviation of the candidates' differences now, as a share of what it was before the session did
    anything. What moves all scores alike says nothing about their order, so columns are centred.
    """
    if not session.adaptive or not len(design):
        return 1.0
    means, width = column_means(design), design.shape[1]
    before = _variance_of_differences(design, means, session.belief.prior()[:width])
    if before <= 0.0:
        return LEAST_DOUBT
    now = _variance_of_differences(design, means, session.belief.delta_variance()[:width])
    return max(math.sqrt(now / before), LEAST_DOUBT)


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
