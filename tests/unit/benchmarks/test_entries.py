"""The first slate on a small generated market, with and without what is known when a visit begins."""

import pytest

from benchmarks.quality import entries
from benchmarks.quality.entries import DIFFER, EntryMarket

SMALL = {"ITEMS": 60, "VISITS": 400, "SLATES": 2, "NEW_VISITORS": 80}


@pytest.fixture(scope="module")
def found() -> entries.Figures:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(entries, name, value)
        return entries.measure(seed=2)


def test_what_is_known_at_entry_makes_the_first_slate_better_where_it_says_something(found: entries.Figures) -> None:
    market = found["wants differ by entry"]
    nothing, told, best = (market[name]["click_through"] for name in ("nothing", "all of it", "the market itself"))
    assert nothing < told < best
    assert told - nothing > 0.1 * (best - nothing), "a tenth of what can be known, on so little"
    assert market["nothing"]["hit_rate"] < market["all of it"]["hit_rate"]


def test_where_it_says_nothing_it_costs_next_to_nothing(found: entries.Figures) -> None:
    market = found["wants do not"]
    assert market["all of it"]["click_through"] > market["nothing"]["click_through"] - 0.02


def test_visitors_of_a_market_come_the_same_way_each_time_and_differ_only_where_they_are_to() -> None:
    market, plain = (EntryMarket(20, 1, differ) for differ in DIFFER.values())
    event = market.began(7, 1_700_000_000_000)
    assert event == plain.began(7, 1_700_000_000_000)
    assert (plain.visitor(7, event).taste == plain.person(7).taste).all()
    assert (market.visitor(7, event).taste != market.person(7).taste).any()
    wanted = market.typical(event).taste + market.person(7).taste
    assert market.visitor(7, event).taste == pytest.approx(wanted)
