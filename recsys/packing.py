"""Signals of a slate in few bytes: most of a new visitor's are zero, and a log holds millions of slates.

Packed is a bit for each number that says whether it is another than zero, and then those numbers, little-endian
float16: eleven significant bits, at most one part in two thousand away from what was computed. Whoever learns from a
slate, sessions and the fold alike, reads these. The same bytes for the same numbers.

Slates logged earlier hold float32; both are read.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

#: What numbers were packed as, narrowest first.
_HALF: Final = np.dtype("<f2")
_SINGLE: Final = np.dtype("<f4")


def pack(numbers: Numbers) -> bytes:
    """Return numbers of any shape packed. About 5 µs for a slate.

    What float16 can't hold, beyond 65,504 or not finite to begin with, makes the whole unusable (`is_usable`).
    """
    with np.errstate(over="ignore"):
        words = np.ascontiguousarray(numbers).astype(_HALF).view("<u2").ravel()
    held = words != 0
    packed: bytes = np.packbits(held).tobytes() + words[held].tobytes()
    return packed


def unpack(packed: bytes, rows: int, columns: int) -> Numbers:
    """Return what was packed, float32 of shape (rows, columns). Raises `ValueError` when it was of another shape.

    >>> unpack(pack(np.eye(2, dtype=np.float32)), rows=2, columns=2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    size = rows * columns
    held = _held(packed, size)
    numbers = np.zeros(size, dtype=_SINGLE)
    numbers[held] = _values(packed, size, held)
    return numbers.reshape(rows, columns)


def is_usable(packed: bytes, size: int) -> bool:
    """Return whether these bytes are so many packed numbers, all of them finite.

    >>> is_usable(pack(np.ones(3, dtype=np.float32)), 3), is_usable(b"", 3), is_usable(pack(np.array([np.nan])), 1)
    (True, False, False)
    """
    if len(packed) < _head(size):
        return False
    try:
        return bool(np.isfinite(_values(packed, size, _held(packed, size))).all())
    except ValueError:
        return False


def _head(size: int) -> int:
    return (size + 7) // 8


def _held(packed: bytes, size: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(packed[: _head(size)], dtype=np.uint8), count=size).view(np.bool_)


def _values(packed: bytes, size: int, held: NDArray[np.bool_]) -> NDArray[np.floating[Any]]:
    body, count = packed[_head(size) :], int(np.count_nonzero(held))
    for kind in (_HALF, _SINGLE):
        if len(body) == kind.itemsize * count:
            values: NDArray[np.floating[Any]] = np.frombuffer(body, dtype=kind)
            return values
    raise ValueError(f"expected {count} numbers of 2 or 4 bytes, received {len(body)} bytes")
