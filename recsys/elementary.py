"""Exponentials and logarithms that a core works out for many numbers at once.

A loop that calls the system's library does one number after the other, and what comes out depends on the library. These
are sums and products alone, so loops around them are compiled to the core's wide instructions, and the results are the
same wherever floating point follows IEEE 754. They are within three units of the last place.
"""

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import types
from numba.extending import intrinsic

from recsys.compiled import inlined

#: Adding it to a double, or to a single, leaves the nearest whole number in the last bits.
_ROUND: Final = 1.5 * 2.0**52
_ROUND_SINGLE: Final = np.float32(1.5 * 2.0**23)
#: Where the exponent stands in a double and in a single, and what it has for 1.
_EXPONENT: Final = 52
_EXPONENT_SINGLE: Final = 23
_ONE: Final = 1023 << _EXPONENT
_ONE_SINGLE: Final = 127 << _EXPONENT_SINGLE

#: The logarithm of 2 in two parts: few enough bits that whole multiples of the first are exact, and the rest.
_LN2: Final = float.fromhex("0x1.62e42feep-1")
_LN2_REST: Final = float.fromhex("0x1.a39ef35793c76p-33")
_LN2_SINGLE: Final = np.float32(0.693359375)
_LN2_SINGLE_REST: Final = np.float32(math.log(2.0) - 0.693359375)
_PER_LN2: Final = 1.0 / math.log(2.0)
_PER_LN2_SINGLE: Final = np.float32(_PER_LN2)
#: Exponents between which the result is a normal number; beyond, it is that of the bound.
_LOWEST, _HIGHEST = -708.0, 709.0
_LOWEST_SINGLE, _HIGHEST_SINGLE = np.float32(-87.0), np.float32(88.0)

#: Taylor's series of the exponential around 0, highest power first: within ln 2 / 2 the next term would be rounded off.
_EXP: Final = tuple(1.0 / math.factorial(power) for power in range(13, -1, -1))
_EXP_SINGLE: Final = tuple(np.float32(1.0 / math.factorial(power)) for power in range(7, -1, -1))
#: The series of atanh(s) / s in s squared, likewise: |s| is at most 0.172.
_ATANH_SINGLE: Final = tuple(np.float32(1.0 / power) for power in range(11, 0, -2))
#: The bits of the square root of a half: logarithms are those of a power of 2 and of a number from it to its double.
_ROOT_BITS: Final = int(np.float32(math.sqrt(0.5)).view(np.int32))
_UNIT, _TWO = np.float32(1.0), np.float32(2.0)


@inlined
def exp(number: float) -> float:
    """Return e to the power of `number`; that of -708 below it, and of 709 above it."""
    bounded = min(max(number, _LOWEST), _HIGHEST)
    shifted = bounded * _PER_LN2 + _ROUND
    whole = shifted - _ROUND
    rest = (bounded - whole * _LN2) - whole * _LN2_REST
    total = _EXP[0]
    for coefficient in _EXP[1:]:
        total = total * rest + coefficient
    return float(total * _from_bits((_bits(shifted) << _EXPONENT) + _ONE))


@inlined
def exp_single(number: np.float32) -> np.float32:
    """Return `exp` in single precision; that of -87 below it, and of 88 above it."""
    bounded = min(max(number, _LOWEST_SINGLE), _HIGHEST_SINGLE)
    shifted = bounded * _PER_LN2_SINGLE + _ROUND_SINGLE
    whole = shifted - _ROUND_SINGLE
    rest = (bounded - whole * _LN2_SINGLE) - whole * _LN2_SINGLE_REST
    total = _EXP_SINGLE[0]
    for coefficient in _EXP_SINGLE[1:]:
        total = total * rest + coefficient
    power: np.float32 = _from_bits(np.int32((_bits(shifted) << _EXPONENT_SINGLE) + _ONE_SINGLE))
    return total * power


@inlined
def log_single(number: np.float32) -> np.float32:
    """Return the natural logarithm of a normal positive number, in single precision."""
    bits = _bits(number)
    power = (bits - _ROOT_BITS) >> _EXPONENT_SINGLE
    mantissa = _from_bits(np.int32(bits - (power << _EXPONENT_SINGLE)))
    slope = (mantissa - _UNIT) / (mantissa + _UNIT)
    square = slope * slope
    total = _ATANH_SINGLE[0]
    for coefficient in _ATANH_SINGLE[1:]:
        total = total * square + coefficient
    whole = np.float32(power)
    logarithm: np.float32 = whole * _LN2_SINGLE + (whole * _LN2_SINGLE_REST + _TWO * slope * total)
    return logarithm


@intrinsic  # type: ignore[untyped-decorator]
def _bits(_typing: Any, number: Any) -> tuple[Any, Callable[..., Any]]:
    """Return a floating-point number's bits as an integer of the same width."""
    integer = {types.float64: types.int64, types.float32: types.int32}[number]
    return integer(number), _reinterpret


@intrinsic  # type: ignore[untyped-decorator]
def _from_bits(_typing: Any, bits: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the floating-point number that has these bits."""
    number = {types.int64: types.float64, types.int32: types.float32}[bits]
    return number(bits), _reinterpret


def _reinterpret(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))
