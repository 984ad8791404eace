"""The one way in which the engine compiles loops: cached on disk, strict about floating point, single-threaded."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Return `function` compiled by Numba at its first call, or loaded from Numba's cache.

    Neither ``fastmath`` nor ``parallel``: both would let the order of a sum, and so a state's hash, vary.
    """
    dispatcher: Function = njit(cache=True)(function)
    return dispatcher
