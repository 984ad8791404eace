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
def largest_first(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores, all of them where there are fewer.

    Ties go to the smaller index. The order is that of a partition: fixed by the scores, and of no meaning.
    """
    size = scores.shape[0]
    order = np.arange(size)
    low, high = 0, size - 1
    while low < high and k < size:
        pivot = order[(low + high) >> 1]
        limit = scores[pivot]
        left, right = low, high
        while left <= right:
            while scores[order[left]] > limit or (scores[order[left]] == limit and order[left] < pivot):
                left += 1
            while scores[order[right]] < limit or (scores[order[right]] == limit and order[right] > pivot):
                right -= 1
            if left <= right:
                order[left], order[right] = order[right], order[left]
                left += 1
                right -= 1
        if k - 1 <= right:
            high = right
        elif k - 1 >= left:
            low = left
        else:
            break
    return order[:k]


@compiled
def top_unordered(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores in ascending order; of equal scores the first are kept."""
    return np.sort(largest_first(scores, max(k, 0)))
