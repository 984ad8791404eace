"""What loops compute exponentials and logarithms with is right to the last places, and the same in any loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.elementary import exp, exp_single, log_single

#: What the module promises, in units of the last place.
CLOSE = 3.0


@compiled
def exps(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.empty(numbers.shape[0])
    for i in range(numbers.shape[0]):
        values[i] = exp(numbers[i])
    return values


@compiled
def exps_single(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.empty(numbers.shape[0], np.float32)
    for i in range(numbers.shape[0]):
        values[i] = exp_single(numbers[i])
    return values


@compiled
def logs_single(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.empty(numbers.shape[0], np.float32)
    for i in range(numbers.shape[0]):
        values[i] = log_single(numbers[i])
    return values


def spread(lowest: float, highest: float) -> NDArray[np.float64]:
    """Return numbers all over a range, and some close to 0."""
    random = np.random.default_rng(7)
    return np.concatenate([random.uniform(lowest, highest, 50_000), random.normal(0.0, 1e-3, 5_000)])


def places_off(values: NDArray[Any], exact: NDArray[Any]) -> float:
    return float(np.max(np.abs(values - exact) / np.spacing(np.abs(exact).astype(values.dtype))))


SINGLE = spread(-87.0, 88.0).astype(np.float32)
POSITIVE = np.concatenate([np.exp(spread(-87.0, 88.0)), 1.0 + spread(-0.3, 5.0)]).astype(np.float32)


def test_exponential_is_right_to_the_last_places() -> None:
    numbers = spread(-708.0, 709.0)
    assert places_off(exps(numbers), np.exp(numbers)) <= CLOSE


def test_exponential_in_single_precision_is_right_to_the_last_places() -> None:
    assert places_off(exps_single(SINGLE), np.exp(SINGLE.astype(np.float64))) <= CLOSE


def test_logarithm_in_single_precision_is_right_to_the_last_places() -> None:
    assert places_off(logs_single(POSITIVE), np.log(POSITIVE.astype(np.float64))) <= CLOSE


def test_nothing_changes_nothing_exactly() -> None:
    assert exp(0.0) == 1.0
    assert exp_single(np.float32(0.0)) == 1.0
    assert log_single(np.float32(1.0)) == 0.0


def test_exponentials_beyond_what_can_be_held_are_those_of_the_bounds() -> None:
    far = np.array([-np.inf, -1e9, -708.0, 709.0, 1e9, np.inf])
    values = exps(far)
    assert (values[:3] == values[2]).all() and 0.0 < values[2] < 1e-300
    assert (values[3:] == values[3]).all() and 1e300 < values[3] < np.inf
    assert np.isfinite(exps_single(far.astype(np.float32))).all()


@pytest.mark.parametrize(
    ("loop", "numbers"), [(exps, spread(-700.0, 700.0)), (exps_single, SINGLE), (logs_single, POSITIVE)]
)
def test_a_number_gives_the_same_bits_alone_and_among_others(
    loop: Callable[[NDArray[Any]], NDArray[Any]], numbers: NDArray[Any]
) -> None:
    some = numbers[:999]
    alone = np.concatenate([loop(some[at : at + 1]) for at in range(len(some))])
    assert alone.tobytes() == loop(some).tobytes()
