"""Any River classifier can stand where the click model stands; what can't is refused when it is named."""

import numpy as np
import pytest
from river import base, dummy, forest, linear_model, neighbors, preprocessing, tree

from recsys.errors import ConfigurationError, CorruptState
from recsys.models import river_state
from recsys.models.base import NONE_OF_THESE
from recsys.models.gaussian import GaussianModel
from recsys.models.registry import make_model
from recsys.models.river import RiverModel, make_classifier
from tests.choices import simulate

TRUTH = np.array([1.5, -1.0, 0.0])


def made(name: str) -> RiverModel:
    model = make_model(name, 3, forgetting_half_life_s=1.0)
    assert isinstance(model, RiverModel)
    return model


def test_a_choice_becomes_a_true_row_for_the_chosen_and_false_rows_for_the_passed_over() -> None:
    model = RiverModel(3, linear_model.LogisticRegression())
    by_hand = linear_model.LogisticRegression()
    design = np.array([[1, 0, 2], [0, 1, 0]], dtype=np.float32)

    model.learn_choice(design, 1, 5.0)
    model.learn_choice(design, NONE_OF_THESE, 5.0)
    for labels in ((False, True), (False, False)):
        for row, label in zip(design.tolist(), labels, strict=True):
            by_hand.learn_one({str(column): value for column, value in enumerate(row)}, label)

    expected = by_hand.predict_proba_one({"0": 1.0, "1": 0.0, "2": 2.0})[True]
    assert model.score_many(design)[0] == pytest.approx(np.log(expected / (1.0 - expected)), rel=1e-9)


def test_before_the_first_example_every_score_is_0() -> None:
    assert made("river-logistic").score_many(np.ones((100, 3), dtype=np.float32)).tolist() == [0.0] * 100


def test_a_classifier_that_is_certain_gives_a_finite_score() -> None:
    model = RiverModel(1, dummy.PriorClassifier())
    rows = np.zeros((1, 1), dtype=np.float32)

    model.learn_choice(rows, NONE_OF_THESE, 0.0)
    assert -15.0 < model.score_many(rows)[0] < -13.0
    model = RiverModel(1, dummy.PriorClassifier())
    model.learn_choice(rows, 0, 0.0)
    assert 13.0 < model.score_many(rows)[0] < 15.0


def test_a_classifier_that_diverged_says_nothing_instead_of_nan() -> None:
    model = RiverModel(1, linear_model.LogisticRegression(intercept_init=float("nan")))
    rows = np.ones((70, 1), dtype=np.float32)
    model.learn_choice(rows[:2], 0, 0.0)

    assert model.score_many(rows).tolist() == [0.0] * 70
    assert model.score_many(rows[:3]).tolist() == [0.0] * 3


@pytest.mark.parametrize("name", ["river-logistic", "river:linear_model.PAClassifier"])
def test_many_rows_score_as_they_would_one_by_one(name: str) -> None:
    model = made(name)
    for design, chosen in simulate(TRUTH, 200, 5, seed=1):
        model.learn_choice(design, chosen, 0.0)
    rows = np.random.default_rng(2).normal(size=(200, 3)).astype(np.float32)

    one_by_one = np.concatenate([model.score_many(rows[index : index + 1]) for index in range(len(rows))])

    assert model.score_many(rows) == pytest.approx(one_by_one, rel=1e-9, abs=1e-9)


def test_scaled_logistic_regression_agrees_with_the_click_model_on_what_is_liked() -> None:
    river, gaussian = made("river-logistic"), GaussianModel(3, forgetting_half_life_s=1e9)
    for design, chosen in simulate(TRUTH, 2_000, 5, seed=3):
        river.learn_choice(design, chosen, 0.0)
        gaussian.learn_choice(design, chosen, 0.0)
    rows = np.random.default_rng(4).normal(size=(200, 3)).astype(np.float32)

    assert np.corrcoef(river.score_many(rows), gaussian.score_many(rows))[0, 1] > 0.95


def test_classes_are_named_as_in_river_and_seeded() -> None:
    classifier = make_classifier(" preprocessing.StandardScaler|linear_model.PAClassifier ")
    assert str(classifier) == "StandardScaler | PAClassifier"
    assert make_classifier("tree.HoeffdingAdaptiveTreeClassifier").seed is not None


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "linear_model",
        "linear_model.Nothing",
        "nowhere.Thing",
        "..os.path",
        "os.path",
        "base.base.copy",
        "utils.math.sign",
        "stats.Mean",
        "optim.SGD",
        "base.Classifier",
        "compose.FuncTransformer",
        "ensemble.BaggingClassifier",
        "linear_model.LinearRegression",
        "preprocessing.StandardScaler",
        "preprocessing.StandardScaler|",
        "linear_model.LogisticRegression|preprocessing.StandardScaler",
    ],
)
def test_what_is_no_classifier_of_river_is_a_configuration_error(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        made(f"river:{expression}")


def test_an_unknown_model_is_a_configuration_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"'gaussian', 'river-logistic' or 'river:<classes>'.*'oracle'"):
        make_model("oracle", 3, forgetting_half_life_s=1.0)


class NotRivers(base.Classifier):
    """A classifier of one's own, which no snapshot could bring back."""

    def learn_one(self, x: object, y: object) -> None:
        """Learn nothing."""

    def predict_proba_one(self, x: object) -> dict[bool, float]:
        """Return that anything goes."""
        return {True: 0.5}


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (forest.AMFClassifier(), "seed"),
        (preprocessing.StandardScaler() | forest.AMFClassifier(), "seed"),
        (neighbors.KNNClassifier(), "seed"),
        (NotRivers(), "River's classes"),
        (tree.HoeffdingTreeRegressor(), "probabilities"),
    ],
    ids=str,
)
def test_a_classifier_that_could_not_be_replayed_or_saved_is_refused_at_once(
    classifier: base.Estimator, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RiverModel(3, classifier)


@pytest.mark.parametrize("name", ["naive_bayes.MultinomialNB", "naive_bayes.ComplementNB"])
def test_a_classifier_that_fails_on_numbers_below_zero_is_refused_before_a_visitor_meets_it(name: str) -> None:
    with pytest.raises(ConfigurationError, match="which fails on them: ValueError"):
        made(f"river:{name}")


def test_a_classifier_that_fails_in_batches_scores_row_by_row() -> None:
    model = made("river:naive_bayes.BernoulliNB")
    design = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    model.learn_choice(design[:6], 2, 1.0)
    few = np.concatenate([model.score_many(design[:50]), model.score_many(design[50:])])
    assert model.score_many(design).tolist() == few.tolist()


def test_trying_a_classifier_out_teaches_it_nothing() -> None:
    by_hand = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    before = river_state.encode(by_hand)
    RiverModel(3, by_hand)
    assert river_state.encode(by_hand) == before


def test_state_of_another_classifier_is_corrupt() -> None:
    model = made("river-logistic")

    with pytest.raises(CorruptState, match=r"StandardScaler \| LogisticRegression"):
        model.restore(made("river:linear_model.PAClassifier").state())
