"""The click model keeps River's conventions and is the same model."""

import copy
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import checks, datasets, evaluate, linear_model, metrics, preprocessing

from recsys.models.base import NONE_OF_THESE
from recsys.models.classifier import GaussianClickClassifier
from recsys.models.gaussian import GaussianModel
from tests.choices import simulate

EXAMPLES = list(datasets.Phishing().take(120))


@pytest.fixture
def _without_sklearn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for scikit-learn, which River's checks import for data sets that no binary classifier is given."""
    module, parent = ModuleType("sklearn.datasets"), ModuleType("sklearn")
    parent.datasets = module
    monkeypatch.setitem(sys.modules, "sklearn", parent)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", module)


@pytest.mark.usefixtures("_without_sklearn")
@pytest.mark.parametrize("half_life", [0.0, 50.0])
def test_rivers_estimator_checks_pass(half_life: float) -> None:
    model = GaussianClickClassifier(half_life=half_life)
    assert not model._unit_test_skips()

    checks.check_estimator(model)


@pytest.mark.usefixtures("_without_sklearn")
def test_rivers_estimator_checks_pass_in_a_pipeline() -> None:
    model = preprocessing.StandardScaler() | GaussianClickClassifier()

    for check in checks.yield_checks(model):
        # A scaler sees a whole mini-batch before it scales its first row, so behind it the two can't agree.
        if check.__name__ != "check_learn_many_matches_learn_one":
            check(model.clone())


def test_a_slate_of_one_teaches_the_classifier_what_it_teaches_the_click_model() -> None:
    truth = np.array([1.0, -1.0, 0.5])
    model, classifier = GaussianModel(4, forgetting_half_life_s=1.0), GaussianClickClassifier()

    for row, chosen in simulate(truth, 100, 1, seed=1):
        with_intercept = np.concatenate([np.ones((1, 1), dtype=np.float32), row], axis=1)
        x = dict(zip("abc", row[0].tolist(), strict=True))
        odds = model.score_many(with_intercept)[0]
        assert classifier.predict_proba_one(x)[True] == pytest.approx(1.0 / (1.0 + np.exp(-odds)), rel=1e-12)
        model.learn_choice(with_intercept, chosen, 0.0)
        classifier.learn_one(x, chosen != NONE_OF_THESE)

    assert [classifier.intercept, *classifier.weights.values()] == pytest.approx(model.weight_mean(), rel=1e-12)


def test_mini_batches_are_learned_as_single_rows_are() -> None:
    one, many = GaussianClickClassifier(half_life=30.0), GaussianClickClassifier(half_life=30.0)
    for x, y in EXAMPLES:
        one.learn_one(x, y)

    for start in range(0, len(EXAMPLES), 40):
        batch = EXAMPLES[start : start + 40]
        many.learn_many(pd.DataFrame([x for x, _ in batch]), pd.Series([y for _, y in batch]))

    assert many.weights == one.weights
    frame = pd.DataFrame([x for x, _ in EXAMPLES], index=range(5, 125))
    assert many.predict_proba_many(frame)[True].to_dict() == {
        index: one.predict_proba_one(x)[True] for index, (x, _) in enumerate(EXAMPLES, start=5)
    }


def test_absent_nan_and_0_are_the_same() -> None:
    models = [GaussianClickClassifier() for _ in range(3)]

    for value, model in zip(({}, {"b": float("nan")}, {"b": 0.0}), models, strict=True):
        model.learn_one({"a": 1.0, "b": 1.0}, True)
        model.learn_one({"a": 2.0, **value}, False)
    one, two, three = [model.weights for model in models]

    assert one == two == three


@given(x=st.dictionaries(st.sampled_from("abcdef"), st.floats(-1e9, 1e9), max_size=5))
def test_predicting_changes_nothing_and_unknown_features_say_nothing(x: dict[str, float]) -> None:
    model = GaussianClickClassifier()
    model.learn_one({"a": 1.0, "b": -1.0}, True)
    before = copy.deepcopy(vars(model))

    probabilities = model.predict_proba_one(x)

    assert str(vars(model)) == str(before)
    assert 0.0 <= probabilities[True] <= 1.0
    assert probabilities == model.predict_proba_one({name: value for name, value in x.items() if name in "ab"})


def test_forgetting_lets_a_change_of_taste_through_sooner() -> None:
    lasting, forgetting = GaussianClickClassifier(), GaussianClickClassifier(half_life=20.0)
    for model in (lasting, forgetting):
        for _ in range(200):
            model.learn_one({"horror": 1}, True)
        for _ in range(5):
            model.learn_one({"horror": 1}, False)

    assert forgetting.predict_proba_one({"horror": 1})[True] < lasting.predict_proba_one({"horror": 1})[True] - 0.2


def test_it_predicts_rivers_phishing_data_better_than_rivers_logistic_regression() -> None:
    def progressive_loss(model: object) -> float:
        return float(evaluate.progressive_val_score(datasets.Phishing(), model, metrics.LogLoss()).get())

    ours = progressive_loss(preprocessing.StandardScaler() | GaussianClickClassifier())
    rivers = progressive_loss(preprocessing.StandardScaler() | linear_model.LogisticRegression())

    assert ours < rivers - 0.03
