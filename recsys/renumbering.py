"""Rows under new numbers: what is left of lists and maps that name rows, after some rows are gone and others moved."""

from collections.abc import Collection, Mapping
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

#: The new number of each row, by its old one; `GONE` for those that have none any more. Shape (rows before,).
Places = NDArray[np.int64]
GONE: Final = -1


def places_of(kept: NDArray[np.int64], rows: int) -> Places:
    """Return where each of so many rows stands once only those `kept` (ascending) are left."""
    places = np.full(rows, GONE, dtype=np.int64)
    places[kept] = np.arange(len(kept))
    return places


def moved(rows: Collection[int], places: Places) -> list[int]:
    """Return the new numbers of `rows` in their order, less those that are gone.

    >>> moved([3, 0, 2], places_of(np.array([0, 3]), 4))
    [1, 0]
    """
    return [row for row in _new(rows, places) if row != GONE]


def moved_keys(named: Mapping[int, T], places: Places) -> dict[int, T]:
    """Return a map under the new numbers of its keys, in its order, less those that are gone."""
    return {row: value for row, value in zip(_new(named, places), named.values(), strict=True) if row != GONE}


def _new(rows: Collection[int], places: Places) -> list[int]:
    """Look all of them up at once: one by one would take most of an eviction's time."""
    new: list[int] = places[np.fromiter(rows, dtype=np.int64, count=len(rows))].tolist() if rows else []
    return new
