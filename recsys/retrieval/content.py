"""Likeness of content: cosines between hashed content vectors, which are nearly all zeros."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.retrieval.top import positive_top_rows
from recsys.world import World

Vectors = NDArray[np.float32]


def profile(world: World, rows: Sequence[int], weights: NDArray[np.float64]) -> Vectors:
    """Return the weighted mean of the items' content, shape (CONTENT_WIDTH,); zeros for no items."""
    return mean_vector(world.contents["content"], np.array(rows, dtype=np.int64), weights)


def similar(world: World, row: int, k: int) -> NDArray[np.int64]:
    """Return up to `k` available rows with content most like item `row`, best first, ties by row."""
    content: Vectors = world.contents["content"]
    likeness = cosines(content, np.arange(len(world.items)), content[row : row + 1])[:, 0].astype(np.float64)
    likeness[~world.items["available"]] = 0.0
    likeness[row] = 0.0
    return positive_top_rows(likeness, k)


@compiled
def cosines(content: Vectors, rows: NDArray[np.int64], profiles: Vectors) -> Vectors:
    """Return the product of each row's content with each profile, shape (len(rows), len(profiles)).

    Columns in which all profiles are 0 are skipped: a handful of tokens is all that most items have.
    """
    count, width = profiles.shape
    used = np.empty(width, dtype=np.int64)
    filled = 0
    for column in range(width):
        for p in range(count):
            if profiles[p, column] != 0.0:
                used[filled] = column
                filled += 1
                break
    products = np.zeros((rows.shape[0], count), dtype=np.float32)
    for i in range(rows.shape[0]):
        for c in range(filled):
            value = content[rows[i], used[c]]
            if value != 0.0:
                for p in range(count):
                    products[i, p] += value * profiles[p, used[c]]
    return products


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
