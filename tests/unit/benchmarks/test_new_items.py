"""A new item that people like arrives, through the site's own recommender and fold."""

import numpy as np
import pytest

from benchmarks.quality import new_items, simulated_site
from benchmarks.quality.generated import Market
from benchmarks.quality.new_items import Standing
from benchmarks.quality.simulated_site import SimulatedSite, learned, recommender_of

ITEMS, NEW = 160, 30
#: The first of the new ones, so that others entered after it.
LOVED = ITEMS - NEW
VISITS, SLATES = 120, 4
#: Whether it is found within so few visits hangs on chance, such as the network's first weights; in these markets.
SEEDS = range(1, 7)


def before(seed: int) -> SimulatedSite:
    """Return a site that has learned for a while, and has new items: one that most visitors would take at once."""
    market = Market(ITEMS, seed)
    market._quality[LOVED] = 4.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated_site, "SEARCH", 0.0)
        site = learned(market, 1, range(LOVED), 200, SLATES)
    site.enter(*range(LOVED, ITEMS))
    return site


@pytest.fixture(scope="module")
def sites() -> list[SimulatedSite]:
    return [before(seed) for seed in SEEDS]


def shown_to(site: SimulatedSite, curiosity: float) -> list[bool]:
    """Return for each visit to a twin whether the loved item was on one of its slates."""
    twin = site.twin()
    recommender = recommender_of(twin, curiosity=curiosity)
    visits = [list(twin.visit(number, SLATES, recommender=recommender)) for number in range(1_000, 1_000 + VISITS)]
    return [any(LOVED in step.shown for step in steps) for steps in visits]


def found_in(sites: list[SimulatedSite], curiosity: float) -> int:
    """Return in how many markets nearly all of the last visitors were shown the loved item."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulated_site, "SEARCH", 0.0)
        return sum(sum(shown_to(site, curiosity)[-40:]) >= 38 for site in sites)


def test_new_item_that_everybody_wants_is_soon_shown_to_everybody_in_most_markets(sites: list[SimulatedSite]) -> None:
    assert found_in(sites, sites[0].engine.config.curiosity) > len(sites) / 2


def test_without_curiosity_it_is_found_in_few(sites: list[SimulatedSite]) -> None:
    assert found_in(sites, curiosity=0.0) <= len(sites) / 3


def test_policies_are_compared_before_the_same_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NEW_ITEMS": 6, "VISITS": 16, "MARKETS": 2}.items():
        monkeypatch.setattr(new_items, name, value)
    policies = new_items.arrive(1, 30, 20, 3)
    # What is best for a visit's first slate depends on the visitor alone; later ones leave out what was opened.
    first_slates = [[step.possible for step in steps[::3]] for steps in policies.values()]
    assert len(first_slates[0]) == 16
    assert first_slates == [first_slates[0]] * 3
    found = new_items.measure(1, 30, 20, 3)
    assert set(found) == {"default", "chance alone", "waiting"}
    assert all(0 < figures["deserving_new_items"] <= 12 for figures in found.values())
    for part in ("part 1", "part 6", "all parts"):
        assert found["waiting"][part]["to_waiting"] == 0.0
        assert found["default"][part]["regret_per_1000"] > 0.0
        low, high = found["default"][part]["to_waiting_95"]
        assert low <= found["default"][part]["to_waiting"] <= high


def test_items_stand_where_they_belong_beside_what_old_items_have_of_their_own() -> None:
    new = np.array([True, True, False])
    shown = np.array([[1, 9], [0, 0], [5, 20]])
    found = Standing(new, shown, deserved=np.full((3, 2), 10))
    np.testing.assert_allclose(found.shares(new=False), [0.5, 1.0])
    np.testing.assert_allclose(found.shares(new=True), [0.05, 0.45])
    assert found.stands().tolist() == [[False, True], [False, False], [True, True]]


def test_items_that_never_get_there_are_the_last_of_the_median() -> None:
    assert new_items._median_of(5, [7, 3, 5]) == 7
    assert new_items._median_of(5, [7, 3]) is None
