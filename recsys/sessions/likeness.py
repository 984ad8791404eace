"""Which items a visitor's taste carries over between: the prior covariance of the utilities of two items.

It follows from the items' descriptions alone (the world's `contents`), as a sum: a level that all items share, shared
categories, shared tags and being the same item (inner products of sparse vectors), and bells over the distance in year
and in each other number. All of it is in squared logits.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import NUMBERS
from recsys.models.moments import spreads
from recsys.world import World

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
_File = tuple[Indices, Indices, Indices, Indices, Floats]

#: How much tastes differ, in squared logits: for all items alike, for one item beyond its description, along the years,
#: along any other number. Those of categories and tags are part of the world's `contents`.
LEVEL_VARIANCE: Final = 1.0
ITEM_VARIANCE: Final = 0.5
YEAR_VARIANCE: Final = 0.15
NUMBER_VARIANCE: Final = 0.25
#: Distance over which the bells reach: in years, and in standard deviations of the number over the catalogue.
YEAR_SCALE: Final = 8.0
NUMBER_SCALE: Final = 1.0

_NUMBER_VARIANCES: Final = np.array([YEAR_VARIANCE] + [NUMBER_VARIANCE] * (NUMBERS - 1))
_ITEM_WEIGHT: Final = ITEM_VARIANCE**0.5
_NOBODY: Final = -1
#: Row of a description that is no item's: its own token is nobody's.
_NO_ITEM: Final = -1
#: Exponents below this make no difference any more (e^-32 is 1e-14).
_LEAST_EXPONENT: Final = -32.0


class Descriptions(NamedTuple):
    """Descriptions of n items for the kernel; numbers in units of their scales, NaN if missing, shape (columns, n)."""

    rows: Rows
    tokens: NDArray[np.int32]
    weights: NDArray[np.float32]
    numbers: Floats


def describe(world: World, rows: Rows) -> Descriptions:
    """Return the descriptions of these rows as they stand."""
    contents, columns = world.contents, 1 + len(world.number_names)
    scales = NUMBER_SCALE * spreads(world.moments)[:columns]
    scales[0] = YEAR_SCALE
    scales[scales == 0.0] = np.inf
    numbers = np.ascontiguousarray(contents["number"][rows, :columns].T) / scales[:, np.newaxis]
    return Descriptions(rows, contents["token"][rows], contents["weight"][rows], numbers)


def covariances(known: Descriptions, others: Descriptions) -> Floats:
    """Return the covariance of each of `known` with each of `others`, shape (known, others)."""
    kernel: Floats = _kernel(*known, *others)
    return kernel


def variances(items: Descriptions) -> Floats:
    """Return each item's covariance with itself, shape (n,)."""
    tokens: Floats = np.square(items.weights, dtype=np.float64).sum(axis=1)
    known = ~np.isnan(items.numbers)
    numbers: Floats = (known * _NUMBER_VARIANCES[: len(known), np.newaxis]).sum(axis=0)
    return LEVEL_VARIANCE + ITEM_VARIANCE + tokens + numbers


def facets(
    world: World, tokens: Sequence[int], variances: Sequence[float], years: Sequence[float]
) -> tuple[Descriptions, Floats]:
    """Return what items may share, each on its own, and how much tastes differ in it.

    The kernel is a sum, so a utility is a sum of functions, one for each thing that items share: these are places at
    which one of them is looked at alone. Their covariances with items contain the level that all items share.

    Parameters
    ----------
    world : World
    tokens : sequence of int
        Categories and tags, as `content_token` names them.
    variances : sequence of float
        How much tastes differ in each, in an item that has it (`recsys.world`).
    years : sequence of float

    Returns
    -------
    descriptions : Descriptions
        For each token, then for each year, of an item that is nothing else.
    variances : float64 array
        Prior variance of each function there.
    """
    count = len(tokens) + len(years)
    differ = np.full(count, YEAR_VARIANCE)
    differ[: len(tokens)] = variances
    token, weight = np.full((count, 1), -1, dtype=np.int32), np.zeros((count, 1), dtype=np.float32)
    token[: len(tokens), 0], weight[: len(tokens), 0] = tokens, np.sqrt(variances)
    numbers = np.full((1 + len(world.number_names), count), np.nan)
    numbers[0, len(tokens) :] = np.asarray(years, dtype=np.float64) / YEAR_SCALE
    return Descriptions(np.full(count, _NO_ITEM, dtype=np.int64), token, weight, numbers), differ


@compiled
def _kernel(
    rows: Rows,
    tokens: NDArray[np.int32],
    weights: NDArray[np.float32],
    numbers: Floats,
    other_rows: Rows,
    other_tokens: NDArray[np.int32],
    other_weights: NDArray[np.float32],
    other_numbers: Floats,
) -> Floats:
    kernel = np.full((rows.shape[0], other_rows.shape[0]), LEVEL_VARIANCE)
    for column in range(numbers.shape[0]):
        for a in range(rows.shape[0]):
            _add_bells(kernel[a], _NUMBER_VARIANCES[column], numbers[column, a], other_numbers[column])
    file = _filed(rows, tokens, weights)
    for j in range(other_rows.shape[0]):
        _add_products(kernel, j, _own_token(other_rows[j]), _ITEM_WEIGHT, file)
        for t in range(other_tokens.shape[1]):
            if other_tokens[j, t] < 0:
                break
            _add_products(kernel, j, other_tokens[j, t], np.float64(other_weights[j, t]), file)
    return kernel


@compiled
def _add_bells(row: Floats, variance: float, number: float, others: Floats) -> None:
    """Add variance x exp(-d^2 / 2) by the distance of each number from one; NaN, a missing number, is far from all.

    The exponential is a Taylor series at a 64th of the exponent, squared six times: exact to 1e-13, the same bits on
    every machine, and without a branch, so that it is computed for several numbers at once.
    """
    for j in range(others.shape[0]):
        distance = number - others[j]
        exponent = -0.5 * distance * distance
        r = (exponent if exponent > _LEAST_EXPONENT else _LEAST_EXPONENT) * (1.0 / 64.0)  # NaN is not greater
        bell = 1.0 + r * (1.0 / 6.0) * (1.0 + r * (1.0 / 7.0))
        bell = 1.0 + r * (1.0 / 3.0) * (1.0 + r * 0.25 * (1.0 + r * 0.2 * bell))
        bell = 1.0 + r * (1.0 + r * 0.5 * bell)
        bell *= bell
        bell *= bell
        bell *= bell
        bell *= bell
        bell *= bell
        bell *= bell
        row[j] += variance * bell


@compiled
def _filed(rows: Rows, tokens: NDArray[np.int32], weights: NDArray[np.float32]) -> _File:
    """Return an index from token to the items that have it, each with its weight; an item is a token of its own."""
    most = rows.shape[0] * (1 + tokens.shape[1])
    buckets = 64
    while buckets < most:
        buckets *= 2
    heads = np.full(buckets, _NOBODY, dtype=np.int32)
    following, keys = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32)
    items, shares = np.empty(most, dtype=np.int32), np.empty(most)
    entry = 0
    for a in range(rows.shape[0]):
        for t in range(-1, tokens.shape[1]):
            token = _own_token(rows[a]) if t < 0 else np.int64(tokens[a, t])
            if token == _NOBODY:
                break
            bucket = token & (buckets - 1)
            following[entry], heads[bucket] = heads[bucket], entry
            keys[entry], items[entry] = token, a
            shares[entry] = _ITEM_WEIGHT if t < 0 else np.float64(weights[a, t])
            entry += 1
    return heads, following, keys, items, shares


@compiled
def _add_products(kernel: Floats, j: int, token: int, weight: float, file: _File) -> None:
    """Add what the known items have in common with item `j` by one of its tokens."""
    heads, following, keys, items, shares = file
    entry = heads[token & (heads.shape[0] - 1)]
    while entry != _NOBODY:
        if keys[entry] == token:
            kernel[items[entry], j] += shares[entry] * weight
        entry = following[entry]


@compiled
def _own_token(row: int) -> int:
    """Return the token that only this item has; those of descriptions are 0 or more."""
    return -2 - row
