"""Numbers that look random and are a function of what they are numbered by: nothing to seed, nothing to store."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


@compiled
def mixed(key: int, number: int) -> np.uint64:
    """Return 64 bits for (key, number): the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    bits = np.uint64(key) + (np.uint64(number) + np.uint64(1)) * _STEP
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


@compiled
def uniform(key: int, number: int) -> float:
    """Return a number strictly between 0 and 1."""
    return float(mixed(key, number) >> np.uint64(12)) * 2.0**-52 + 2.0**-53


@compiled
def uniforms(key: int, count: int) -> NDArray[np.float64]:
    """Return `uniform` of 0, 1, … `count` - 1."""
    drawn = np.empty(count)
    for number in range(count):
        drawn[number] = uniform(key, number)
    return drawn
