"""Packed signals are the signals, to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.layout import SIGNAL_COUNT
from recsys.sessions.packing import pack, unpack


@given(st.integers(0, 5), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_any_numbers_come_back_to_the_bit(rows: int, share: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 2**32, (rows, SIGNAL_COUNT), dtype=np.uint32)  # infinities, -0.0 and NaN included
    numbers[random.random(numbers.shape) < share] = 0
    signals = numbers.view("<f4")
    assert unpack(pack(signals), rows).tobytes() == signals.tobytes()


def test_zeros_take_a_bit_each() -> None:
    assert len(pack(np.zeros((12, SIGNAL_COUNT), dtype=np.float32))) == 12 * SIGNAL_COUNT // 8


def test_part_of_a_table_packs_as_its_copy_does() -> None:
    table = np.arange(4 * SIGNAL_COUNT, dtype=np.float32).reshape(4, SIGNAL_COUNT)
    assert pack(table[::2]) == pack(table[::2].copy())


@pytest.mark.parametrize("rows", [1, 3])
def test_another_shape_is_refused(rows: int) -> None:
    with pytest.raises(ValueError):
        unpack(pack(np.ones((2, SIGNAL_COUNT), dtype=np.float32)), rows)
