"""Simulated visitors do what their tastes, positions and fatigue say, and the same each time."""

import numpy as np
import pytest

from recsys.simulation.factors import unknown
from recsys.simulation.market import LEVEL, POSITION, Market, click_through
from recsys.simulation.visitors import SEEN_MS, Action, SimulatedVisit
from tests.unit.simulation.histories import FILMS, genre_of, market

ITEMS = [str(number) for number in range(12)]
MARKET = market()


def looks(number: int, times: int, seed: int = 1) -> list[list[Action]]:
    visit = SimulatedVisit(market(seed), number)
    return [visit.look(ITEMS) for _ in range(times)]


def first_looks(visitors: int, items: list[str] = ITEMS) -> list[list[Action]]:
    return [SimulatedVisit(MARKET, number).look(items) for number in range(visitors)]


def clicks(actions: list[Action]) -> list[int]:
    return [action.position for action in actions if action.kind == "click"]


def test_nothing_is_seen_in_less_than_half_a_second_and_what_stands_beside_follows_sooner():
    after_ms = [[action.after_ms for action in look if action.kind == "impression"] for look in first_looks(200)]
    assert min(first for first, *_ in filter(None, after_ms)) >= SEEN_MS
    assert min(later for _, *others in filter(None, after_ms) for later in others) < SEEN_MS


def test_visitor_does_the_same_each_time_and_another_something_else():
    assert looks(7, 5) == looks(7, 5)
    assert looks(7, 5) != looks(8, 5)
    assert looks(7, 5) != looks(7, 5, seed=2)


def test_list_is_clicked_once_at_most_and_only_where_it_was_seen():
    for actions in first_looks(300):
        seen = {action.position for action in actions if action.kind == "impression"}
        assert len(clicks(actions)) <= 1
        assert set(clicks(actions)) <= seen


def test_cards_lower_down_are_seen_as_rarely_as_the_position_bias_says():
    visitors = 3_000
    seen = np.zeros(len(ITEMS))
    for actions in first_looks(visitors):
        for action in actions:
            seen[action.position] += action.kind == "impression"
    expected = np.arange(1.0, len(ITEMS) + 1) ** -POSITION
    assert np.abs(seen / visitors - expected).max() < 4 * np.sqrt(0.25 / visitors)


def test_lists_are_clicked_as_often_as_the_ground_truth_says():
    item = ["3"]  # one card on top is seen by everybody
    visitors = 4_000
    happened = np.mean([bool(clicks(actions)) for actions in first_looks(visitors, item)])
    truth = np.mean(
        [click_through(MARKET.utilities(MARKET.taste(number)), MARKET.places(item)) for number in range(visitors)]
    )
    # A visitor may have changed their mind by the first list; that moves the average by less than this.
    assert abs(happened - truth) < 4 * np.sqrt(0.25 / visitors)


def test_visitor_clicks_what_their_taste_wants_more_often():
    items = [str(number) for number in range(FILMS)][:48]
    hits = []
    for number in range(400):
        utilities = MARKET.utilities(MARKET.taste(number))[MARKET.places(items)]
        hits += [
            utilities[position] > np.median(utilities)
            for position in clicks(SimulatedVisit(MARKET, number).look(items))
        ]
    assert len(hits) > 50
    assert np.mean(hits) > 0.75


def test_visitor_tires():
    early, late = 0, 0
    for number in range(300):
        visit = SimulatedVisit(MARKET, number)
        did = [len(clicks(visit.look(ITEMS))) for _ in range(30)]
        early, late = early + sum(did[:6]), late + sum(did[-6:])
    assert late < early / 2


def test_visitor_leaves_sooner_or_later_and_some_come_back():
    lengths, away = [], []
    for number in range(300):
        visit = SimulatedVisit(MARKET, number)
        visit.look(ITEMS)
        while not visit.leaves():
            visit.look(ITEMS)
        lengths.append(visit.looks)
        away.append(visit.returns_after_ms())
    assert 5 < np.mean(lengths) < 20
    assert 0.3 < np.mean([gap is not None for gap in away]) < 0.5


def test_taste_shifts_on_some_returns_and_stays_on_the_others():
    same = [np.array_equal(MARKET.taste(number, 0), MARKET.taste(number, 1)) for number in range(400)]
    assert 0.7 < np.mean(same) < 0.9


def test_item_that_the_history_does_not_know_is_an_average_one():
    utilities = MARKET.utilities(MARKET.taste(1))
    assert utilities[MARKET.places(["no such film"])[0]] == LEVEL


def test_opening_what_nobody_knows_spoils_nothing_else():
    visit = SimulatedVisit(Market(unknown(), 1, eagerness=8.0), 1)
    assert sum(len(clicks(visit.look(ITEMS))) for _ in range(20)) == 20


@pytest.mark.parametrize("items", [[], ["no such film"]])
def test_any_list_can_be_looked_at(items):
    assert len(SimulatedVisit(MARKET, 1).look(items)) >= 0


def test_genres_are_told_apart_by_tastes():
    genres = np.array([genre_of(item) for item in MARKET.factors.items])
    wanted = [MARKET.utilities(MARKET.taste(number))[:-1] for number in range(60)]
    favourites = {int(np.argmax([each[genres == genre].mean() for genre in range(3)])) for each in wanted}
    assert favourites == {0, 1, 2}
