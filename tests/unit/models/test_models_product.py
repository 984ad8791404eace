"""The matrix product: what its definition says, row by row, to the same bits in any company."""

import numpy as np
import pytest

from recsys.compiled import SIDE_BY_SIDE
from recsys.models.product import product, times_vector


def matrix(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def multiplied(left: np.ndarray, right: np.ndarray, start: np.ndarray) -> np.ndarray:
    out = np.full((left.shape[0], right.shape[1]), np.nan, dtype=np.float32)
    product(left, right, start, out)
    return out


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 20])
@pytest.mark.parametrize("depth", [0, 1, 36])
@pytest.mark.parametrize("width", [SIDE_BY_SIDE, 3 * SIDE_BY_SIDE])
def test_a_product_is_what_its_definition_says(rows: int, depth: int, width: int) -> None:
    left, right, start = matrix(rows, depth), matrix(depth, width), matrix(width)
    expected = left.astype(np.float64) @ right.astype(np.float64) + start
    np.testing.assert_allclose(multiplied(left, right, start), expected, atol=1e-5)


@pytest.mark.parametrize("rows", [3, 19])
def test_a_transposed_view_and_rows_of_a_larger_matrix_multiply_as_their_copies_do(rows: int) -> None:
    wide, right, start = matrix(30, rows), matrix(40, SIDE_BY_SIDE), matrix(SIDE_BY_SIDE)
    expected = multiplied(np.ascontiguousarray(wide.T), right[:30].copy(), start)
    np.testing.assert_array_equal(multiplied(wide.T, right, start), expected)


def test_a_rows_result_does_not_depend_on_the_other_rows() -> None:
    left, right, start = matrix(21, 36), matrix(36, SIDE_BY_SIDE), matrix(SIDE_BY_SIDE)
    whole = multiplied(left, right, start)
    for rows in ([4], [20, 4, 4], list(range(20, -1, -1))):
        np.testing.assert_array_equal(multiplied(left[rows], right, start), whole[rows])


@pytest.mark.parametrize("rows", [1, 8])
def test_a_term_is_rounded_once(rows: int) -> None:
    x = np.float32(1.0 + 2.0**-12)
    left, right = np.full((rows, 1), x), np.full((1, SIDE_BY_SIDE), x)
    start = np.full(SIDE_BY_SIDE, -(x * x))
    assert multiplied(left, right, start).ravel().tolist() == [2.0**-24] * (rows * SIDE_BY_SIDE)


def test_what_does_not_fit_is_refused() -> None:
    left, right, start, out = matrix(3, 5), matrix(5, SIDE_BY_SIDE), matrix(SIDE_BY_SIDE), matrix(3, SIDE_BY_SIDE)
    for wrong in (
        (left, right[:4], start, out),
        (left, right, matrix(8), out),
        (left, right, start, matrix(4, SIDE_BY_SIDE)),
        (left, right, start, matrix(3, 2 * SIDE_BY_SIDE)),
    ):
        with pytest.raises(ValueError, match="that can be multiplied"):
            product(*wrong)
    with pytest.raises(ValueError, match="multiples of SIDE_BY_SIDE"):
        product(left, matrix(5, 8), matrix(8), matrix(3, 8))


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 20])
@pytest.mark.parametrize("width", [0, 1, 8, 49])
def test_a_product_with_a_vector_is_what_its_definition_says(rows: int, width: int) -> None:
    left, vector = matrix(rows, width), matrix(width).astype(np.float64)
    np.testing.assert_allclose(times_vector(left, vector), left.astype(np.float64) @ vector, atol=1e-12)


def test_a_rows_product_with_a_vector_does_not_depend_on_the_other_rows() -> None:
    left, vector = matrix(21, 49), matrix(49).astype(np.float64)
    whole = times_vector(left, vector)
    for rows in ([4], [20, 4, 4], list(range(20, -1, -1))):
        np.testing.assert_array_equal(times_vector(left[rows], vector), whole[rows])


def test_numbers_that_do_not_lie_side_by_side_are_refused() -> None:
    vector = matrix(16).astype(np.float64)
    with pytest.raises(ValueError, match="side by side"):
        times_vector(matrix(16, 3).T, vector)
    with pytest.raises(ValueError, match="side by side"):
        times_vector(matrix(3, 8), vector[::2])
