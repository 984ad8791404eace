"""Packed signals are the signals, to float16's eleven bits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.layout import SIGNAL_COUNT
from recsys.packing import is_usable, pack, unpack


@given(st.integers(0, 5), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_any_numbers_come_back_as_float16_holds_them(rows: int, share: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 2**32, (rows, SIGNAL_COUNT), dtype=np.uint32)  # infinities, -0.0 and NaN included
    numbers[random.random(numbers.shape) < share] = 0
    signals = numbers.view("<f4")
    with np.errstate(all="ignore"):
        held = signals.astype("<f2").astype("<f4")
    np.testing.assert_array_equal(unpack(pack(signals), rows, SIGNAL_COUNT), held)


@given(st.lists(st.floats(-65_000, 65_000, width=32), max_size=40))
def test_numbers_of_common_size_are_one_part_in_two_thousand_away_at_most(numbers: list[float]) -> None:
    signals = np.array([number for number in numbers if abs(number) > 1e-4], dtype=np.float32)
    assert (np.abs(unpack(pack(signals), 1, len(signals))[0] - signals) <= np.abs(signals) / 2_048).all()


def test_slates_of_before_are_read_with_all_their_bits() -> None:
    signals = np.array([[0.1, 0.0, 1e6], [0.0, -2.5, 3.0]], dtype="<f4")
    packed = np.packbits(signals != 0).tobytes() + signals[signals != 0].tobytes()
    assert is_usable(packed, 6)
    assert unpack(packed, 2, 3).tobytes() == signals.tobytes()


def test_zeros_take_a_bit_each() -> None:
    assert len(pack(np.zeros((12, SIGNAL_COUNT), dtype=np.float32))) == math.ceil(12 * SIGNAL_COUNT / 8)


def test_part_of_a_table_packs_as_its_copy_does() -> None:
    table = np.arange(4 * SIGNAL_COUNT, dtype=np.float32).reshape(4, SIGNAL_COUNT)
    assert pack(table[::2]) == pack(table[::2].copy())


@pytest.mark.parametrize("rows", [1, 3])
def test_another_shape_is_refused(rows: int) -> None:
    with pytest.raises(ValueError):
        unpack(pack(np.ones((2, SIGNAL_COUNT), dtype=np.float32)), rows, SIGNAL_COUNT)


@given(st.binary(max_size=40), st.integers(0, 40))
def test_bytes_from_anywhere_are_usable_only_if_they_unpack_to_finite_numbers(packed: bytes, size: int) -> None:
    if is_usable(packed, size):
        assert np.isfinite(unpack(packed, 1, size)).all()


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_not_usable(spoilt: float) -> None:
    numbers = np.array([0.0, spoilt, 1.0], dtype=np.float32)
    assert not is_usable(pack(numbers), 3)
    assert is_usable(pack(numbers[[0, 2]]), 2)


def test_numbers_too_large_for_float16_are_not_usable() -> None:
    assert not is_usable(pack(np.array([1.0, 1e6], dtype=np.float32)), 2)
