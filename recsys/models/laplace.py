"""Gaussian processes under yes and no: Laplace's approximation, with a Cholesky factor of our own.

Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapter 3. The loops run along rows of memory
and no sum is split, so that a compiler may vectorise them and still every machine gets the same bits.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled

Floats = NDArray[np.float64]

#: Newton steps towards the posterior's mode, from 0: what a fourth moves is far below the posterior's own spread.
NEWTON_STEPS: Final = 3
#: Least curvature p (1 - p) of an answer: one that came as a surprise moves the mode by a bounded step.
LEAST_CURVATURE: Final = 0.02


@compiled
def posterior(kernel: Floats, liked: Floats, base: Floats, worth: Floats) -> tuple[Floats, Floats]:
    """Return what answers say about a latent function that adds to their logits.

    Parameters
    ----------
    kernel : float64 array of shape (n, n)
        The function's prior covariance between the answers' places; its prior mean is 0.
    liked : float64 array of shape (n,)
        1 for yes, 0 for no.
    base : float64 array of shape (n,)
        Logit of a yes without the function.
    worth : float64 array of shape (n,)
        How much of an answer each counts as, more than 0.

    Returns
    -------
    weights : float64 array of shape (n,)
        The function's expectation at a place is the sum of these times its covariances with the answers' places.
    noise : float64 array of shape (n,)
        Variance of the Gaussian that stands in for each answer: what `reduction` needs.
    """
    count = kernel.shape[0]
    weights, noise = np.zeros(count), np.empty(count)
    for _ in range(NEWTON_STEPS):
        mode = expected(kernel, weights)
        for a in range(count):
            p = 1.0 / (1.0 + math.exp(-(base[a] + mode[a])))
            curvature = max(p * (1.0 - p), LEAST_CURVATURE)
            noise[a] = 1.0 / (curvature * worth[a])
            weights[a] = mode[a] + (liked[a] - p) / curvature
        solve(factored(kernel, noise), weights)
    return weights, noise


@compiled
def expected(cross: Floats, weights: Floats) -> Floats:
    """Return the function's expectation at m places: `weights` of `posterior` times covariances of shape (n, m)."""
    total = np.zeros(cross.shape[1])
    for a in range(cross.shape[0]):
        for j in range(cross.shape[1]):
            total[j] += weights[a] * cross[a, j]
    return total


@compiled
def reduction(kernel: Floats, noise: Floats, cross: Floats) -> Floats:
    """Return by how much the answers reduce the variance at other places.

    Parameters
    ----------
    kernel, noise
        As in `posterior`.
    cross : float64 array of shape (n, m)
        Covariances of the answers' places with the other ones. Overwritten.

    Returns
    -------
    float64 array of shape (m,)
    """
    upper = factored(kernel, noise)
    reduced = np.zeros(cross.shape[1])
    for k in range(cross.shape[0]):
        row, scale = cross[k], 1.0 / upper[k, k]
        for j in range(row.shape[0]):
            row[j] *= scale
            reduced[j] += row[j] * row[j]
        for i in range(k + 1, cross.shape[0]):
            other, share = cross[i], upper[k, i]
            for j in range(row.shape[0]):
                other[j] -= share * row[j]
    return reduced


@compiled
def factored(kernel: Floats, noise: Floats) -> Floats:
    """Return the upper triangular U with U' U = kernel + diag(noise); what is below the diagonal means nothing."""
    upper = kernel.copy()
    count = upper.shape[0]
    for j in range(count):
        upper[j, j] += noise[j]
        whole = j - j % 4
        for k in range(0, whole, 4):  # four rows at a time, one after the other: half the traffic, the same sums
            a, b, c, d = upper[k, j], upper[k + 1, j], upper[k + 2, j], upper[k + 3, j]
            for i in range(j, count):
                first = upper[j, i] - a * upper[k, i] - b * upper[k + 1, i]
                upper[j, i] = first - c * upper[k + 2, i] - d * upper[k + 3, i]
        for k in range(whole, j):
            share = upper[k, j]
            for i in range(j, count):
                upper[j, i] -= share * upper[k, i]
        scale = 1.0 / math.sqrt(upper[j, j])
        for i in range(j, count):
            upper[j, i] *= scale
    return upper


@compiled
def solve(upper: Floats, values: Floats) -> None:
    """Replace `values` by (U' U)^-1 values."""
    count = upper.shape[0]
    for k in range(count):
        row = upper[k]
        values[k] /= row[k]
        for i in range(k + 1, count):
            values[i] -= row[i] * values[k]
    for k in range(count - 1, -1, -1):
        row, total = upper[k], values[k]
        for i in range(k + 1, count):
            total -= row[i] * values[i]
        values[k] = total / row[k]
