"""Running mean and spread of columns of numbers, of which any may be missing, change, or leave again (Welford).

Moments are one float64 array of shape (3, columns): how many, their mean, and the sum of squared distances from it.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled

Floats = NDArray[np.float64]

_COUNT: Final = 0
_MEAN: Final = 1
_SQUARES: Final = 2
#: Where taking a value out leaves less than this share of the squares, rounding may be most of what is left.
_LEAST_SHARE: Final = 1e-6


def no_moments(columns: int) -> Floats:
    """Return the moments of columns without a number."""
    return np.zeros((3, columns))


def replace_number(moments: Floats, values: NDArray[np.float32], row: int, column: int, value: float) -> None:
    """Write a number (NaN: none) into ``values[row, column]`` and bring the moments up to date.

    Equal numbers change nothing, to the last bit. Constant time, but for the rare number that was most of its column's
    spread: then the column is counted anew.
    """
    former = float(values[row, column])
    values[row, column] = value
    value = float(values[row, column])
    if former == value or (math.isnan(former) and math.isnan(value)):
        return
    if not math.isnan(former) and not _exclude(moments, column, former):
        recount(moments, values, column)
    elif not math.isnan(value):
        _include(moments, column, value)


@compiled
def recount(moments: Floats, values: NDArray[np.float32], column: int) -> None:
    """Set a column's moments to those of its numbers in `values`, taken row by row."""
    moments[:, column] = 0.0
    for row in range(values.shape[0]):
        value = np.float64(values[row, column])
        if not math.isnan(value):
            moments[_COUNT, column] += 1.0
            step = value - moments[_MEAN, column]
            moments[_MEAN, column] += step / moments[_COUNT, column]
            moments[_SQUARES, column] += step * (value - moments[_MEAN, column])


def spreads(moments: Floats) -> Floats:
    """Return each column's standard deviation, 0 where it has no number or one number only. Shape (columns,)."""
    variance: Floats = moments[_SQUARES] / np.maximum(moments[_COUNT], 1.0)
    return np.sqrt(variance)


def standardised(moments: Floats, numbers: NDArray[Any]) -> Floats:
    """Return (x - mean) / spread of each number, 0 where it is missing or its column has no spread.

    Parameters
    ----------
    moments : float64 array of shape (3, columns)
    numbers : array of shape (n, columns)
        NaN where missing.
    """
    spread = spreads(moments)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0.0)
    z: Floats = (numbers.astype(np.float64) - moments[_MEAN]) * scale
    z[np.isnan(z)] = 0.0
    return z


def _include(moments: Floats, column: int, value: float) -> None:
    count = moments[_COUNT, column] + 1.0
    step = value - moments[_MEAN, column]
    moments[_COUNT, column] = count
    moments[_MEAN, column] += step / count
    moments[_SQUARES, column] += step * (value - moments[_MEAN, column])


def _exclude(moments: Floats, column: int, value: float) -> bool:
    """Take a number out; return whether what is left can be trusted."""
    count = moments[_COUNT, column] - 1.0
    if count <= 0.0:
        return False
    step = value - moments[_MEAN, column]
    before = moments[_SQUARES, column]
    moments[_COUNT, column] = count
    moments[_MEAN, column] -= step / count
    left = before - step * (value - moments[_MEAN, column])
    moments[_SQUARES, column] = max(left, 0.0)
    return bool(left > _LEAST_SHARE * before)
