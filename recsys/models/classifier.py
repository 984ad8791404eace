"""The click model with River's verbs: a binary classifier for pipelines, evaluation and comparison in River."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from river import base

from recsys.models.base import NONE_OF_THESE
from recsys.models.kernels import choice_evidence, choice_probabilities
from recsys.models.product import times_vector

Floats = NDArray[np.float64]


class GaussianClickClassifier(base.MiniBatchClassifier):  # type: ignore[misc]  # mypy is told to skip River
    """Bayesian logistic regression, one Gaussian per weight, learned as choices from a slate of one.

    Each weight knows how sure it is and steps accordingly, so there is no learning rate; scaling the features only
    matters in that the prior is the same for all. A feature is 0 where it is absent or NaN, and predictions
    ignore features that were never learned. Mini-batches are learned row by row, with the same result. Features
    are read in single precision.

    Parameters
    ----------
    prior_variance
        Variance of each weight, the intercept's included, before any example. The prior mean is 0.
    half_life
        Examples after which an example counts half; 0 never forgets.

    Examples
    --------
    >>> model = GaussianClickClassifier()
    >>> for x, y in [({"rain": 1}, True), ({"rain": 0}, False)] * 20:
    ...     model.learn_one(x, y)
    >>> model.predict_one({"rain": 1}), model.predict_one({})
    (True, False)
    """

    def __init__(self, prior_variance: float = 1.0, half_life: float = 0.0) -> None:
        self.prior_variance = prior_variance
        self.half_life = half_life
        self._columns: dict[base.typing.FeatureName, int] = {}
        # The intercept's column comes first.
        self._information = np.zeros(1)
        self._shift = np.zeros(1)

    @property
    def weights(self) -> dict[base.typing.FeatureName, float]:
        """The posterior mean of each feature's weight."""
        mean, _ = self._belief(np.array(list(self._columns.values()), dtype=np.int64))
        return dict(zip(self._columns, mean.tolist(), strict=True))

    @property
    def intercept(self) -> float:
        """The posterior mean of the intercept."""
        return float(self._belief(np.zeros(1, dtype=np.int64))[0][0])

    def learn_one(self, x: Mapping[base.typing.FeatureName, Any], y: base.typing.ClfTarget) -> None:
        """Learn that the features `x` went with `y` (true or false)."""
        self._learn(self._places(x, grow=True), _design([list(x.values())]), bool(y))

    def predict_proba_one(self, x: Mapping[base.typing.FeatureName, Any]) -> dict[base.typing.ClfTarget, float]:
        """Return the probability of True and of False at the posterior mean."""
        known = [name for name in x if name in self._columns]
        clicked = float(self._predict(self._places(known), _design([[x[name] for name in known]]))[0])
        return {False: 1.0 - clicked, True: clicked}

    def learn_many(self, X: pd.DataFrame, y: pd.Series) -> None:  # noqa: N803  # River's parameter names
        """Learn the rows of `X` with the labels `y`, in order."""
        places = self._places(X.columns, grow=True)
        design = _design(X.to_numpy(dtype=np.float64))
        for row, label in enumerate(y):
            self._learn(places, design[row : row + 1], bool(label))

    def predict_proba_many(self, X: pd.DataFrame) -> pd.DataFrame:  # noqa: N803
        """Return the columns False and True with the probabilities of each row of `X`."""
        known = [name for name in X.columns if name in self._columns]
        clicked = self._predict(self._places(known), _design(X[known].to_numpy(dtype=np.float64)))
        return pd.DataFrame({False: 1.0 - clicked, True: clicked}, index=X.index)

    def _places(self, names: Iterable[base.typing.FeatureName], *, grow: bool = False) -> NDArray[np.int64]:
        """Return the columns of the intercept and of the features; with `grow`, make those that are missing."""
        if grow:
            for name in names:
                self._columns.setdefault(name, len(self._columns) + 1)
            new = np.zeros(len(self._columns) + 1 - len(self._information))
            if len(new):
                self._information = np.concatenate([self._information, new])
                self._shift = np.concatenate([self._shift, new])
        return np.array([0, *(self._columns[name] for name in names)], dtype=np.int64)

    def _belief(self, places: NDArray[np.int64]) -> tuple[Floats, Floats]:
        variance = 1.0 / (1.0 / self.prior_variance + self._information[places])
        return variance * self._shift[places], variance

    def _learn(self, places: NDArray[np.int64], design: NDArray[np.float32], clicked: bool) -> None:
        if self.half_life > 0.0:
            keep = 0.5 ** (1.0 / self.half_life)
            self._information *= keep
            self._shift *= keep
        # Absent features are 0 and learn nothing, so the present ones are all that the kernel needs.
        mean, variance = self._belief(places)
        chosen = 0 if clicked else NONE_OF_THESE
        information, shift = choice_evidence(design, times_vector(design, mean), chosen, mean, variance)
        self._information[places] += information
        self._shift[places] += shift

    def _predict(self, places: NDArray[np.int64], design: NDArray[np.float32]) -> Floats:
        """Return the probability of a click for each row on its own."""
        mean, _ = self._belief(places)
        scores = times_vector(design, mean)
        return np.array([choice_probabilities(scores[row : row + 1])[0] for row in range(len(scores))])


def _design(values: Any) -> NDArray[np.float32]:
    """Return rows of features with the intercept's 1 in front; a data frame's numbers may lie in columns."""
    features = np.nan_to_num(np.ascontiguousarray(values, dtype=np.float32))
    return np.concatenate([np.ones((len(features), 1), dtype=np.float32), features], axis=1)
