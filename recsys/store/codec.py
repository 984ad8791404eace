"""The bytes of snapshots and deltas: a header, named blobs, plain little-endian arrays. No code is ever loaded.

Layout: 8 bytes magic (the format's version in it) · 32 bytes SHA-256 of all that follows · 4 bytes header length ·
header (JSON: names and lengths of the blobs; names, dtypes and shapes of the arrays) · blobs · arrays, each in the
order of their names and from a multiple of 16 bytes on. Equal content has equal bytes.
"""

import hashlib
import math
import re
import struct
from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.errors import UNREADABLE, CorruptState

_MAGIC: Final = b"FRESHET1"
_PREFIX: Final = struct.Struct("<8s32sI")
#: The hash stands right before the first byte that it covers.
_HASHED: Final = 40
_ALIGNMENT: Final = 16
_DTYPE: Final = re.compile(r"\|[bui]1|<[uif][248]")

_Size = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class _Blob(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    name: str
    length: _Size


class _Array(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    name: str
    dtype: str
    shape: tuple[_Size, ...]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    blobs: tuple[_Blob, ...]
    arrays: tuple[_Array, ...]


class State(NamedTuple):
    """What `decode` returns. The arrays are the caller's own: writable, aligned, native."""

    blobs: dict[str, bytes]
    arrays: dict[str, NDArray[Any]]


def encode(blobs: Mapping[str, bytes], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return blobs (small, encoded by their owners) and arrays (booleans, integers, floats) as one payload.

    Raises
    ------
    TypeError
        When an array holds anything else.

    >>> payload = encode({"meta": b"abc"}, {"x": np.arange(3)})
    >>> state = decode(payload)
    >>> state.blobs["meta"], state.arrays["x"].tolist()
    (b'abc', [0, 1, 2])
    """
    plain = {name: _plain(name, arrays[name]) for name in sorted(arrays)}
    header = msgspec.json.encode(
        _Header(
            blobs=tuple(_Blob(name, len(blobs[name])) for name in sorted(blobs)),
            arrays=tuple(_Array(name, array.dtype.str, array.shape) for name, array in plain.items()),
        )
    )
    # Put together once: a world with its open windows is large, and the writer has other things in memory.
    pieces: list[bytes | memoryview] = [header, *(blobs[name] for name in sorted(blobs))]
    size = _PREFIX.size + sum(map(len, pieces))
    for array in plain.values():
        padding = -size % _ALIGNMENT
        pieces += [bytes(padding), array.reshape(-1).view(np.uint8).data]
        size += padding + array.nbytes
    digest = hashlib.sha256(_PREFIX.pack(_MAGIC, bytes(32), len(header))[_HASHED:])
    for piece in pieces:
        digest.update(piece)
    return b"".join([_PREFIX.pack(_MAGIC, digest.digest(), len(header)), *pieces])


def decode(payload: bytes) -> State:
    """Read what `encode` wrote.

    Raises
    ------
    CorruptState
        When the bytes are of another format, fail their hash, or do not add up.
    """
    header, start = _read_header(payload)
    blobs: dict[str, bytes] = {}
    for blob in header.blobs:
        blobs[blob.name] = _piece(payload, start, blob.length)
        start += blob.length
    arrays: dict[str, NDArray[Any]] = {}
    for described in header.arrays:
        start += -start % _ALIGNMENT
        arrays[described.name], size = _read_array(payload, start, described)
        start += size
    if start != len(payload) or len(blobs) != len(header.blobs) or len(arrays) != len(header.arrays):
        raise CorruptState(f"expected {start} bytes and every name once, received {len(payload)} bytes")
    return State(blobs, arrays)


def sha256(payload: bytes) -> str:
    """Return the hash that names a payload, as 64 hex digits."""
    return hashlib.sha256(payload).hexdigest()


def _plain(name: str, array: NDArray[Any]) -> NDArray[Any]:
    little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if not _DTYPE.fullmatch(little.dtype.str):
        raise TypeError(f"array {name!r}: expected booleans, integers or floats, received {array.dtype}")
    return little


def _read_header(payload: bytes) -> tuple[_Header, int]:
    """Return the header and where the blobs start, after checking the hash."""
    if len(payload) < _PREFIX.size:
        raise CorruptState(f"expected at least {_PREFIX.size} bytes, received {len(payload)}")
    magic, digest, length = _PREFIX.unpack_from(payload)
    if magic != _MAGIC:
        raise CorruptState(f"expected bytes that begin with {_MAGIC!r}, received {magic!r}")
    if hashlib.sha256(memoryview(payload)[_HASHED:]).digest() != digest:
        raise CorruptState(f"expected bytes with the SHA-256 {digest.hex()}, received others: damaged or cut short")
    try:
        header: _Header = msgspec.json.decode(_piece(payload, _PREFIX.size, length), type=_Header)
    except UNREADABLE as error:
        raise CorruptState(f"expected a header of blobs and arrays: {error}") from error
    return header, _PREFIX.size + length


def _read_array(payload: bytes, start: int, described: _Array) -> tuple[NDArray[Any], int]:
    if not _DTYPE.fullmatch(described.dtype):
        raise CorruptState(f"array {described.name!r}: expected booleans, integers or floats: {described.dtype!r}")
    dtype = np.dtype(described.dtype)
    size = math.prod(described.shape) * dtype.itemsize
    _check(payload, start, size)
    try:
        view: NDArray[Any] = np.ndarray(described.shape, dtype, buffer=payload, offset=start)
    except ValueError as error:
        raise CorruptState(f"array {described.name!r} of shape {described.shape}: {error}") from error
    return view.astype(dtype.newbyteorder("=")), size


def _piece(payload: bytes, start: int, length: int) -> bytes:
    _check(payload, start, length)
    return payload[start : start + length]


def _check(payload: bytes, start: int, length: int) -> None:
    if start + length > len(payload):
        raise CorruptState(f"expected {length} bytes from byte {start} on, received {len(payload)} in all")
