"""Any River classifier as a click model.

A choice becomes plain rows: the chosen item is one example of True, what was passed over of False. That is
exact for one item; for more it forgets that they competed, which `GaussianModel` does not.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from river import base, compose

from recsys.errors import ConfigurationError, CorruptState
from recsys.models import river_state
from recsys.models.base import Design, Logits

#: What ``river-logistic`` stands for.
LOGISTIC: Final = "preprocessing.StandardScaler|linear_model.LogisticRegression"

#: Classifiers say 0 or 1 when they are sure; as a logit that would be infinite, and no session could outweigh it.
_SUREST: Final = 1e-6
#: Up to here rows go one by one: about as fast as through a data frame, and slates in the fold stay clear of BLAS.
_FEW_ROWS: Final = 64
_SEED: Final = 20_240_229
#: Rows that a new classifier is tried out on.
_TRIED: Final = 16


def make_classifier(expression: str) -> base.Classifier:
    """Return the classifier that `expression` describes, seeded where it draws at random.

    Linear models, naive Bayes and Hoeffding trees then repeat bit for bit. Not everything in River does:
    ``forest.ARFClassifier`` of 0.26 gives some of its trees generators without a seed.

    Parameters
    ----------
    expression : str
        Names of River classes within ``river``, each made with its defaults, joined by ``|`` as in River.

    Raises
    ------
    ConfigurationError
        When a name is not a class of River or needs arguments, or the last step is no binary classifier with
        probabilities.

    Examples
    --------
    >>> print(make_classifier("preprocessing.MinMaxScaler | linear_model.Perceptron"))
    MinMaxScaler | Perceptron
    """
    steps = [_make_step(name.strip()) for name in expression.split("|")]
    if not all(isinstance(step, base.Transformer) for step in steps[:-1]):
        raise ConfigurationError(f"expected transformers before the last |, received {expression!r}")
    return steps[0] if len(steps) == 1 else compose.Pipeline(*steps)


def _make_step(name: str) -> base.Estimator:
    module_name, _, class_name = name.rpartition(".")
    try:
        step = getattr(importlib.import_module(f"river.{module_name}"), class_name)
        seed = {"seed": _SEED} if "seed" in inspect.signature(step).parameters else {}
        made = step(**seed)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"expected a class of River that needs no arguments, such as 'linear_model.LogisticRegression', "
            f"received {name!r} ({error})"
        ) from error
    if not isinstance(made, base.Estimator):
        raise ConfigurationError(f"expected an estimator of River, received {name!r}")
    return made


class RiverModel:
    """A `ClickModel` around a River classifier.

    It forgets as its classifier does, not by log time, and claims no uncertainty: weight mean and variance are 0.
    Before the first example all scores are 0.

    Parameters
    ----------
    width : int
        Columns of a design row; column j is the feature ``str(j)``.
    classifier : river.base.Classifier
        Binary, with probabilities; pipelines count. Not copied.

    Raises
    ------
    ConfigurationError
        When `classifier` is not of that kind, draws at random without a seed, can't be written as state, or fails
        on rows such as it will get: what counts words takes no numbers below zero, for example.
    """

    def __init__(self, width: int, classifier: base.Classifier) -> None:
        self._width = width
        self._names = [str(column) for column in range(width)]
        self._examples = 0
        self._take(classifier)
        self._in_batches = _has_batches(classifier)
        self._try_out(river_state.encode(classifier))

    def score_many(self, design: Design) -> Logits:
        """Return the classifier's log-odds of a click for each row, within about 14 either way. Shape (n,)."""
        if self._examples == 0:  # a scaler that has seen nothing would note the names of features while predicting
            return np.zeros(len(design))
        with np.errstate(over="ignore"):  # River's logistic function gets to 0 through an infinite exponential
            clicked = self._probabilities(design)
        clicked = np.clip(np.nan_to_num(clicked, nan=0.5), _SUREST, 1.0 - _SUREST)
        return np.asarray(np.log(clicked) - np.log1p(-clicked))

    def learn_choice(self, design: Design, chosen: int, elapsed_s: float) -> None:
        """Learn each row: True for `chosen`, False for the others, in their order. `elapsed_s` is not used."""
        for index, row in enumerate(self._rows(design)):
            self._classifier.learn_one(row, index == chosen)
        self._examples += len(design)

    def learn_list(self, design: Design, probabilities: Logits, charged: Logits, elapsed_s: float) -> None:
        """Learn False for each row that was no alternative of a click. `probabilities` and `elapsed_s` are not used."""
        left = design[charged == 0.0]
        for row in self._rows(left):
            self._classifier.learn_one(row, False)
        self._examples += len(left)

    def weight_variance(self) -> NDArray[np.float64]:
        """Return zeros of shape (width,)."""
        return np.zeros(self._width)

    def weight_mean(self) -> NDArray[np.float64]:
        """Return zeros of shape (width,): a scaled or nonlinear model has no weights for raw columns."""
        return np.zeros(self._width)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return ``classifier`` (uint8, the bytes of `river_state`) and ``examples`` (int64, shape (1,))."""
        payload = river_state.encode(self._classifier)
        return {
            "classifier": np.frombuffer(payload, dtype=np.uint8),
            "examples": np.array([self._examples], dtype=np.int64),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the classifier. Raises `CorruptState` and changes nothing when it is of another kind."""
        try:
            payload, examples = arrays["classifier"].tobytes(), int(arrays["examples"][0])
        except LookupError as error:
            raise CorruptState(f"expected arrays 'classifier' and 'examples', received {sorted(arrays)}") from error
        classifier = river_state.decode(payload)
        if str(classifier) != str(self._classifier):
            raise CorruptState(f"expected the state of {self._classifier}, received that of {classifier}")
        self._examples = examples
        self._take(classifier)

    def _take(self, classifier: base.Classifier) -> None:
        *before, last = _steps(classifier)
        if not isinstance(last, base.Classifier) or _is(last, "predict_proba_one", base.Classifier):
            raise ConfigurationError(f"expected a River classifier with probabilities, received {classifier}")
        if any(step._is_stochastic for step in (*before, last)):
            raise ConfigurationError(f"expected a seed for {classifier}, or replaying the log would not repeat it")
        self._classifier = classifier

    def _try_out(self, payload: bytes) -> None:
        """Learn and predict a few rows with a copy: a site must not find out from its visitors what fails on them."""
        kept = self._classifier
        rows = np.random.default_rng(_SEED).normal(size=(_FEW_ROWS + 1, self._width)).astype(np.float32)
        try:
            self._classifier = river_state.decode(payload)
            with np.errstate(all="ignore"):
                for index, row in enumerate(self._rows(rows[:_TRIED])):
                    self._classifier.learn_one(row, index % 2 == 0)
                self._probabilities(rows[:_TRIED])
                self._in_batches = self._in_batches and self._batches_work(rows)
        except Exception as error:  # whatever River raises
            raise ConfigurationError(
                f"expected a classifier for rows of any numbers, received {kept}, which fails on them: "
                f"{type(error).__name__}: {error}"
            ) from error
        finally:
            self._classifier = kept

    def _batches_work(self, rows: Design) -> bool:
        """Return whether what learned row by row predicts in batches; ``naive_bayes.BernoulliNB`` of 0.26 does not."""
        try:
            self._probabilities(rows)
        except Exception:  # noqa: BLE001 - whatever it is, rows one by one do without
            return False
        return True

    def _probabilities(self, design: Design) -> NDArray[np.float64]:
        if self._in_batches and len(design) > _FEW_ROWS:
            frame = self._classifier.predict_proba_many(
                pd.DataFrame(self._whole(design), columns=self._names, dtype=np.float64)
            )
            # Some classifiers have a column only for what they have seen.
            return np.asarray(frame[True] if True in frame else np.zeros(len(design)), dtype=np.float64)
        return np.array([self._probability(row) for row in self._rows(design)], dtype=np.float64)

    def _rows(self, design: Design) -> list[dict[str, float]]:
        return [dict(zip(self._names, row, strict=True)) for row in self._whole(design).tolist()]

    def _whole(self, design: Design) -> Design:
        """Return the rows with all columns: River's scalers expect the same features every time."""
        return np.pad(design, ((0, 0), (0, self._width - design.shape[1])))

    def _probability(self, row: dict[str, float]) -> float:
        probabilities = self._classifier.predict_proba_one(row)
        return float(probabilities.get(True, 0.0)) if probabilities else 0.5


def _has_batches(classifier: base.Classifier) -> bool:
    *before, last = _steps(classifier)
    return (
        isinstance(last, base.MiniBatchClassifier)
        and not _is(last, "predict_proba_many", base.MiniBatchClassifier)
        and all(isinstance(step, base.MiniBatchTransformer) for step in before)
    )


def _steps(classifier: base.Classifier) -> list[base.Estimator]:
    return list(classifier.steps.values()) if isinstance(classifier, compose.Pipeline) else [classifier]


def _is(estimator: base.Estimator, method: str, of: type) -> bool:
    """Return whether the method is still the one that `of` declares, which only raises NotImplementedError."""
    return getattr(type(estimator), method) is getattr(of, method)
