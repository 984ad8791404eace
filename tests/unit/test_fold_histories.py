"""Histories: clicks and impressions without slates are described by the fold's own state at their offset."""

import numpy as np
import pytest

from recsys.layout import POPULARITY
from recsys.learning import SPREAD_SESSIONS
from recsys.sessions import SessionContext
from tests.unit.site import CONFIG, FILMS, WINDOW_S, Site, clicked, seen
from tests.unit.streams import START_MS, film


@pytest.fixture
def site() -> Site:
    return Site()


def test_impressions_without_slates_are_counted_whether_they_are_clicked_or_not(site: Site) -> None:
    counters = site.happens(seen("0", name=""), clicked("0", name=""), seen("1", name="")).learned()
    assert (counters["labels_joined"], counters["labels_pending"]) == (1, 2)
    assert (counters["listed_clicks"], counters["impressions"]) == (1, 2)
    counters = site.happens(film(5), later_s=WINDOW_S).learned()
    assert (counters["labels_expired"], counters["labels_left"]) == (1, 1)


def test_what_was_seen_without_a_list_is_not_blamed_for_not_being_clicked(site: Site) -> None:
    """A click on it is a choice among what would have been offered, so the other side of that question is missing."""
    site.happens(*(seen(str(number), name="") for number in range(5)))
    counters = site.happens(film(5), later_s=WINDOW_S).learned()
    assert (counters["labels_expired"], site.choices()) == (5, 0)
    assert not site.world.items["appeal_information"].any()
    assert not site.world.model.state()["information"].any()


def test_item_of_a_history_seen_again_later_is_a_new_question(site: Site) -> None:
    site.happens(seen("0", name="")).learned()
    site.happens(seen("0", name="", at_ms=START_MS + 10 * WINDOW_S), later_s=WINDOW_S + 1)
    assert site.learned()["impressions"] == 2


def test_click_long_after_its_impression_in_a_history_is_late(site: Site) -> None:
    site.happens(seen("0", name=""))
    counters = site.happens(clicked("0", name=""), later_s=WINDOW_S + 1).learned()
    assert (counters["labels_late"], counters["clicks"]) == (1, 0)


def test_lone_click_is_a_choice_among_what_would_have_been_retrieved(site: Site) -> None:
    counters = site.happens(clicked("0", name="")).learned()
    assert (counters["clicks"], counters["listed_clicks"], counters["labels_pending"]) == (1, 0, 0)
    assert site.learner.metrics()["click_rate"] == pytest.approx(1 / FILMS)
    assert not site.world.items["impressions"].any(), "nobody knows what was seen"


def test_lone_click_makes_an_item_popular_and_says_nothing_of_a_click_rate(site: Site) -> None:
    site.happens(clicked("0", name="")).learned()
    assert (site.world.items["clicks"][0], site.world.items["recent_clicks"][0]) == (0.0, 1.0)
    assert [site.world.items[name][0] for name in POPULARITY] == [1.0, 1.0, 1.0]
    assert site.world.popular.tolist() == [0]


def test_lone_click_on_what_nobody_would_have_been_offered_is_no_choice_and_counts_all_the_same() -> None:
    site = Site(films=3 * CONFIG.candidates)
    counters = site.happens(clicked("0", name=""), clicked("1", name="")).learned()
    assert (counters["clicks"], site.choices()) == (2, 0)
    assert not site.world.model.state()["information"].any()
    assert site.world.popular.tolist() == [0], "looked up when a session begins"
    assert site.world.sessions["clicked"][0, :3].tolist() == [0, 1, -1]
    assert (site.world.heard["item"].tolist(), site.world.draws) == ([0, 1], 1)


def test_going_on_to_another_item_teaches_the_vectors_and_staying_does_not(site: Site) -> None:
    site.happens(clicked("0", name=""), clicked("0", name="", at_ms=START_MS + 1), later_s=1).learned()
    assert site.world.draws == 0
    before = site.world.vectors["vector"][:2].copy()
    site.happens(clicked("1", name="")).learned()
    assert site.world.draws == 1
    after = site.world.vectors["vector"][:2]
    assert cosine(*after) > cosine(*before)


def cosine(left: np.ndarray, right: np.ndarray) -> float:
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))


@pytest.mark.parametrize("asked", [True, False])
def test_what_one_in_a_few_sessions_goes_on_with_teaches_how_much_sessions_differ(site: Site, asked: bool) -> None:
    start = site.world.spread.variance().copy()
    names = (f"session-{number}" for number in range(100))
    name = next(name for name in names if (SessionContext(name).key % SPREAD_SESSIONS == 0) is asked)
    for number in range(8):
        site.happens(clicked(str(number % 3), name="", session=name, at_ms=START_MS + number), later_s=1)
    site.learned()
    assert (site.world.spread.variance() != start).any() == asked
    assert (site.world.spread.variance()[start == 0.0] == 0.0).all()


def test_popular_items_and_the_network_learn_from_bare_clicks_alone(site: Site) -> None:
    before = {name: array.tobytes() for name, array in site.world.network.state().items()}
    for number in range(6):
        site.happens(clicked(str(number % 2), name="", at_ms=START_MS + number), later_s=CONFIG.session_gap_s + 1)
    site.learned()
    assert {name: array.tobytes() for name, array in site.world.network.state().items()} != before
    assert sorted(site.world.popular.tolist()) == [0, 1]


def test_lone_click_on_the_same_item_later_is_another_one(site: Site) -> None:
    site.happens(clicked("0", name=""), clicked("0", name=""))
    site.happens(clicked("0", name="", at_ms=START_MS + 1_000), later_s=1)
    counters = site.learned()
    assert (counters["clicks"], counters["labels_duplicate"]) == (2, 1)


def test_clicks_of_a_session_stand_together_in_the_neighbour_index(site: Site) -> None:
    site.happens(clicked("0", name=""), clicked("3", name=""))
    site.happens(clicked("1", name=""), later_s=CONFIG.session_gap_s + 1)
    site.learned()
    assert site.world.serial == 2
    assert site.world.sessions["clicked"][:, :3].tolist() == [[0, 3, -1], [1, -1, -1]]


def test_click_after_a_lone_impression_is_a_choice_among_what_would_have_been_retrieved(site: Site) -> None:
    site.happens(seen("0", name=""), clicked("0", name="")).learned()
    assert site.learner.metrics()["click_rate"] == pytest.approx(1 / FILMS)
    assert site.world.items["impressions"][:2].tolist() == [1.0, 0.0]
    assert site.world.items["clicks"][0] == 1.0, "what was seen alone still counts into the click rate"
