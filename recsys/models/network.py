"""A small network beside the linear weights: what signals mean together.

One hidden layer of softsign units, learned online by AdaGrad (Duchi, Hazan and Singer, "Adaptive subgradient methods",
2011) from the same choices as the last layer, which sees its output as one more column of the design row.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.errors import CorruptState
from recsys.models.product import product
from recsys.models.random import uniforms

HIDDEN: Final = 32
#: Step of AdaGrad, and the squared gradient that every weight starts with.
RATE: Final = 0.02
FIRST_SQUARE: Final = 0.01
#: Items whose probability is off by less teach the network next to nothing and are passed over.
LEAST_ERROR: Final = 5e-4

Signals = NDArray[np.float32]
Weights = NDArray[np.float32]


class Network:
    """A function from signals to one number, learned while it serves.

    Parameters
    ----------
    width : int
        Signals of an item.
    seed : int
        Draws the first weights.
    """

    def __init__(self, width: int, seed: int) -> None:
        drawn = uniforms(seed, width * HIDDEN + HIDDEN)
        self._arrays: dict[str, Weights] = {
            "inner": (drawn[: width * HIDDEN].reshape(width, HIDDEN) - 0.5).astype(np.float32),
            "bias": np.zeros(HIDDEN, dtype=np.float32),
            "outer": (0.4 * (drawn[width * HIDDEN :] - 0.5)).astype(np.float32),
        }
        self._arrays |= {f"{name}_squares": np.full_like(array, FIRST_SQUARE) for name, array in self._arrays.items()}

    @property
    def outer(self) -> Weights:
        """What `outputs` weighs hidden units by, shape (HIDDEN,). Do not write to it."""
        return self._arrays["outer"]

    def hidden(self, signals: Signals) -> Signals:
        """Return what goes into the hidden units of each item, shape (n, HIDDEN). Changes nothing."""
        return _hidden(signals, self._arrays["inner"], self._arrays["bias"])

    def learn(self, signals: Signals, hidden: Signals, errors: NDArray[np.float64]) -> None:
        """Take one step against `errors`.

        Parameters
        ----------
        signals : float32 array of shape (n, width)
        hidden : float32 array of shape (n, HIDDEN)
            Theirs, by the weights as they are.
        errors : float64 array of shape (n,)
            The loss's gradient in each item's output.
        """
        arrays = self._arrays
        _learn(
            signals,
            hidden,
            errors,
            arrays["inner"],
            arrays["bias"],
            arrays["outer"],
            arrays["inner_squares"],
            arrays["bias_squares"],
            arrays["outer_squares"],
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that are the network (views)."""
        return dict(self._arrays)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become the network that `state` described. Raises `CorruptState` and changes nothing when it does not fit."""
        for name, mine in self._arrays.items():
            given = arrays.get(name)
            if given is None or given.dtype != mine.dtype or given.shape != mine.shape:
                raise CorruptState(f"network array {name!r}: expected float32 of shape {mine.shape}")
        for name, mine in self._arrays.items():
            mine[:] = arrays[name]


@compiled
def _hidden(signals: Signals, inner: Weights, bias: Weights) -> Signals:
    hidden = np.empty((signals.shape[0], HIDDEN), dtype=np.float32)
    product(signals, inner, bias, hidden)
    return hidden


@compiled
def outputs(hidden: Signals, outer: Weights) -> Signals:
    """Return the network's number for each item: what comes out of its hidden units, weighed and summed. Shape (n,)."""
    numbers, lanes = np.empty(hidden.shape[0], dtype=np.float32), np.empty(HIDDEN, dtype=np.float32)
    one = np.float32(1.0)
    for i in range(hidden.shape[0]):
        for h in range(HIDDEN):
            lanes[h] = outer[h] * (hidden[i, h] / (one + abs(hidden[i, h])))
        for h in range(HIDDEN // 2):
            lanes[h] += lanes[h + HIDDEN // 2]
        for h in range(HIDDEN // 4):
            lanes[h] += lanes[h + HIDDEN // 4]
        total = np.float32(0.0)
        for h in range(HIDDEN // 4):
            total += lanes[h]
        numbers[i] = total
    return numbers


@compiled
def _learn(
    signals: Signals,
    hidden: Signals,
    errors: NDArray[np.float64],
    inner: Weights,
    bias: Weights,
    outer: Weights,
    inner_squares: Weights,
    bias_squares: Weights,
    outer_squares: Weights,
) -> None:
    """Go back for the items that teach something."""
    teaching = np.nonzero(np.abs(errors) >= LEAST_ERROR)[0]
    inputs, error, hidden = signals[teaching], errors[teaching].astype(np.float32), hidden[teaching]
    one = np.float32(1.0)
    nothing = np.zeros(HIDDEN, dtype=np.float32)
    bias_slope, outer_slope = np.zeros((1, HIDDEN), dtype=np.float32), np.zeros((1, HIDDEN), dtype=np.float32)
    for i in range(teaching.shape[0]):
        for h in range(HIDDEN):
            shrink = one / (one + abs(hidden[i, h]))
            outer_slope[0, h] += error[i] * hidden[i, h] * shrink
            hidden[i, h] = error[i] * outer[h] * shrink * shrink
            bias_slope[0, h] += hidden[i, h]
    inner_slope = np.empty(inner.shape, dtype=np.float32)
    product(inputs.T, hidden, nothing, inner_slope)
    _step(inner, inner_slope, inner_squares)
    _step(bias.reshape((1, HIDDEN)), bias_slope, bias_squares.reshape((1, HIDDEN)))
    _step(outer.reshape((1, HIDDEN)), outer_slope, outer_squares.reshape((1, HIDDEN)))


@compiled
def _step(weights: Weights, slopes: Weights, squares: Weights) -> None:
    """Move every weight against its slope, the less the more its slopes have added up to."""
    rate = np.float32(RATE)
    for i in range(weights.shape[0]):
        for h in range(weights.shape[1]):
            slope = slopes[i, h]
            squares[i, h] += slope * slope
            weights[i, h] -= rate * slope / np.float32(math.sqrt(squares[i, h]))
