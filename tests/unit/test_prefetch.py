"""Fetching ahead computes nothing."""

import numpy as np
import pytest

from recsys.prefetch import fetch, fetch_filled, load


@pytest.mark.parametrize("width", [1, 16, 17, 64])
def test_fetching_takes_any_rows_of_any_table_and_changes_none(width: int) -> None:
    table = np.arange(50.0 * width, dtype=np.float32).reshape(50, width)
    before = table.copy()
    for rows in ([], [0], [49, 0, 49], list(range(50))):
        fetch(table, np.array(rows, dtype=np.int64))
        fetch(table[:, : width // 2 + 1], np.array(rows, dtype=np.int64))
        load(table, np.array(rows, dtype=np.int64))
        load(table[:, width // 2 :], np.array(rows, dtype=np.int64))
        fetch_filled(table, np.array(rows, dtype=np.int64), np.arange(50, dtype=np.int32))
    np.testing.assert_array_equal(table, before)
