"""Prequential scores are what a batch computation over the same predictions gives, and parts add up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from recsys.errors import CorruptState
from recsys.evaluation.prequential import BINS, Prequential
from recsys.models.base import NONE_OF_THESE
from recsys.models.kernels import choice_probabilities
from tests.choices import loss, simulate

Scored = tuple[NDArray[np.float64], int]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile first: hypothesis measures how long an example takes."""
    score(Prequential(), np.zeros(1), 0)


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    scores = draw(hnp.arrays("f8", st.integers(1, 5), elements=st.floats(-40, 40)))
    return scores, draw(st.integers(NONE_OF_THESE, len(scores) - 1))


def score(evaluation: Prequential, scores: NDArray[np.float64], chosen: int) -> None:
    evaluation.update(scores, choice_probabilities(scores), chosen)


def evaluated(choices: list[Scored]) -> Prequential:
    evaluation = Prequential()
    for scores, chosen in choices:
        score(evaluation, scores, chosen)
    return evaluation


def sound(choices: int, seed: int, boldness: float = 1.0) -> list[Scored]:
    """Return choices made as their scores say, the scores then exaggerated by `boldness`."""
    truth = np.array([1.0, -2.0])
    return [(boldness * (design @ truth), chosen) for design, chosen in simulate(truth, choices, 4, seed)]


def test_before_the_first_choice_there_are_no_scores() -> None:
    assert Prequential().metrics() == {}


@given(choices=st.lists(scored(), min_size=1, max_size=8))
def test_log_loss_is_the_mean_over_choices(choices: list[Scored]) -> None:
    assert evaluated(choices).metrics()["log_loss"] == pytest.approx(
        np.mean([loss(scores, chosen) for scores, chosen in choices]), rel=1e-9, abs=1e-12
    )


def test_a_choice_thought_impossible_costs_what_its_logit_says() -> None:
    assert evaluated([(np.array([900.0]), NONE_OF_THESE)]).metrics()["log_loss"] == pytest.approx(900.0)
    assert evaluated([(np.array([-900.0]), 0)]).metrics()["log_loss"] == pytest.approx(900.0)


def test_the_baseline_knows_only_how_often_there_was_a_click() -> None:
    rng = np.random.default_rng(1)
    clicked = [int(place) for place in np.where(rng.random(2_000) < 0.3, 0, NONE_OF_THESE)]
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))

    metrics = evaluated(
        [(np.array([score]), place) for score, place in zip(rng.normal(size=2_000), clicked, strict=True)]
    )

    assert metrics.metrics()["baseline_log_loss"] == pytest.approx(entropy, abs=0.03)


def test_a_model_that_knows_the_truth_beats_the_baseline_and_is_calibrated() -> None:
    metrics = evaluated(sound(3_000, seed=2)).metrics()

    assert metrics["log_loss"] < metrics["baseline_log_loss"] - 0.2
    assert metrics["calibration"] == pytest.approx(1.0, abs=0.05)
    assert metrics["calibration_error"] < 0.05
    assert metrics["auc"] > 0.8


def test_a_model_that_promises_too_much_shows_in_its_calibration() -> None:
    right, bold = evaluated(sound(3_000, seed=3)).metrics(), evaluated(sound(3_000, seed=3, boldness=4.0)).metrics()

    assert bold["calibration_error"] > 2.0 * right["calibration_error"]
    assert bold["log_loss"] > right["log_loss"]


def test_auc_is_the_share_of_pairs_in_order_with_ties_counting_half() -> None:
    scores = np.log(np.array([0.2, 0.4, 0.6]) / np.array([0.8, 0.6, 0.4]))
    choices = [
        (scores[[place]], 0 if clicked else NONE_OF_THESE) for place, clicked in ((0, 0), (1, 1), (1, 0), (2, 1))
    ]

    # Clicked 0.4 and 0.6 against passed over 0.2 and 0.4: three pairs in order and one tie.
    assert evaluated(choices).metrics()["auc"] == pytest.approx(3.5 / 4)


@given(choices=st.lists(scored(), min_size=1, max_size=8), cut=st.integers(0, 8))
def test_scores_of_two_parts_add_up(choices: list[Scored], cut: int) -> None:
    merged, second = evaluated(choices[:cut]), evaluated(choices[cut:])
    merged.merge(second)

    expected = evaluated(choices).metrics()
    del expected["baseline_log_loss"]  # each part started without knowing the other's rate
    metrics = merged.metrics()
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(choices=st.lists(scored(), max_size=8), later=st.lists(scored(), max_size=4))
def test_state_brings_back_the_evaluation_bit_for_bit(choices: list[Scored], later: list[Scored]) -> None:
    original = evaluated(choices)
    copy = Prequential()
    copy.restore({name: array.copy() for name, array in original.state().items()})

    for scores, chosen in later:
        score(original, scores, chosen)
        score(copy, scores, chosen)

    assert {name: array.tobytes() for name, array in copy.state().items()} == {
        name: array.tobytes() for name, array in original.state().items()
    }


@pytest.mark.parametrize("wrong", [None, np.zeros(BINS + 1), np.zeros(BINS, dtype=np.float32)])
def test_arrays_that_do_not_fit_are_corrupt_and_change_nothing(wrong: NDArray[np.float64] | None) -> None:
    evaluation = evaluated(sound(10, seed=4))
    before = evaluation.metrics()
    arrays = {name: np.zeros_like(array) for name, array in evaluation.state().items()}
    if wrong is None:
        del arrays["predicted"]
    else:
        arrays["predicted"] = wrong

    with pytest.raises(CorruptState, match="predicted"):
        evaluation.restore(arrays)

    assert evaluation.metrics() == before


@given(choices=st.lists(scored(), max_size=20), later=st.lists(scored(), max_size=20))
def test_scores_between_two_moments_are_those_of_what_came_between(choices: list[Scored], later: list[Scored]) -> None:
    between = Prequential.between(evaluated(choices).to_bytes(), evaluated([*choices, *later]).to_bytes())
    # The baseline is what was known by then of how often there is a click: it goes on, as the evaluation does.
    found, alone = between.metrics(), evaluated(later).metrics()
    assert [found.pop("baseline_log_loss", 0.0) >= 0.0, alone.pop("baseline_log_loss", 0.0) >= 0.0] == [True, True]
    # A root of a difference of squares: the digits that these share are lost.
    assert found.pop("log_loss_error", 0.0) == pytest.approx(alone.pop("log_loss_error", 0.0), abs=0.01)
    assert found == pytest.approx(alone, abs=1e-6)
    assert Prequential.between(b"", evaluated(later).to_bytes()).metrics() == evaluated(later).metrics()


def test_margins_are_standard_errors_of_the_mean_and_of_the_rank_sum() -> None:
    choices = sound(400, seed=5)
    losses = [evaluated([choice]).metrics()["log_loss"] for choice in choices]
    metrics = evaluated(choices).metrics()
    assert metrics["log_loss_error"] == pytest.approx(np.std(losses, ddof=1) / 20.0)
    # Two clicked among two passed, no order between them: variance (1/4 + 2/12) / 4.
    level = evaluated([(np.array([0.0, 0.0]), 0), (np.array([0.0, 0.0]), 1)]).metrics()
    assert (level["auc"], level["auc_error"]) == (0.5, pytest.approx(math.sqrt((0.25 + 2 / 12) / 4)))


def test_scores_from_before_squares_were_summed_have_no_margin_and_all_else() -> None:
    first, second = evaluated(sound(50, seed=6)), evaluated(sound(80, seed=6))
    now = Prequential.between(first.to_bytes(), second.to_bytes()).metrics()
    for earlier in (first.to_bytes()[:-8], first.to_bytes()):
        before = Prequential.between(earlier, second.to_bytes()[:-8]).metrics()
        assert before == {name: value for name, value in now.items() if name != "log_loss_error"}


@pytest.mark.parametrize("given_bytes", [(b"", b"short"), (b"short", Prequential().to_bytes())])
def test_bytes_that_are_no_scores_are_corrupt(given_bytes: tuple[bytes, bytes]) -> None:
    with pytest.raises(CorruptState, match="expected scores of"):
        Prequential.between(*given_bytes)


def test_calibration_curve_of_the_truth_is_the_diagonal_and_has_all_items() -> None:
    choices = sound(4_000, seed=3)
    curve = evaluated(choices).calibration_curve(8)
    assert len(curve) >= 6
    assert sum(items for _, _, items in curve) == sum(len(scores) for scores, _ in choices)
    assert [predicted for predicted, _, _ in curve] == sorted(predicted for predicted, _, _ in curve)
    for predicted, clicks, items in curve:
        assert abs(clicks / items - predicted) < 5 * (predicted * (1 - predicted) / items) ** 0.5
