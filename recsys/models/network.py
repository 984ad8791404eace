"""A small network beside the linear weights: what signals mean together.

One hidden layer of softsign units, learned online by AdaGrad (Duchi, Hazan and Singer, "Adaptive subgradient methods",
2011) from the same choices as the last layer, which sees its output as one more column of the design row.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import SIDE_BY_SIDE, compiled
from recsys.errors import CorruptState
from recsys.models.random import uniforms

HIDDEN: Final = 32
#: Step of AdaGrad, and the squared gradient that every weight starts with.
RATE: Final = 0.02
FIRST_SQUARE: Final = 0.01
#: Items whose probability is off by less teach the network next to nothing and are passed over.
LEAST_ERROR: Final = 5e-4

#: Terms that the loops below add at once; widths are padded to a multiple of it.
_UNROLLED: Final = 4

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
        inner = np.zeros((-(-width // _UNROLLED) * _UNROLLED, HIDDEN), dtype=np.float32)
        inner[:width] = drawn[: width * HIDDEN].reshape(width, HIDDEN) - 0.5
        self._arrays: dict[str, Weights] = {
            "inner": inner,
            "bias": np.zeros(HIDDEN, dtype=np.float32),
            "outer": (0.4 * (drawn[width * HIDDEN :] - 0.5)).astype(np.float32),
        }
        self._arrays |= {f"{name}_squares": np.full_like(array, FIRST_SQUARE) for name, array in self._arrays.items()}

    def outputs(self, signals: Signals) -> Signals:
        """Return the network's number for each item, shape (n,). Changes nothing."""
        return _outputs(signals, self._arrays["inner"], self._arrays["bias"], self._arrays["outer"])

    def learn(self, signals: Signals, errors: NDArray[np.float64]) -> None:
        """Take one step against `errors`: the loss's gradient in each item's output, shape (n,)."""
        arrays = self._arrays
        _learn(
            signals,
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
def _outputs(signals: Signals, inner: Weights, bias: Weights, outer: Weights) -> Signals:
    """Sum over hidden units; items lie side by side in the innermost loops, so a core works on several at once."""
    count, padded = signals.shape[0], inner.shape[0]
    rows = -(-count // SIDE_BY_SIDE) * SIDE_BY_SIDE
    columns = np.zeros((padded, rows), dtype=np.float32)
    for i in range(count):
        for j in range(signals.shape[1]):
            columns[j, i] = signals[i, j]
    outputs = np.zeros(rows, dtype=np.float32)
    hidden = np.empty(rows, dtype=np.float32)
    one = np.float32(1.0)
    for h in range(HIDDEN):
        for i in range(rows):
            hidden[i] = bias[h]
        for j in range(0, padded, _UNROLLED):
            w0, w1, w2, w3 = inner[j, h], inner[j + 1, h], inner[j + 2, h], inner[j + 3, h]
            for i in range(rows):
                hidden[i] += (w0 * columns[j, i] + w1 * columns[j + 1, i]) + (
                    w2 * columns[j + 2, i] + w3 * columns[j + 3, i]
                )
        for i in range(rows):
            outputs[i] += outer[h] * (hidden[i] / (one + abs(hidden[i])))
    return outputs[:count]


@compiled
def _learn(
    signals: Signals,
    errors: NDArray[np.float64],
    inner: Weights,
    bias: Weights,
    outer: Weights,
    inner_squares: Weights,
    bias_squares: Weights,
    outer_squares: Weights,
) -> None:
    """Go forward and back for the items that teach something, four at a time."""
    padded = inner.shape[0]
    taken = np.empty(signals.shape[0], dtype=np.int64)
    count = 0
    for i in range(signals.shape[0]):
        if abs(errors[i]) >= LEAST_ERROR:
            taken[count] = i
            count += 1
    rows = -(-count // _UNROLLED) * _UNROLLED  # the last ones may be empty, and then teach nothing
    inputs = np.zeros((rows, padded), dtype=np.float32)
    error = np.zeros(rows, dtype=np.float32)
    for i in range(count):
        error[i] = errors[taken[i]]
        for j in range(signals.shape[1]):
            inputs[i, j] = signals[taken[i], j]
    hidden = _activations(inputs, inner, bias)
    one = np.float32(1.0)
    bias_slope, outer_slope = np.zeros((1, HIDDEN), dtype=np.float32), np.zeros((1, HIDDEN), dtype=np.float32)
    for i in range(rows):
        for h in range(HIDDEN):
            shrink = one / (one + abs(hidden[i, h]))
            outer_slope[0, h] += error[i] * hidden[i, h] * shrink
            hidden[i, h] = error[i] * outer[h] * shrink * shrink
            bias_slope[0, h] += hidden[i, h]
    inner_slope = np.zeros((padded, HIDDEN), dtype=np.float32)
    for i in range(0, rows, _UNROLLED):
        for j in range(padded):
            x0, x1, x2, x3 = inputs[i, j], inputs[i + 1, j], inputs[i + 2, j], inputs[i + 3, j]
            for h in range(HIDDEN):
                inner_slope[j, h] += (x0 * hidden[i, h] + x1 * hidden[i + 1, h]) + (
                    x2 * hidden[i + 2, h] + x3 * hidden[i + 3, h]
                )
    _step(inner, inner_slope, inner_squares)
    _step(bias.reshape((1, HIDDEN)), bias_slope, bias_squares.reshape((1, HIDDEN)))
    _step(outer.reshape((1, HIDDEN)), outer_slope, outer_squares.reshape((1, HIDDEN)))


@compiled
def _activations(inputs: Signals, inner: Weights, bias: Weights) -> Weights:
    """Return what goes into each hidden unit, shape (n, HIDDEN).

    Item after item gets its next few terms, so that no sum has to wait for what was just added to it.
    """
    hidden = np.empty((inputs.shape[0], HIDDEN), dtype=np.float32)
    for i in range(inputs.shape[0]):
        for h in range(HIDDEN):
            hidden[i, h] = bias[h]
    for j in range(0, inputs.shape[1], _UNROLLED):
        for i in range(inputs.shape[0]):
            x0, x1, x2, x3 = inputs[i, j], inputs[i, j + 1], inputs[i, j + 2], inputs[i, j + 3]
            for h in range(HIDDEN):
                hidden[i, h] += (x0 * inner[j, h] + x1 * inner[j + 1, h]) + (
                    x2 * inner[j + 2, h] + x3 * inner[j + 3, h]
                )
    return hidden


@compiled
def _step(weights: Weights, slopes: Weights, squares: Weights) -> None:
    """Move every weight against its slope, the less the more its slopes have added up to."""
    rate = np.float32(RATE)
    for i in range(weights.shape[0]):
        for h in range(weights.shape[1]):
            slope = slopes[i, h]
            squares[i, h] += slope * slope
            weights[i, h] -= rate * slope / np.float32(math.sqrt(squares[i, h]))
