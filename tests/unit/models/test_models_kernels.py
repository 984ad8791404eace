"""What one choice teaches: exact where there is a closed form, careful where features overlap, finite everywhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from recsys.models.base import NONE_OF_THESE
from recsys.models.kernels import (
    LIST_VARIANCE,
    choice_evidence,
    choice_probabilities,
    list_evidence,
    list_probabilities,
)
from recsys.models.product import times_vector
from tests.choices import loss

Floats = NDArray[np.float64]

FEATURES = st.floats(-8, 8, width=32)
LOGITS = st.floats(-1e6, 1e6)


def arrays(dtype: str, shape: tuple[int, ...], elements: st.SearchStrategy[float]) -> st.SearchStrategy[NDArray[Any]]:
    return hnp.arrays(dtype, shape, elements=elements)


@st.composite
def choices(
    draw: st.DrawFn, rows: int = 4, features: st.SearchStrategy[float] = FEATURES
) -> tuple[NDArray[np.float32], int, Floats, Floats]:
    """Draw a slate, what was chosen from it, and a belief."""
    shape = draw(st.integers(1, rows)), draw(st.integers(1, 5))
    return (
        draw(arrays("f4", shape, features)),
        draw(st.integers(NONE_OF_THESE, shape[0] - 1)),
        draw(arrays("f8", shape[1:], st.floats(-2, 2))),
        draw(arrays("f8", shape[1:], st.floats(0.01, 4))),
    )


def updated(design: NDArray[np.float32], chosen: int, mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Return the mean and variance after one choice."""
    information, shift = choice_evidence(design, times_vector(design, mean), chosen, mean, variance)
    precision = 1.0 / variance + information
    return (mean / variance + shift) / precision, 1.0 / precision


@given(logits=hnp.arrays("f8", st.integers(0, 6), elements=LOGITS))
def test_probabilities_are_a_softmax_with_an_outside_option_at_logit_0(logits: Floats) -> None:
    probabilities = choice_probabilities(logits)

    assert np.all(np.isfinite(probabilities))
    assert np.sum(probabilities) <= 1.0 + 1e-12
    assert probabilities == pytest.approx(np.exp(logits - np.logaddexp.reduce([0.0, *logits])), rel=1e-9, abs=1e-300)


@given(logit=st.floats(-700, 700))
def test_a_slate_of_one_is_logistic_regression(logit: float) -> None:
    assert choice_probabilities(np.array([logit]))[0] == pytest.approx(1.0 / (1.0 + np.exp(-logit)))


@given(choice=choices(rows=1))
def test_one_item_gives_the_exact_marginals_of_the_kalman_filter_with_a_full_covariance(
    choice: tuple[NDArray[np.float32], int, Floats, Floats],
) -> None:
    design, chosen, mean, variance = choice
    x = design[0].astype(np.float64)
    clicked = choice_probabilities(times_vector(design, mean))[0]
    curvature = clicked * (1.0 - clicked)
    covariance = np.diag(variance)
    gain = covariance @ x / (1.0 + curvature * x @ covariance @ x)

    new_mean, new_variance = updated(design, chosen, mean, variance)

    assert new_mean == pytest.approx(mean + gain * ((chosen == 0) - clicked), rel=1e-6, abs=1e-9)
    assert new_variance == pytest.approx(np.diag(covariance - curvature * np.outer(gain, covariance @ x)), rel=1e-6)


@given(
    x=st.floats(-4, 4, width=32),
    copies=st.integers(1, 50),
    chosen=st.sampled_from([0, NONE_OF_THESE]),
)
def test_copies_of_a_feature_move_the_score_no_further_than_the_feature_alone(
    x: float, copies: int, chosen: int
) -> None:
    alone = np.full((1, 1), x, dtype=np.float32)
    copied = np.full((1, copies), x, dtype=np.float32)

    mean, _ = updated(alone, chosen, np.zeros(1), np.ones(1))
    means, _ = updated(copied, chosen, np.zeros(copies), np.full(copies, 1.0 / copies))

    assert times_vector(copied, means)[0] == pytest.approx(times_vector(alone, mean)[0], rel=1e-9, abs=1e-12)


@given(choice=choices(features=st.floats(-2, 2, width=32)))
def test_the_mean_moves_up_the_likelihood(choice: tuple[NDArray[np.float32], int, Floats, Floats]) -> None:
    design, chosen, mean, variance = choice
    nudge = 1e-5
    gradient = np.array(
        [
            (loss(design @ (mean - nudge * axis), chosen) - loss(design @ (mean + nudge * axis), chosen)) / (2 * nudge)
            for axis in np.eye(len(mean))
        ]
    )

    moved = updated(design, chosen, mean, variance)[0] - mean

    clear = np.abs(gradient) > 1e-4
    assert np.all(np.sign(moved[clear]) == np.sign(gradient[clear]))


@given(choice=choices(), data=st.data())
def test_the_order_of_the_items_does_not_matter(
    choice: tuple[NDArray[np.float32], int, Floats, Floats], data: st.DataObject
) -> None:
    design, chosen, mean, variance = choice
    order = data.draw(st.permutations(range(len(design))))
    moved = chosen if chosen == NONE_OF_THESE else order.index(chosen)

    evidence = choice_evidence(design, times_vector(design, mean), chosen, mean, variance)
    shuffled = design[order]
    again = choice_evidence(shuffled, times_vector(shuffled, mean), moved, mean, variance)

    assert again[0] == pytest.approx(evidence[0], rel=1e-6, abs=1e-6)
    assert again[1] == pytest.approx(evidence[1], rel=1e-6, abs=1e-6)


@given(choice=choices(), padding=st.integers(1, 3))
def test_features_that_are_0_learn_nothing_and_change_nothing(
    choice: tuple[NDArray[np.float32], int, Floats, Floats], padding: int
) -> None:
    design, chosen, mean, variance = choice
    evidence = choice_evidence(design, times_vector(design, mean), chosen, mean, variance)

    wide = np.pad(design, ((0, 0), (0, padding)))
    wide_mean = np.pad(mean, (0, padding), constant_values=3.0)
    wide_variance = np.pad(variance, (0, padding), constant_values=1.0)
    padded = choice_evidence(wide, times_vector(wide, wide_mean), chosen, wide_mean, wide_variance)

    for part, whole in zip(evidence, padded, strict=True):
        assert whole[: len(mean)].tobytes() == part.tobytes()
        assert not whole[len(mean) :].any()


@given(
    choice=choices(features=st.floats(-1e6, 1e6, width=32)),
    offset=LOGITS,
)
def test_evidence_is_finite_and_never_unlearns_precision(
    choice: tuple[NDArray[np.float32], int, Floats, Floats], offset: float
) -> None:
    design, chosen, mean, variance = choice

    information, shift = choice_evidence(design, times_vector(design, mean) + offset, chosen, mean, variance)

    assert np.all(np.isfinite(information)) and np.all(information >= 0.0)
    assert np.all(np.isfinite(shift))


@given(choice=choices())
def test_the_same_choice_gives_the_same_bytes(choice: tuple[NDArray[np.float32], int, Floats, Floats]) -> None:
    design, chosen, mean, variance = choice
    scores = times_vector(design, mean)

    first = choice_evidence(design, scores, chosen, mean, variance)
    again = choice_evidence(design.copy(), scores.copy(), chosen, mean.copy(), variance.copy())

    assert [part.tobytes() for part in first] == [part.tobytes() for part in again]


@given(choice=choices())
def test_a_slate_scores_the_same_from_read_only_memory(
    choice: tuple[NDArray[np.float32], int, Floats, Floats],
) -> None:
    design, _, mean, _ = choice
    frozen = np.frombuffer(design.tobytes(), dtype=np.float32).reshape(design.shape)

    assert times_vector(frozen, mean).tobytes() == times_vector(design, mean).tobytes()


def test_an_empty_list_teaches_nothing() -> None:
    design = np.zeros((0, 3), dtype=np.float32)

    information, shift = choice_evidence(design, np.zeros(0), NONE_OF_THESE, np.ones(3), np.ones(3))

    assert not information.any() and not shift.any()


@pytest.mark.parametrize("chosen", [2, -2])
def test_a_choice_that_was_not_there_is_refused(chosen: int) -> None:
    with pytest.raises(IndexError, match="NONE_OF_THESE"):
        choice_evidence(np.zeros((2, 1), dtype=np.float32), np.zeros(2), chosen, np.zeros(1), np.ones(1))


def test_weights_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="as many weights"):
        times_vector(np.zeros((2, 3), dtype=np.float32), np.zeros(2))


@given(
    scores=arrays("f8", (5,), st.floats(-4, 4)),
    clicked=arrays("?", (5,), st.booleans()),
)
def test_a_list_s_level_is_where_its_clicks_and_the_prior_balance(scores: Floats, clicked: NDArray[np.bool_]) -> None:
    probabilities = list_probabilities(scores, clicked)

    level = np.log(probabilities / (1.0 - probabilities)) - scores
    assert level == pytest.approx(np.full(5, level[0]), abs=1e-6), "one level for the whole list"
    assert np.sum(clicked - probabilities) == pytest.approx(level[0] / LIST_VARIANCE, abs=1e-3)


def test_probabilities_of_a_list_are_finite_for_any_logits() -> None:
    probabilities = list_probabilities(np.array([-1e6, 1e6, 0.0]), np.array([True, False, True]))

    assert np.all((probabilities >= 0.0) & (probabilities <= 1.0))


@given(choice=choices())
def test_a_list_of_one_that_was_left_teaches_what_the_choice_of_nothing_does(
    choice: tuple[NDArray[np.float32], int, Floats, Floats],
) -> None:
    design, _, mean, variance = choice
    alone = design[:1]
    scores = times_vector(alone, mean)
    probabilities = choice_probabilities(scores)

    expected = choice_evidence(alone, scores, NONE_OF_THESE, mean, variance)

    for given_, wanted in zip(
        list_evidence(alone, probabilities, probabilities, mean, variance), expected, strict=True
    ):
        assert given_ == pytest.approx(wanted, rel=1e-6, abs=1e-9)
