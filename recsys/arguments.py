"""Numbers as command lines give them, each within its bounds: types for `argparse`, which tells what was wrong."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable


def whole_number(least: int) -> Callable[[str], int]:
    """Return what reads a whole number that is not less.

    >>> whole_number(1)("12")
    12
    """

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"expected a whole number from {least}, received {text!r}")
        return int(text)

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """Return what reads a number between two, both included."""

    def read(text: str) -> float:
        if not least <= (value := _float(text)) <= most:
            raise ArgumentTypeError(f"expected a number from {least:g} to {most:g}, received {text!r}")
        return value

    return read


def above_zero(text: str) -> float:
    """Return a rate, or a length: of nothing it could not be told from one that was left out."""
    if not 0.0 < (value := _float(text)) < math.inf:
        raise ArgumentTypeError(f"expected a number above 0, received {text!r}")
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
