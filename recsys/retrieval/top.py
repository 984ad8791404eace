"""The largest of many scores, with ties always broken by row."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled

#: Buckets into which scores are counted at once.
_BUCKETS: Final = 256


@compiled
def top_rows(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores, largest first, ties by index. O(n + k log k).

    >>> top_rows(np.array([1.0, 3.0, 2.0, 3.0]), 3).tolist()
    [1, 3, 2]
    """
    kept = top_unordered(scores, k)
    return kept[np.argsort(-scores[kept], kind="mergesort")]


def positive_top_rows(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return `top_rows` without those whose score is 0 or less."""
    best = top_rows(scores, k)
    return best[scores[best] > 0.0]


@compiled
def largest_first(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores, all of them where there are fewer.

    Ties go to the smaller index. The order is fixed by the scores, and of no meaning. Scores are counted into buckets
    by their bits; what falls into the last bucket that is needed is divided further. Unlike comparing, that asks
    nothing of a core that it could guess wrong.
    """
    size = scores.shape[0]
    if k >= size:
        return np.arange(size)
    keys, left, count = _ascending_bits(scores), np.arange(size), size
    chosen, taken = np.empty(k + 1, dtype=np.int64), 0
    filled = np.empty(_BUCKETS, dtype=np.int64)
    while taken < k:
        lowest = highest = keys[left[0]]
        for i in range(count):
            lowest, highest = min(lowest, keys[left[i]]), max(highest, keys[left[i]])
        if lowest == highest:
            chosen[taken:k] = left[: k - taken]
            break
        shift = np.uint64(0)
        while (highest - lowest) >> shift >= np.uint64(_BUCKETS):
            shift += np.uint64(1)
        filled[:] = 0
        for i in range(count):
            filled[np.int64((keys[left[i]] - lowest) >> shift)] += 1
        last, above = _BUCKETS - 1, taken
        while above + filled[last] <= k:
            above += filled[last]
            last -= 1
        kept = 0
        for i in range(count):
            index = left[i]
            bucket = np.int64((keys[index] - lowest) >> shift)
            chosen[taken] = left[kept] = index  # stands only if it is counted
            taken += int(bucket > last)
            kept += int(bucket == last)
        count = kept
    return chosen[:k]


@compiled
def _ascending_bits(scores: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return an unsigned number for each score, in the same order; -0 is 0."""
    values = np.empty(scores.shape[0])
    for i in range(scores.shape[0]):
        values[i] = scores[i] + 0.0
    keys: NDArray[np.uint64] = values.view(np.uint64)
    sign = np.uint64(1 << 63)
    for i in range(keys.shape[0]):
        keys[i] = ~keys[i] if keys[i] & sign else keys[i] | sign
    return keys


@compiled
def top_unordered(scores: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the indices of the `k` largest scores in ascending order; of equal scores the first are kept."""
    return np.sort(largest_first(scores, max(k, 0)))
