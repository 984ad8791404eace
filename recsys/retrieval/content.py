"""Likeness of content: cosines between hashed content vectors, which are nearly all zeros."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.prefetch import fetch
from recsys.retrieval.top import positive_top_rows
from recsys.world import World

#: Answers that are remembered: some 400 bytes each.
_REMEMBERED: Final = 8_192
#: Rows that are asked for at once, two times as many ahead of the one that is multiplied.
_AT_ONCE: Final = 4

Vectors = NDArray[np.float32]


def profile(world: World, rows: Sequence[int], weights: NDArray[np.float64]) -> Vectors:
    """Return the weighted mean of the items' content, shape (CONTENT_WIDTH,); zeros for no items."""
    return mean_vector(world.contents["content"], np.array(rows, dtype=np.int64), weights)


def similar(world: World, row: int, k: int) -> NDArray[np.int64]:
    """Return up to `k` available rows with content most like item `row`, best first, ties by row. Do not write to them.

    Of a large catalogue only those are compared that may be alike (`recsys.content_index`). What is found is
    remembered: a session's last clicks are asked about at each of its slates.
    """
    known = world.alike
    found = known.get((row, k))
    if found is None:
        if len(known) >= _REMEMBERED:
            known.clear()
        found = known[row, k] = _similar(world, row, k)
    return found


def _similar(world: World, row: int, k: int) -> NDArray[np.int64]:
    content: Vectors = world.contents["content"]
    rows = world.content_index.near(content, row)
    likeness = cosines(content, rows, content[row : row + 1])[:, 0].astype(np.float64)
    likeness[~world.items["available"][rows]] = 0.0
    likeness[rows == row] = 0.0
    return rows[positive_top_rows(likeness, k)]


@compiled
def cosines(content: Vectors, rows: NDArray[np.int64], profiles: Vectors) -> Vectors:
    """Return the product of each row's content with each profile, shape (len(rows), len(profiles)).

    Columns in which all profiles are 0 are skipped: a handful of tokens is all that most items have.
    """
    used = _used_columns(profiles)
    kept = np.empty((profiles.shape[0], used.shape[0]), dtype=np.float32)
    for p in range(profiles.shape[0]):
        for c in range(used.shape[0]):
            kept[p, c] = profiles[p, used[c]]
    products = np.empty((rows.shape[0], profiles.shape[0]), dtype=np.float32)
    for i in range(rows.shape[0]):
        if i % _AT_ONCE == 0:
            fetch(content, rows[i + 2 * _AT_ONCE : i + 3 * _AT_ONCE])
        row = rows[i]
        for p in range(profiles.shape[0]):
            total = np.float32(0.0)
            for c in range(used.shape[0]):
                total += content[row, used[c]] * kept[p, c]
            products[i, p] = total
    return products


@compiled
def _used_columns(profiles: Vectors) -> NDArray[np.int64]:
    """Return the columns in which any profile is not 0."""
    used, filled = np.empty(profiles.shape[1], dtype=np.int64), 0
    for column in range(profiles.shape[1]):
        if profiles[:, column].any():
            used[filled] = column
            filled += 1
    return used[:filled]


@compiled
def mean_vector(content: Vectors, rows: NDArray[np.int64], weights: NDArray[np.float64]) -> Vectors:
    """Return the weighted mean of some rows of `content`, summed in the order given."""
    mean = np.zeros(content.shape[1], dtype=np.float32)
    total = 0.0
    for i in range(rows.shape[0]):
        total += weights[i]
    for i in range(rows.shape[0]):
        share = np.float32(weights[i] / total)
        for column in range(content.shape[1]):
            mean[column] += share * content[rows[i], column]
    return mean
