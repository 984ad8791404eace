"""The click model: one Gaussian belief per weight of a conditional logit, kept in natural parameters.

Belief = prior + evidence. Evidence is a sum over choices, so folding a session in is adding its term, learners
merge by adding, and forgetting is scaling the evidence down: what is forgotten falls back to the prior.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.errors import ConfigurationError, CorruptState
from recsys.models.base import Design, Logits
from recsys.models.kernels import choice_evidence, list_evidence
from recsys.models.product import times_vector

Floats = NDArray[np.float64]

_STATE = ("information", "shift")


class GaussianModel:
    """A `ClickModel` with a diagonal Gaussian belief over its weights.

    Parameters
    ----------
    width : int
        Columns of a design row.
    forgetting_half_life_s : float
        Log time after which a choice counts half.
    prior_variance, prior_mean : float or array of shape (width,)
        The belief before any evidence.

    Raises
    ------
    ConfigurationError
        When the half-life or a prior variance is not positive.
    """

    def __init__(
        self,
        width: int,
        *,
        forgetting_half_life_s: float,
        prior_variance: float | NDArray[np.float64] = 1.0,
        prior_mean: float | NDArray[np.float64] = 0.0,
    ) -> None:
        if forgetting_half_life_s <= 0:
            raise ConfigurationError(f"expected a positive half-life in seconds, received {forgetting_half_life_s!r}")
        if not np.all(np.asarray(prior_variance) > 0):
            raise ConfigurationError(f"expected positive prior variances, received {prior_variance!r}")
        self._half_life_s = float(forgetting_half_life_s)
        self._prior_precision = 1.0 / np.broadcast_to(np.asarray(prior_variance, dtype=np.float64), width)
        self._prior_shift = self._prior_precision * prior_mean
        self._information = np.zeros(width)
        self._shift = np.zeros(width)
        self._refresh()

    def score_many(self, design: Design) -> Logits:
        """Return the posterior mean logit of each row. Shape (n,)."""
        return times_vector(design, self._mean[: design.shape[1]])

    def learn_choice(self, design: Design, chosen: int, elapsed_s: float) -> None:
        """Forget for `elapsed_s` of log time (less than 0 counts as 0), then add what the choice teaches."""
        keep = 0.5 ** (max(elapsed_s, 0.0) / self._half_life_s)
        _learn(
            design,
            chosen,
            keep,
            self._prior_precision,
            self._prior_shift,
            self._information,
            self._shift,
            self._mean,
            self._variance,
        )

    def learn_list(self, design: Design, probabilities: Logits, charged: Logits, elapsed_s: float) -> None:
        """Forget as in `learn_choice`, then add what the list teaches that its clicks have not taught."""
        keep = 0.5 ** (max(elapsed_s, 0.0) / self._half_life_s)
        _learn_list(
            design,
            probabilities,
            probabilities - charged,
            keep,
            self._prior_precision,
            self._prior_shift,
            self._information,
            self._shift,
            self._mean,
            self._variance,
        )

    def weight_mean(self) -> NDArray[np.float64]:
        """Return a copy of the posterior mean of each weight."""
        return self._mean.copy()

    def weight_variance(self) -> NDArray[np.float64]:
        """Return a copy of the posterior variance of each weight."""
        return self._variance.copy()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of the evidence: ``information`` and ``shift``, float64 of shape (width,)."""
        return {"information": self._information.copy(), "shift": self._shift.copy()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the evidence. Raises `CorruptState` and changes nothing when it does not fit."""
        for name in _STATE:
            array = arrays.get(name)
            if array is None or array.dtype != np.float64 or array.shape != self._information.shape:
                raise CorruptState(
                    f"model array {name!r}: expected float64 of shape {self._information.shape}, "
                    f"received {'nothing' if array is None else f'{array.dtype} of shape {array.shape}'}"
                )
        self._information = np.array(arrays["information"])
        self._shift = np.array(arrays["shift"])
        self._refresh()

    def _refresh(self) -> None:
        """Derive mean and variance, which scoring reads, from prior and evidence."""
        self._variance = 1.0 / (self._prior_precision + self._information)
        self._mean = self._variance * (self._prior_shift + self._shift)


@compiled
def _learn(
    design: Design,
    chosen: int,
    keep: float,
    prior_precision: Floats,
    prior_shift: Floats,
    information: Floats,
    shift: Floats,
    mean: Floats,
    variance: Floats,
) -> None:
    """Keep a share of the evidence, add what the choice teaches to the columns it has, and derive mean and variance."""
    _forget(keep, prior_precision, prior_shift, information, shift, mean, variance)
    width = design.shape[1]
    scores = times_vector(design, mean[:width])
    more_information, more_shift = choice_evidence(design, scores, chosen, mean[:width], variance[:width])
    _add(more_information, more_shift, prior_precision, prior_shift, information, shift, mean, variance)


@compiled
def _learn_list(
    design: Design,
    probabilities: Logits,
    errors: Logits,
    keep: float,
    prior_precision: Floats,
    prior_shift: Floats,
    information: Floats,
    shift: Floats,
    mean: Floats,
    variance: Floats,
) -> None:
    """Do as `_learn` does, for the rest of a list."""
    _forget(keep, prior_precision, prior_shift, information, shift, mean, variance)
    width = design.shape[1]
    more_information, more_shift = list_evidence(design, probabilities, errors, mean[:width], variance[:width])
    _add(more_information, more_shift, prior_precision, prior_shift, information, shift, mean, variance)


@compiled
def _forget(
    keep: float,
    prior_precision: Floats,
    prior_shift: Floats,
    information: Floats,
    shift: Floats,
    mean: Floats,
    variance: Floats,
) -> None:
    if keep < 1.0:
        for j in range(mean.shape[0]):
            information[j] *= keep
            shift[j] *= keep
            variance[j] = 1.0 / (prior_precision[j] + information[j])
            mean[j] = variance[j] * (prior_shift[j] + shift[j])


@compiled
def _add(
    more_information: Floats,
    more_shift: Floats,
    prior_precision: Floats,
    prior_shift: Floats,
    information: Floats,
    shift: Floats,
    mean: Floats,
    variance: Floats,
) -> None:
    for j in range(more_shift.shape[0]):
        information[j] += more_information[j]
        shift[j] += more_shift[j]
        variance[j] = 1.0 / (prior_precision[j] + information[j])
        mean[j] = variance[j] * (prior_shift[j] + shift[j])
