"""Figures of scored lists, against values worked out by hand."""

import math

import numpy as np
import pytest

from benchmarks.quality.slate_metrics import Scaling, SlateScores, auc, choice_losses, ndcg


def labels_of(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.bool_)


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([3.0, 2.0, 1.0], (1, 0, 0), 1.0),
        ([1.0, 2.0, 3.0], (1, 0, 0), 1 / math.log2(4)),
        ([3.0, 2.0, 1.0], (1, 0, 1), (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))),
        (list(range(12)), (1, *[0] * 11), 0.0),
    ],
)
def test_ndcg(scores: list[float], labels: tuple[int, ...], expected: float) -> None:
    assert ndcg(np.array(scores, dtype=np.float64), labels_of(*labels)) == pytest.approx(expected)


def test_ndcg_is_one_when_more_was_clicked_than_counts() -> None:
    assert ndcg(np.zeros(24), np.ones(24, dtype=np.bool_)) == pytest.approx(1.0)


def test_auc_counts_pairs_and_half_of_the_ties() -> None:
    scores = np.array([0.1, 0.4, 0.4, 0.9])
    assert auc(scores, labels_of(0, 1, 0, 1)) == pytest.approx((1 + 0.5 + 2) / 4)
    assert auc(-scores, labels_of(0, 1, 0, 1)) == pytest.approx(0.5 / 4)


def test_choice_losses_are_of_successive_choices_without_replacement() -> None:
    scores = np.log(np.array([1.0, 2.0, 5.0]))
    assert choice_losses(scores, [2, 0]) == pytest.approx([-math.log(5 / 8), -math.log(1 / 3)])


def test_scaling_finds_the_curve_that_made_the_clicks() -> None:
    random = np.random.default_rng(5)
    scaling = Scaling()
    for _ in range(2_000):
        scores = random.normal(100.0, 20.0, 24)
        probabilities = 1.0 / (1.0 + np.exp(-((scores - 100.0) / 20.0 - 1.5)))
        scaling.learn(scores, random.random(24) < probabilities)
    told = scaling.probabilities(np.array([80.0, 100.0, 140.0]))
    assert told == pytest.approx([1 / (1 + math.exp(2.5)), 1 / (1 + math.exp(1.5)), 1 / (1 + math.exp(-0.5))], rel=0.15)


def test_probabilities_know_only_lists_whose_delay_has_passed() -> None:
    early, late = SlateScores(), SlateScores()
    scores, labels = np.array([1.0, 0.0]), labels_of(1, 0)
    for kept, learned in ((early, True), (late, False)):
        kept.add("1", "v", 1, scores, labels, [0], counted=False)
        if learned:
            kept.learn("1")
        kept.add("2", "v", 2, scores, labels, [0], counted=True)
    assert late.figures(logits=False)["log_loss"] == pytest.approx(math.log(2))
    assert early.figures(logits=False)["log_loss"] < math.log(2)


def test_lists_without_a_click_have_no_ndcg_and_count_for_log_loss() -> None:
    kept = SlateScores()
    kept.add("1", "v", 1, np.array([2.0, 1.0]), labels_of(0, 0), [], counted=True)
    kept.add("2", "v", 2, np.array([2.0, 1.0]), labels_of(0, 1), [1], counted=True)
    kept.add("3", "w", 7, np.array([2.0, 1.0]), labels_of(1, 0), [0], counted=True)
    figures = kept.figures(logits=True)
    assert (figures["predictions"], figures["lists_with_click"]) == (3, 2)
    assert figures["ndcg_at_10"] == pytest.approx((1 / math.log2(3) + 1) / 2, abs=1e-6)
    assert {name: group["lists"] for name, group in figures["by_visit"].items()} == {"2": 1, "6+": 1}
    assert figures["calibration"] == pytest.approx(2 / 3, abs=1e-6)
    assert figures["choice_log_loss"] == pytest.approx(
        (math.log(1 + math.e) + math.log(1 + math.exp(-1))) / 2, abs=1e-6
    )
    assert kept.figures(logits=False)["choice_log_loss"] is None


def test_lists_without_any_click_have_no_figure_that_clicks_decide() -> None:
    kept = SlateScores()
    kept.add("1", "v", 1, np.array([2.0, 1.0]), labels_of(0, 0), [], counted=True)
    assert kept.figures(logits=True) == {"predictions": 1, "lists_with_click": 0}
