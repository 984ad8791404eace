"""The small network: its gradient is that of its output, it learns what choices show, and asking changes nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import CorruptState
from recsys.models import network
from recsys.models.kernels import choice_probabilities
from recsys.models.network import HIDDEN, Network
from tests.choices import loss

WIDTH = 6
SEED = 11


def signals(rows: int, width: int = WIDTH, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


def plain_outputs(arrays: dict[str, np.ndarray], table: np.ndarray) -> np.ndarray:
    """Return the network's definition in double precision."""
    hidden = table.astype(np.float64) @ arrays["inner"][: table.shape[1]].astype(np.float64) + arrays["bias"]
    return (hidden / (1.0 + np.abs(hidden))) @ arrays["outer"].astype(np.float64)


def outputs_of(made: Network, table: np.ndarray) -> np.ndarray:
    return network.outputs(made.hidden(table), made.outer)


def learn(made: Network, table: np.ndarray, errors: np.ndarray) -> None:
    made.learn(table, made.hidden(table), errors)


def state_bytes(of: Network) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in of.state().items()}


def copied(of: Network) -> dict[str, np.ndarray]:
    return {name: np.array(array, dtype=np.float64) for name, array in of.state().items()}


def errors_of(scores: np.ndarray, chosen: int) -> np.ndarray:
    """Return the gradient of a choice's loss in the scores."""
    errors = choice_probabilities(scores.astype(np.float64))
    errors[chosen] -= 1.0
    return errors


@pytest.mark.parametrize("width", [1, 4, 5, 36])
@pytest.mark.parametrize("rows", [0, 1, 13])
def test_outputs_are_what_the_definition_says(width: int, rows: int) -> None:
    made, table = Network(width, SEED), signals(rows, width)
    outputs = outputs_of(made, table)
    assert outputs.shape == (rows,) and outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, plain_outputs(made.state(), table), atol=1e-5)


@given(rows=st.lists(st.integers(0, 29), min_size=1, max_size=12))
def test_an_items_output_does_not_depend_on_the_other_items(rows: list[int]) -> None:
    made, table = Network(WIDTH, SEED), signals(30)
    np.testing.assert_array_equal(outputs_of(made, table[rows]), outputs_of(made, table)[rows])


def test_asking_changes_no_byte() -> None:
    made = Network(WIDTH, SEED)
    before = state_bytes(made)
    outputs_of(made, signals(9))
    assert state_bytes(made) == before


@pytest.mark.parametrize("rows", [1, 3, 4, 7])
def test_slopes_are_those_of_finite_differences(rows: int) -> None:
    """AdaGrad adds each slope's square to what it keeps, so what was added gives the slope, and the step its sign."""
    made, table = Network(WIDTH, SEED), signals(rows, seed=2)
    before = copied(made)
    chosen = rows - 1
    errors = errors_of(plain_outputs(before, table), chosen)
    learn(made, table, errors)
    after, nudge = copied(made), 1e-5
    rng = np.random.default_rng(3)
    for name in ("inner", "bias", "outer"):
        for _ in range(8):
            place = tuple(
                int(rng.integers(WIDTH if axis == 0 and name == "inner" else HIDDEN))
                for axis in range(before[name].ndim)
            )
            sides = []
            for step in (nudge, -nudge):
                moved = {key: array.copy() for key, array in before.items()}
                moved[name][place] += step
                sides.append(loss(plain_outputs(moved, table), chosen))
            slope = (sides[0] - sides[1]) / (2 * nudge)
            squares = after[f"{name}_squares"][place] - before[f"{name}_squares"][place]
            assert squares == pytest.approx(slope * slope, rel=2e-3, abs=1e-7)
            expected = -network.RATE * slope / np.sqrt(before[f"{name}_squares"][place] + slope * slope)
            assert after[name][place] - before[name][place] == pytest.approx(expected, rel=2e-3, abs=1e-6)


def test_repeated_choices_become_likelier() -> None:
    made, rng = Network(WIDTH, SEED), np.random.default_rng(4)

    def a_choice() -> tuple[np.ndarray, int]:
        table = rng.normal(size=(8, WIDTH)).astype(np.float32)
        return table, int(np.argmax(table[:, 0] * table[:, 1]))  # which no linear weights could tell

    losses = []
    for _ in range(3_000):
        table, chosen = a_choice()
        scores = outputs_of(made, table).astype(np.float64)
        losses.append(loss(scores, chosen))
        learn(made, table, errors_of(scores, chosen))
    assert np.mean(losses[-500:]) < np.mean(losses[:500]) - 0.3


def test_errors_that_teach_next_to_nothing_change_nothing() -> None:
    made = Network(WIDTH, SEED)
    before = state_bytes(made)
    learn(made, signals(5), np.full(5, 0.9 * network.LEAST_ERROR))
    learn(made, signals(0), np.empty(0))
    assert state_bytes(made) == before


def test_the_seed_alone_draws_the_first_weights() -> None:
    assert state_bytes(Network(WIDTH, 1)) == state_bytes(Network(WIDTH, 1))
    assert state_bytes(Network(WIDTH, 1)) != state_bytes(Network(WIDTH, 2))


def test_a_restored_network_goes_on_to_the_same_bytes_and_shares_none() -> None:
    made, copy = Network(WIDTH, SEED), Network(WIDTH, 99)
    learn(made, signals(6), errors_of(np.zeros(6), 2))
    copy.restore(
        {name: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape) for name, array in made.state().items()}
    )
    before = state_bytes(copy)
    learn(made, signals(6, seed=5), errors_of(np.zeros(6), 1))
    assert state_bytes(copy) == before
    learn(copy, signals(6, seed=5), errors_of(np.zeros(6), 1))
    assert state_bytes(copy) == state_bytes(made)


@pytest.mark.parametrize("name", ["inner", "bias", "outer", "inner_squares", "bias_squares", "outer_squares"])
def test_state_that_does_not_fit_is_refused_and_changes_nothing(name: str) -> None:
    made, state = Network(WIDTH, SEED), {key: np.array(array) for key, array in Network(WIDTH, 2).state().items()}
    before = state_bytes(made)
    for wrong in (
        {key: array for key, array in state.items() if key != name},
        {**state, name: state[name].astype(np.float64)},
        {**state, name: state[name][:-1]},
    ):
        with pytest.raises(CorruptState, match=f"network array '{name}'"):
            made.restore(wrong)
    assert state_bytes(made) == before
