"""Signals of a slate in few bytes: most of a new visitor's are zero, and a log holds millions of slates.

Packed is a bit for each number that says whether it is another than zero, and then those numbers, little-endian
float32. Exact to the bit, and the same bytes for the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]


def pack(numbers: Numbers) -> bytes:
    """Return numbers of any shape packed. About 5 µs for a slate."""
    words = np.ascontiguousarray(numbers, dtype="<f4").view("<u4").ravel()
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
    words = np.zeros(size, dtype="<u4")
    words[held] = np.frombuffer(packed[_head(size) :], dtype="<u4")
    return words.view("<f4").reshape(rows, columns)


def is_usable(packed: bytes, size: int) -> bool:
    """Return whether these bytes are so many packed numbers, all of them finite.

    >>> is_usable(pack(np.ones(3, dtype=np.float32)), 3), is_usable(b"", 3), is_usable(pack(np.array([np.nan])), 1)
    (True, False, False)
    """
    head = _head(size)
    if len(packed) < head or len(packed) != head + 4 * int(np.count_nonzero(_held(packed, size))):
        return False
    return bool(np.isfinite(np.frombuffer(packed[head:], dtype="<f4")).all())


def _head(size: int) -> int:
    return (size + 7) // 8


def _held(packed: bytes, size: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(packed[: _head(size)], dtype=np.uint8), count=size).view(np.bool_)
