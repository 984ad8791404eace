"""The largest of many scores, with ties always broken by row."""

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled


def top_rows(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores, largest first, ties by index. O(n + k log k).

    >>> top_rows(np.array([1.0, 3.0, 2.0, 3.0]), 3).tolist()
    [1, 3, 2]
    """
    kept = top_unordered(scores, k)
    return kept[np.argsort(-scores[kept], kind="stable")]


def positive_top_rows(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return `top_rows` without those whose score is 0 or less."""
    best = top_rows(scores, k)
    return best[scores[best] > 0.0]


@compiled
def top_unordered(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores in ascending order; of equal scores the first are kept."""
    size = scores.shape[0]
    if k >= size:
        return np.arange(size)
    kept = np.empty(max(k, 0), dtype=np.int64)
    if k <= 0:
        return kept
    limit = np.partition(scores, size - k)[size - k]
    above = 0
    for i in range(size):
        if scores[i] > limit:
            above += 1
    equal, filled = k - above, 0
    for i in range(size):
        if scores[i] > limit or (scores[i] == limit and equal > 0):
            equal -= scores[i] == limit
            kept[filled] = i
            filled += 1
    return kept
