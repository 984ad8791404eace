"""Figures of recommended lists, against values worked out by hand."""

import math

import numpy as np
import pytest

from benchmarks.quality.outcome import Outcome, difference
from benchmarks.quality.ranking_metrics import Ranks, concentration, hits, interval, reciprocals


@pytest.fixture
def ranks() -> Ranks:
    """Return four predictions of three sessions: found first, found sixth, not found, found second."""
    found = Ranks()
    found.add(["a", "b"], "a", seen=1, session=0)
    found.add(["b", "c", "d", "e", "f", "g"], "g", seen=2, session=0)
    found.add(["a"], "z", seen=1, session=1)
    found.add(["x", "c"], "c", seen=12, session=2)
    return found


def test_hit_rate_and_mrr_count_what_stands_above_the_cutoff(ranks: Ranks) -> None:
    figures = ranks.figures(catalogue=10)
    assert figures["predictions"] == 4
    assert (figures["hit_rate_at_5"], figures["hit_rate_at_10"], figures["hit_rate_at_20"]) == (0.5, 0.75, 0.75)
    assert figures["mrr_at_5"] == pytest.approx((1 + 1 / 2) / 4)
    assert figures["mrr_at_20"] == pytest.approx((1 + 1 / 6 + 1 / 2) / 4, abs=1e-6)


def test_figures_are_broken_down_by_clicks_seen(ranks: Ranks) -> None:
    groups = ranks.figures(catalogue=10)["by_clicks_seen"]
    assert {name: (group["predictions"], group["hit_rate_at_20"]) for name, group in groups.items()} == {
        "1": (2, 0.5),
        "2": (1, 1.0),
        "10+": (1, 1.0),
    }


def test_coverage_counts_every_item_recommended_once(ranks: Ranks) -> None:
    assert ranks.figures(catalogue=10)["coverage_at_20"] == 0.8


def test_list_with_an_item_twice_is_refused(ranks: Ranks) -> None:
    with pytest.raises(ValueError, match="distinct"):
        ranks.add(["a", "a"], "a", seen=1, session=3)


def test_no_predictions_are_no_error() -> None:
    assert Ranks().figures(catalogue=3)["hit_rate_at_20"] == 0.0


@pytest.mark.parametrize(
    ("counts", "catalogue", "gini", "top"),
    [
        ([5] * 200, 200, 0.0, 0.01),
        ([7], 100, 0.99, 1.0),
        # Lorenz curve of 0, 0, 1, 3: (2 (3·1 + 4·3) / 4 - 5) / 4
        ([1, 3], 4, 0.625, 0.75),
    ],
)
def test_concentration(counts: list[int], catalogue: int, gini: float, top: float) -> None:
    found = concentration(counts, catalogue)
    assert found["gini"] == pytest.approx(gini)
    assert found["top_percent_share"] == pytest.approx(top)


@pytest.mark.parametrize(("count", "errors"), [(10_000, 1.96), (10, 2.262)], ids=["many", "few"])
def test_interval_of_independent_values_is_students(count: int, errors: float) -> None:
    values = np.array([0.0, 1.0] * (count // 2))
    reach = errors * math.sqrt(0.25 / (count - 1))
    assert interval(values, np.arange(count, dtype=np.int32)) == pytest.approx([0.5 - reach, 0.5 + reach], abs=1e-4)


def test_interval_does_not_narrow_when_each_session_says_everything_twice() -> None:
    values = np.array([0.0, 1.0] * 50)
    clusters = np.arange(100, dtype=np.int32)
    assert interval(np.repeat(values, 2), np.repeat(clusters, 2)) == pytest.approx(interval(values, clusters))


def test_difference_is_paired() -> None:
    clusters = np.arange(50, dtype=np.int32)
    base = np.random.default_rng(1).random(50)
    one, other = (
        Outcome({}, {}, [], {}, {"hits": values}, clusters) for values in (base + 0.1 + 0.001 * (clusters % 2), base)
    )
    middle, low, high = difference(one, other, "hits")
    assert middle == pytest.approx(0.1005, abs=1e-6)
    assert 0.1 < low < high < 0.101


def test_rank_zero_is_not_found() -> None:
    ranks = np.array([0, 1, 20, 21], dtype=np.int32)
    assert hits(ranks, 20).tolist() == [0.0, 1.0, 1.0, 0.0]
    assert reciprocals(ranks, 20).tolist() == [0.0, 1.0, 0.05, 0.0]
