"""How sure a rate is, when what is counted comes in sessions."""

import random
from types import SimpleNamespace
from typing import Any

import pytest

from webapp.analytics.intervals import Rate, clustered, difference, reach_of_mean, wilson
from webapp.analytics.reports.learning import Step
from webapp.analytics.reports.learning_charts import gain_chart


def rate_of(sessions: list[tuple[int, int]]) -> Rate:
    """Return the rate of sessions, each (impressions, clicks)."""
    return clustered(
        len(sessions),
        sum(seen for seen, _ in sessions),
        sum(clicks for _, clicks in sessions),
        sum(seen * seen for seen, _ in sessions),
        sum(clicks * clicks for _, clicks in sessions),
        sum(seen * clicks for seen, clicks in sessions),
    )


def visited(rng: random.Random, sessions: int) -> list[tuple[int, int]]:
    """Return sessions whose visitors differ: most hardly click, some do a lot."""
    found = []
    for _ in range(sessions):
        eagerness = rng.betavariate(0.5, 4.5)
        seen = rng.randrange(5, 60)
        found.append((seen, sum(rng.random() < eagerness for _ in range(seen))))
    return found


def test_more_clicks_than_impressions_are_refused_and_not_taken_for_all() -> None:
    with pytest.raises(ValueError, match="expected successes from 0 to the 3 trials, received 10"):
        wilson(10, 3)
    with pytest.raises(ValueError, match="expected successes"):
        rate_of([(1, 0), (2, 10)])


def test_sessions_of_one_impression_each_are_plain_proportions() -> None:
    assert rate_of([(1, 1)] * 10 + [(1, 0)] * 90).interval == pytest.approx(wilson(10, 100), abs=0.002)


def test_interval_holds_the_truth_in_about_95_of_100_worlds_where_impressions_alone_would_not() -> None:
    rng = random.Random(1)
    worlds, held, naive = 400, 0, 0
    for _ in range(worlds):
        rate = rate_of(visited(rng, 80))
        # The mean of the beta distribution; how much a session sees says nothing of its eagerness.
        held += rate.interval.low <= 0.1 <= rate.interval.high
        low, high = wilson(rate.clicks, rate.impressions)
        naive += low <= 0.1 <= high
    assert 0.91 <= held / worlds <= 0.985
    assert naive / worlds < 0.75


@pytest.mark.parametrize(("sessions", "at_least"), [(5, 0.91), (10, 0.89), (30, 0.91)])
def test_interval_of_few_sessions_knows_that_they_tell_their_differences_badly(sessions: int, at_least: float) -> None:
    rng, worlds = random.Random(3), 1_500
    intervals = [rate_of(visited(rng, sessions)).interval for _ in range(worlds)]
    assert sum(low <= 0.1 <= high for low, high in intervals) / worlds >= at_least


@pytest.mark.parametrize("weights", [[1.0] * 5, [1.0] * 7, [1.0] * 24, [1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 8.0]])
def test_mean_over_few_days_is_off_by_more_than_its_reach_in_about_5_of_100_worlds(weights: list[float]) -> None:
    rng, worlds, held = random.Random(4), 4_000, 0
    for _ in range(worlds):
        days = [(weight, rng.gauss(0.0, 0.2 + weight**-0.5)) for weight in weights]
        mean = sum(weight * value for weight, value in days) / sum(weights)
        held += abs(mean) <= reach_of_mean(days)
    assert 0.935 <= held / worlds <= 0.975


@pytest.mark.parametrize(
    ("sessions", "low", "high"),
    [([], 0.0, 1.0), ([(12, 3)], 0.0, 0.9), ([(12, 0)] * 30, 0.0, 0.02), ([(1, 1)] * 5, 0.5, 1.0)],
)
def test_intervals_stay_within_their_range_however_little_is_known(
    sessions: list[tuple[int, int]], low: float, high: float
) -> None:
    interval = rate_of(sessions).interval
    assert low <= interval.low <= interval.high <= high + 1e-9


def test_difference_of_two_arms_is_as_unsure_as_both() -> None:
    rng = random.Random(2)
    one, other = rate_of(visited(rng, 300)), rate_of(visited(rng, 60))
    found = difference(one, other)
    assert found is not None
    apart, (low, high) = found
    assert low < apart < high
    assert high - low > other.interval.high - other.interval.low
    assert difference(one, rate_of([])) is None


def test_what_adapting_adds_is_told_with_how_often_it_would_seem_to() -> None:
    often, seldom = rate_of([(10, 9)] * 40), rate_of([(10, 1)] * 40)
    curve: Any = SimpleNamespace(steps=[Step(1, "1", often, seldom), Step(2, "2", seldom, seldom)])
    chart = gain_chart(curve)
    assert chart is not None
    assert "The whole interval is above 0 at impression 1; where nothing is gained one in 40 would be" in chart.summary
