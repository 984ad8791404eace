"""Snapshot bytes: what goes in comes out, equal content has equal bytes, and damage never gets through."""

import hashlib
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from recsys.errors import CorruptState
from recsys.store.codec import decode, encode, sha256

DTYPES = st.sampled_from(["?", "i1", "u1", "<i2", ">i4", "<u8", "<i8", "<f2", "<f4", ">f8"])
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=5)))

EXAMPLE = encode({"meta": b"\x01\x02", "more": b""}, {"b": np.arange(6.0).reshape(2, 3), "a": np.array([True, False])})


def forged(header: object, rest: bytes = b"", length: int | None = None) -> bytes:
    """Return bytes with a right hash around any header."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = struct.pack("<I", len(encoded) if length is None else length) + encoded + rest
    return b"FRESHET1" + hashlib.sha256(body).digest() + body


@given(
    blobs=st.dictionaries(st.text(max_size=8), st.binary(max_size=40), max_size=4),
    arrays=st.dictionaries(st.text(max_size=8), ARRAYS, max_size=4),
)
def test_decoded_is_what_was_encoded(blobs: dict[str, bytes], arrays: dict[str, NDArray[Any]]) -> None:
    state = decode(encode(blobs, arrays))

    assert state.blobs == blobs
    assert set(state.arrays) == set(arrays)
    for name, array in arrays.items():
        found = state.arrays[name]
        assert (found.shape, found.dtype) == (array.shape, array.dtype.newbyteorder("="))
        assert found.tobytes() == array.astype(found.dtype).tobytes()
        assert found.flags.writeable and found.flags.aligned


def test_order_and_memory_layout_do_not_change_the_bytes() -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    same = [
        encode({"x": b"1", "y": b"2"}, {"a": matrix, "b": matrix[0]}),
        encode({"y": b"2", "x": b"1"}, {"b": matrix[0].copy(), "a": np.asfortranarray(matrix)}),
        encode({"x": b"1", "y": b"2"}, {"a": matrix.astype(">f8"), "b": matrix[0]}),
    ]
    assert len(set(same)) == 1


def test_bytes_of_the_format_are_stable() -> None:
    assert sha256(EXAMPLE) == "30b6a7955471c81ddd7ed6977e0ee481fae17b0696c72a0b0e1fbbca2bc0ed8f"


def test_decoded_arrays_do_not_change_the_payload() -> None:
    payload = bytes(EXAMPLE)
    decode(payload).arrays["b"][:] = 7.0
    assert payload == EXAMPLE


@pytest.mark.parametrize(
    "array", [np.array(["text"]), np.array([object()]), np.array([1j]), np.array(["2026"], "M8[D]")]
)
def test_only_plain_numbers_are_encoded(array: NDArray[Any]) -> None:
    with pytest.raises(TypeError, match="expected booleans, integers or floats"):
        encode({}, {"x": array})


def test_every_flipped_byte_is_noticed() -> None:
    for at in range(len(EXAMPLE)):
        damaged = bytearray(EXAMPLE)
        damaged[at] ^= 0x20
        with pytest.raises(CorruptState):
            decode(bytes(damaged))


def test_every_truncation_is_noticed() -> None:
    for length in range(len(EXAMPLE)):
        with pytest.raises(CorruptState):
            decode(EXAMPLE[:length])


@pytest.mark.parametrize("other", [b"", b"PK\x03\x04" + bytes(60), b"FRESHET2" + EXAMPLE[8:], EXAMPLE + b"\x00"])
def test_other_bytes_are_refused(other: bytes) -> None:
    with pytest.raises(CorruptState):
        decode(other)


@pytest.mark.parametrize(
    "payload",
    [
        forged({"blobs": [], "arrays": []}, length=2**32 - 1),
        forged({"blobs": [["x", 2**40]], "arrays": []}),
        forged({"blobs": [["x", -1]], "arrays": []}, b"1"),
        forged({"blobs": [["x", 1], ["x", 1]], "arrays": []}, b"12"),
        forged({"blobs": [], "arrays": [["x", "<f8", [2**40, 2**40]]]}),
        forged({"blobs": [], "arrays": [["x", "<f8", [0, 2**40, 2**40]]]}, bytes(16)),
        forged({"blobs": [], "arrays": [["x", "<f8", [0] * 200]]}, bytes(16)),
        forged({"blobs": [], "arrays": [["x", "<f8", [-1]]]}, bytes(64)),
        forged({"blobs": [], "arrays": [["x", "|O", [1]]]}, bytes(64)),
        forged({"blobs": [], "arrays": [["x", "<f8,<f8", [1]]]}, bytes(64)),
        forged({"blobs": [], "arrays": [["x", 7, [1]]]}, bytes(64)),
        forged({"blobs": [], "arrays": []}, b"left over"),
        forged({"blobs": []}),
        forged([]),
        forged(b"\xff{"),
        forged(b""),
    ],
)
def test_forged_header_with_a_right_hash_is_refused(payload: bytes) -> None:
    with pytest.raises(CorruptState):
        decode(payload)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(CorruptState):
        decode(forged(body))
