"""The click model learns as a batch fit would, adds up, forgets, and stays finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.errors import ConfigurationError
from recsys.models.base import NONE_OF_THESE
from recsys.models.gaussian import GaussianModel
from recsys.models.kernels import choice_evidence
from recsys.models.product import times_vector
from tests.choices import Choice, batch_fit, loss, mean_loss, simulate

DAY = 86_400.0
TRUTH = np.array([1.2, -0.8, 0.5, 0.0, -0.3, 0.9, -1.5, 0.2])
WIDTH = len(TRUTH)


def fresh(prior_variance: float = 1.0) -> GaussianModel:
    return GaussianModel(WIDTH, forgetting_half_life_s=DAY, prior_variance=prior_variance)


def taught(choices: list[Choice]) -> GaussianModel:
    model = fresh()
    for design, chosen in choices:
        model.learn_choice(design, chosen, 0.0)
    return model


@pytest.mark.parametrize("largest_slate", [1, 10])
def test_one_pass_predicts_new_choices_as_well_as_a_batch_fit(largest_slate: int) -> None:
    past = simulate(TRUTH, 1_500, largest_slate, seed=1)
    future = simulate(TRUTH, 1_500, largest_slate, seed=2)

    online = mean_loss(taught(past).weight_mean(), future)
    batch = mean_loss(batch_fit(past, WIDTH), future)
    nothing = mean_loss(np.zeros(WIDTH), future)

    assert batch < nothing - 0.1
    assert online - batch < 0.04 * (nothing - batch)


def test_predicting_before_learning_costs_little_more_than_knowing_the_batch_fit_from_the_start() -> None:
    choices = simulate(TRUTH, 1_500, 10, seed=3)
    model = fresh()
    total = 0.0
    for design, chosen in choices:
        total += loss(model.score_many(design), chosen)
        model.learn_choice(design, chosen, 0.0)

    hindsight = mean_loss(batch_fit(choices, WIDTH), choices) * len(choices)

    assert total - hindsight < 6.0 * WIDTH


def test_the_truth_lies_where_the_belief_expects_it() -> None:
    model = taught(simulate(TRUTH, 200, 6, seed=4))

    deviations = (model.weight_mean() - TRUTH) ** 2 / model.weight_variance()

    assert 0.1 < np.mean(deviations) < 4.0


def test_features_that_always_come_together_take_back_what_a_click_taught_without_overshooting() -> None:
    together = np.ones((1, 4), dtype=np.float32)
    model = GaussianModel(4, forgetting_half_life_s=DAY)

    model.learn_choice(together, 0, 0.0)
    after_click = model.score_many(together)[0]
    model.learn_choice(together, NONE_OF_THESE, 0.0)

    assert 0.0 < after_click <= 1.0
    assert abs(model.score_many(together)[0]) < after_click


def test_two_learners_merge_by_adding_their_evidence() -> None:
    choices = simulate(TRUTH, 1_000, 6, seed=5)
    parts = [taught(choices[:500]).state(), taught(choices[500:]).state()]
    merged = fresh()
    merged.restore({name: parts[0][name] + parts[1][name] for name in parts[0]})
    future = simulate(TRUTH, 1_000, 6, seed=6)

    alone = mean_loss(taught(choices).weight_mean(), future)

    assert np.all(merged.weight_variance() < taught(choices[:500]).weight_variance())
    assert mean_loss(merged.weight_mean(), future) < alone + 0.02


@given(order=st.permutations(range(6)))
def test_evidence_against_one_belief_adds_up_in_any_order(order: list[int]) -> None:
    model = taught(simulate(TRUTH, 20, 4, seed=7))
    mean, variance = model.weight_mean(), model.weight_variance()
    terms = [
        choice_evidence(design, times_vector(design, mean), chosen, mean, variance)
        for design, chosen in simulate(TRUTH, 6, 4, seed=8)
    ]

    def total(places: list[int]) -> NDArray[np.float64]:
        return np.sum([terms[place] for place in places], axis=0)

    assert total(order) == pytest.approx(total(list(range(6))), rel=1e-12, abs=1e-12)


def test_a_half_life_halves_the_evidence_and_leaves_the_prior() -> None:
    model = taught(simulate(TRUTH, 100, 4, seed=9))
    before = model.state()

    model.learn_choice(np.zeros((1, WIDTH), dtype=np.float32), NONE_OF_THESE, DAY)

    for name, array in model.state().items():
        assert array.tobytes() == (before[name] / 2).tobytes()
    model.learn_choice(np.zeros((1, WIDTH), dtype=np.float32), NONE_OF_THESE, 1e6 * DAY)
    assert model.weight_variance() == pytest.approx(np.ones(WIDTH))
    assert model.weight_mean() == pytest.approx(np.zeros(WIDTH))


@given(minutes=st.lists(st.integers(0, 10_000), min_size=1, max_size=5))
def test_forgetting_in_steps_is_forgetting_at_once(minutes: list[int]) -> None:
    nothing = np.zeros((1, WIDTH), dtype=np.float32)
    stepwise, at_once = (taught(simulate(TRUTH, 10, 3, seed=10)) for _ in range(2))

    for part in minutes:
        stepwise.learn_choice(nothing, NONE_OF_THESE, part * 60.0)
    at_once.learn_choice(nothing, NONE_OF_THESE, sum(minutes) * 60.0)

    assert stepwise.weight_mean() == pytest.approx(at_once.weight_mean(), rel=1e-9, abs=1e-12)


def test_time_that_runs_backwards_forgets_nothing() -> None:
    design, chosen = simulate(TRUTH, 1, 3, seed=11)[0]
    late, punctual = fresh(), fresh()

    late.learn_choice(design, chosen, -DAY)
    punctual.learn_choice(design, chosen, 0.0)

    assert late.score_many(design).tobytes() == punctual.score_many(design).tobytes()


def test_a_prior_counts_until_evidence_speaks() -> None:
    prior = np.linspace(-1.0, 1.0, WIDTH)
    model = GaussianModel(WIDTH, forgetting_half_life_s=DAY, prior_mean=prior, prior_variance=np.full(WIDTH, 0.1))
    assert model.weight_mean() == pytest.approx(prior)

    for design, chosen in simulate(TRUTH, 3_000, 6, seed=12):
        model.learn_choice(design, chosen, 0.0)

    assert np.max(np.abs(model.weight_mean() - TRUTH)) < 0.25


def test_surprise_without_end_moves_the_belief_by_a_bounded_step() -> None:
    model = fresh()
    design = np.full((1, WIDTH), 100.0, dtype=np.float32)

    for _ in range(50):
        model.learn_choice(design, 0, 0.0)
    certain = model.score_many(design)[0]
    model.learn_choice(design, NONE_OF_THESE, 0.0)

    assert np.isfinite(certain) and certain > 0.0
    assert np.all(np.isfinite(model.weight_mean())) and np.all(model.weight_variance() > 0.0)


@pytest.mark.parametrize(
    "wrong", [{"forgetting_half_life_s": 0.0}, {"forgetting_half_life_s": 1.0, "prior_variance": 0.0}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="positive"):
        GaussianModel(WIDTH, **wrong)
