"""Slates reflect what a visitor's clicks are made of, and their propensities stay exact."""

import math

import numpy as np
import pytest

from recsys.ranking.drawing import NO_MIXTURE, Draw, Mixture, draw
from tests.unit.engine_samples import Visit, trained_world

SIZE = 12
#: Sixty items, every second one of the first taste; those score half a logit less than the others.
TASTE = np.eye(2, dtype=np.float32)[np.arange(60) % 2]
SCORES = np.where(TASTE[:, 0] > 0, -0.5, 0.0) - 0.001 * np.arange(60)
NO_CONTENT = np.zeros((60, 1), dtype=np.float32)


def drawn(mixture: Mixture, temperature: float = 0.0, key: int = 1) -> Draw:
    return draw(SCORES, NO_CONTENT, np.arange(60), SIZE, temperature, 0.0, key, mixture)


def share_of_the_first(mixture: Mixture) -> float:
    return float(TASTE[drawn(mixture).picks, 0].mean())


def test_without_clicks_only_scores_count() -> None:
    assert share_of_the_first(NO_MIXTURE) == 0.0
    assert share_of_the_first(Mixture(TASTE, np.empty(0), 3.0)) == 0.0


@pytest.mark.parametrize("wanted", [0.25, 0.5, 0.75])
def test_a_taste_gets_slots_up_to_its_share_of_the_clicks(wanted: float) -> None:
    share = share_of_the_first(Mixture(TASTE, np.array([wanted, 0.0]), 30.0))
    assert wanted - 1.5 / SIZE <= share <= wanted + 1.0 / SIZE


def test_what_is_far_behind_gains_no_slot() -> None:
    assert share_of_the_first(Mixture(TASTE, np.array([1.0, 0.0]), 0.4)) == 0.0


def test_slots_are_drawn_as_often_as_their_propensities_say_while_calibrating() -> None:
    mixture, temperature, draws = Mixture(TASTE, np.array([0.5, 0.2]), 2.0), 0.7, 4_000
    first = [drawn(mixture, temperature, key) for key in range(draws)]
    odds = np.exp((SCORES + 2.0 * TASTE @ mixture.wanted) / temperature)
    odds /= odds.sum()
    counts = np.bincount([found.picks[0] for found in first], minlength=60) / draws
    assert np.abs(counts - odds).max() < 4.0 * math.sqrt(odds.max() / draws)
    for found in first[:50]:
        assert found.propensities[0] == pytest.approx(odds[found.picks[0]])


def test_a_visitor_who_clicks_one_genre_sees_more_of_it_than_the_scores_alone_bring() -> None:
    visit = Visit(trained_world())
    before = visit.share("Western")
    for number in (7, 15, 23):
        visit.click(f"film-{number}")
    assert visit.share("Western") > max(before, 0.25)
