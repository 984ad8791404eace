"""What every click model promises, asked of each: to run it over another one, add its name to `MODELS`."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys.errors import CorruptState
from recsys.models.base import NONE_OF_THESE, ClickModel
from recsys.models.registry import make_model
from tests.choices import Choice, simulate

MODELS = [
    "gaussian",
    "river-logistic",
    "river:preprocessing.StandardScaler|linear_model.PAClassifier",
    "river:naive_bayes.GaussianNB",
    "river:tree.HoeffdingTreeClassifier",
]
TRUTH = np.array([2.0, -1.5, 0.0, 0.5, 0.0])
WIDTH = len(TRUTH)
MINUTE = 60.0

CHOICES = simulate(TRUTH, 150, 5, seed=1)
ROWS = np.random.default_rng(2).normal(size=(300, WIDTH)).astype(np.float32)


@pytest.fixture(params=MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fresh(name: str) -> ClickModel:
    return make_model(name, WIDTH, forgetting_half_life_s=86_400.0)


def taught(name: str, choices: list[Choice] = CHOICES) -> ClickModel:
    model = fresh(name)
    for design, chosen in choices:
        model.learn_choice(design, chosen, MINUTE)
    return model


def digest(model: ClickModel) -> str:
    """Return a hash of everything that `state` says."""
    hasher = hashlib.sha256()
    for name, array in sorted(model.state().items()):
        hasher.update(f"{name} {array.dtype} {array.shape}".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()


def copy_of(name: str, model: ClickModel) -> ClickModel:
    copy = fresh(name)
    copy.restore({key: np.frombuffer(array.tobytes(), array.dtype) for key, array in model.state().items()})
    return copy


@pytest.mark.parametrize("rows", [0, 1, 12, 300])
def test_scores_are_one_finite_number_for_each_row(name: str, rows: int) -> None:
    for model in (fresh(name), taught(name)):
        scores = model.score_many(ROWS[:rows])

        assert scores.shape == (rows,) and scores.dtype == np.float64
        assert np.all(np.isfinite(scores))


@pytest.mark.parametrize("rows", [0, 1, 12, 300])
def test_predicting_never_changes_the_state(name: str, rows: int) -> None:
    for model in (fresh(name), taught(name, CHOICES[:1]), taught(name)):
        before = digest(model)

        model.score_many(ROWS[:rows])
        model.weight_mean()
        model.weight_variance()

        assert digest(model) == before


def test_a_row_scores_the_same_alone_and_among_others(name: str) -> None:
    model = taught(name)

    alone = np.concatenate([model.score_many(ROWS[index : index + 1]) for index in range(len(ROWS))])

    assert model.score_many(ROWS) == pytest.approx(alone, rel=1e-9, abs=1e-9)


def test_a_restored_model_is_the_same_and_goes_on_the_same(name: str) -> None:
    model = taught(name)
    copy = copy_of(name, model)

    assert digest(copy) == digest(model)
    assert copy.score_many(ROWS).tobytes() == model.score_many(ROWS).tobytes()
    for design, chosen in simulate(TRUTH, 60, 5, seed=3):
        for each in (model, copy):
            each.learn_choice(design, chosen, MINUTE)
        assert copy.score_many(design).tobytes() == model.score_many(design).tobytes()
    assert digest(copy) == digest(model)


def test_an_untaught_model_can_be_saved_and_restored_too(name: str) -> None:
    model = fresh(name)
    copy = copy_of(name, model)

    for each in (model, copy):
        each.learn_choice(*CHOICES[0], MINUTE)

    assert digest(copy) == digest(model)


def test_state_that_was_handed_out_does_not_change_with_the_model(name: str) -> None:
    model = taught(name)
    state = model.state()
    before = {key: array.tobytes() for key, array in state.items()}

    for design, chosen in CHOICES[:10]:
        model.learn_choice(design, chosen, MINUTE)

    assert {key: array.tobytes() for key, array in state.items()} == before


def test_learning_leaves_its_input_alone(name: str) -> None:
    design, chosen = CHOICES[0]
    before = design.tobytes()

    fresh(name).learn_choice(design, chosen, MINUTE)

    assert design.tobytes() == before


def test_the_rest_of_a_list_counts_against_what_no_click_has_counted_against(name: str) -> None:
    model = fresh(name)
    for start in range(0, len(ROWS), 2):
        design = ROWS[start : start + 2].copy()
        design[:, 0] = abs(design[:, 0]) * (1.0, -1.0)
        model.learn_choice(design[:1], 0, MINUTE)
        model.learn_list(design, np.array([0.5, 0.5]), np.array([0.5, 0.0]), MINUTE)

    clicked, left = model.score_many(np.outer((1.0, -1.0), np.eye(1, WIDTH)).astype(np.float32))

    assert clicked > left


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_the_same_choices_give_the_same_bytes_in_any_process(hash_seed: str) -> None:
    script = "from tests.conformance.test_click_models import MODELS, digest, taught\n"
    script += "print(*[digest(taught(name)) for name in MODELS])"

    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert run.stdout.split() == [digest(taught(name)) for name in MODELS]


def test_a_plain_preference_is_learned(name: str) -> None:
    model = taught(name, simulate(TRUTH, 1_500, 5, seed=4))
    truth = np.sum(ROWS * TRUTH, axis=1)
    better, worse = ROWS[truth > 1.0], ROWS[truth < -1.0]

    difference = model.score_many(better)[:, None] - model.score_many(worse)[None, :]

    assert np.mean(0.5 + 0.5 * np.sign(difference)) > 0.8


def test_what_is_passed_over_scores_below_what_is_clicked(name: str) -> None:
    horror, comedy = np.eye(WIDTH, dtype=np.float32)[:1], np.eye(WIDTH, dtype=np.float32)[1:2]
    noise = np.random.default_rng(5).normal(scale=0.1, size=(60, 2, WIDTH)).astype(np.float32)

    choices = [(np.concatenate([horror, comedy]) + noise[index], 0) for index in range(30)]
    choices += [(comedy + noise[index, :1], NONE_OF_THESE) for index in range(30, 60)]
    model = taught(name, choices)

    assert model.score_many(horror)[0] > model.score_many(comedy)[0] + 1.0


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e6])
def test_extreme_features_leave_scores_finite(name: str, scale: float) -> None:
    model = fresh(name)

    for design, chosen in CHOICES[:50]:
        model.learn_choice(design * np.float32(scale), chosen, MINUTE)

    for rows in (ROWS, ROWS * np.float32(1e6)):
        assert np.all(np.isfinite(model.score_many(rows)))


def test_weights_have_a_mean_and_a_variance_for_each_column(name: str) -> None:
    model = taught(name)

    for array in (model.weight_mean(), model.weight_variance()):
        assert array.shape == (WIDTH,) and array.dtype == np.float64
        assert np.all(np.isfinite(array))
        array[:] = 7.0  # the caller's own copy
    assert np.all(model.weight_variance() >= 0.0) and not np.any(model.weight_variance() == 7.0)


def damaged(state: dict[str, NDArray[np.generic]]) -> list[dict[str, NDArray[np.generic]]]:
    """Return states that are no model's: arrays missing, of another type, too short."""
    return [
        {},
        dict(list(state.items())[1:]),
        {key: array.astype(np.float32) for key, array in state.items()},
        {key: array[:-1] for key, array in state.items()},
    ]


def test_state_that_does_not_fit_is_corrupt_and_changes_nothing(name: str) -> None:
    model = taught(name)
    before = digest(model)

    for state in damaged(taught(name, CHOICES[:5]).state()):
        with pytest.raises(CorruptState):
            model.restore(state)

    assert digest(model) == before
