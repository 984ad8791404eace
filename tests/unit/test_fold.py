"""What each kind of event does to the world, and what does nothing to it."""

import numpy as np
import pytest

from recsys.events import Click, Dismissal, DismissalUndone, Dwell, Event, Impression, ItemRemoved, SlateServed
from recsys.fold import Fold
from recsys.layout import SIGNAL_COUNT, TASTE_START
from recsys.packing import pack
from tests.unit.site import CONFIG, FILMS, WINDOW_S, Site, clicked, seen, slate
from tests.unit.streams import START_MS, film


@pytest.fixture
def site() -> Site:
    return Site()


def test_click_teaches_at_once_and_the_open_window_waits(site: Site) -> None:
    counters = site.happens(slate("0", "1"), seen("0"), seen("1", 1), clicked("1", 1)).learned()
    assert (counters["labels_joined"], counters["labels_pending"]) == (1, 1)
    assert site.choices() == 1


def test_of_several_clicks_on_a_list_the_first_says_how_sessions_differ(site: Site) -> None:
    def shown(name: str) -> list[Event]:
        return [slate("0", "1", "2", name=name), *(seen(str(item), item, name) for item in range(3))]

    site.happens(*shown("a"), clicked("1", 1, "a"), *shown("b"), clicked("1", 1, "b")).learned()
    first = site.world.spread.variance().copy()
    assert (first != Site().world.spread.variance()).any()
    site.happens(clicked("2", 2, "b")).learned()
    np.testing.assert_array_equal(site.world.spread.variance(), first)
    assert site.choices() == 3, "everybody learns from all"


def test_slate_without_click_teaches_when_a_later_record_shows_that_its_window_has_closed(site: Site) -> None:
    site.happens(slate("0", "1"), seen("0"), seen("1", 1)).learned()
    assert site.choices() == 0
    counters = site.happens(film(5), later_s=WINDOW_S).learned()
    assert (counters["labels_expired"], counters["labels_pending"]) == (1, 0)
    assert site.choices() == 1


def late_by_receive_time(site: Site) -> None:
    site.happens(clicked("0", at_ms=START_MS + 1), later_s=WINDOW_S + 1)


def of_an_unknown_slate(site: Site) -> None:
    site.happens(clicked("0", name="never served"))


def of_an_item_not_in_the_slate(site: Site) -> None:
    site.happens(clicked("4"))


def of_an_unknown_item(site: Site) -> None:
    site.happens(clicked("no such film"))


def of_another_session(site: Site) -> None:
    site.happens(Click(event_time_ms=START_MS, session="thief", slate="a", item="0"))


@pytest.mark.parametrize(
    ("click", "counter"),
    [
        (late_by_receive_time, "labels_late"),
        (of_an_unknown_slate, "labels_unknown"),
        (of_an_item_not_in_the_slate, "labels_unknown"),
        (of_an_unknown_item, "unknown_item"),
        (of_another_session, "labels_unknown"),
    ],
)
def test_click_that_joins_nothing_is_counted_and_teaches_nothing(site: Site, click: object, counter: str) -> None:
    assert callable(click)
    site.happens(slate("0", "1")).learned()
    click(site)
    counters = site.learned()
    assert counters[counter] == 1
    assert (counters["clicks"], counters["labels_joined"], site.choices()) == (0, 0, 0)
    assert not site.world.items["clicks"].any()
    assert site.world.serial == 0, "the neighbour index has no session"


def test_click_that_happened_after_the_window_is_late_even_if_its_slate_was_logged_late(site: Site) -> None:
    site.happens(slate("0", at_ms=START_MS), later_s=WINDOW_S)
    counters = site.happens(clicked("0", at_ms=START_MS + WINDOW_S * 1_000)).learned()
    assert (counters["labels_late"], counters["clicks"]) == (1, 0)


def test_what_was_seen_and_clicked_counts_once_in_the_items_statistics(site: Site) -> None:
    site.happens(slate("0", "1"), seen("0"), seen("0"), clicked("0"), clicked("0"))
    counters = site.learned()
    assert counters["labels_duplicate"] == 2
    assert site.world.items["impressions"][0] == 1.0
    assert site.world.items["clicks"][0] == site.world.items["recent_clicks"][0] == 1.0


def test_click_proves_an_impression_that_never_came(site: Site) -> None:
    counters = site.happens(slate("0", "1"), clicked("0")).learned()
    assert site.world.items["impressions"][0] == 1.0
    assert (counters["listed_clicks"], counters["impressions"]) == (1, 1)
    counters = site.happens(seen("0")).learned()
    assert site.world.items["impressions"][0] == 1.0, "nor does it count when it comes at last"
    assert counters["impressions"] == 1


def test_click_on_what_was_refused_unseen_has_an_impression_as_well(site: Site) -> None:
    refused = Dismissal(event_time_ms=START_MS, session="s", slate="a", item="0")
    counters = site.happens(slate("0", "1"), refused, clicked("0")).learned()
    assert (counters["listed_clicks"], counters["impressions"]) == (1, 1)


def test_counts_halve_in_their_half_lives(site: Site) -> None:
    site.happens(slate("0"), seen("0"), clicked("0")).learned()
    later_ms = START_MS + CONFIG.trending_half_life_s * 1_000
    again = slate("0", name="b", at_ms=later_ms), clicked("0", name="b", at_ms=later_ms)
    site.happens(*again, later_s=CONFIG.trending_half_life_s).learned()
    assert site.world.items["recent_clicks"][0] == pytest.approx(1.5)
    kept = 0.5 ** (CONFIG.trending_half_life_s / CONFIG.popularity_half_life_s)
    assert site.world.items["clicks"][0] == pytest.approx(1.0 + kept)
    assert site.world.items["counted_ms"][0] == later_ms


def test_clicks_raise_the_taste_for_what_was_clicked_above_what_was_passed_over(site: Site) -> None:
    for number in range(30):
        name = f"a{number}"
        site.happens(
            SlateServed(event_time_ms=START_MS, session=name, slate=name, surface="new", items=("0", "1", "2")),
            *(
                Impression(event_time_ms=START_MS, session=name, slate=name, item=str(row), position=row)
                for row in range(3)
            ),
            Click(event_time_ms=START_MS, session=name, slate=name, item="0", position=0),
        )
    site.learned()
    tastes = site.world.model.weight_mean()[TASTE_START:]
    horror, comedy = (float(np.sum(site.world.contents["taste"][row] * tastes)) for row in (0, 1))
    assert horror > comedy


# -- dismissals, catalogue, time ---------------------------------------------------------------------------------------


def test_dismissal_teaches_once_also_when_it_is_taken_back_and_repeated(site: Site) -> None:
    dismissal = Dismissal(event_time_ms=START_MS, session="s", slate="a", item="0")
    undone = DismissalUndone(event_time_ms=START_MS, session="s", slate="a", item="0")
    site.happens(slate("0", "1"), seen("0"), dismissal, undone, dismissal).learned()
    assert site.choices() == 1
    site.happens(film(5), later_s=WINDOW_S).learned()
    assert site.choices() == 1, "a slate of which only a refused item was seen has nothing more to say"


def test_refusal_that_is_taken_back_leaves_nothing_in_the_visitors_taste() -> None:
    fold = Fold(CONFIG)
    undone = DismissalUndone(event_time_ms=START_MS, session="s", slate="a", item="0")
    refused = Dismissal(event_time_ms=START_MS, session="s", slate="a", item="0")
    for event in (film(0), film(1), slate("0", "1"), seen("0"), refused):
        fold.take(event, START_MS)
    session = fold.sessions.get("s")
    assert session is not None and len(session.context.taste) == 1
    fold.take(undone, START_MS)
    assert len(session.context.taste) == 0


def test_each_kind_of_event_is_counted(site: Site) -> None:
    about = {"event_time_ms": START_MS, "session": "s", "slate": "a", "item": "0"}
    site.happens(slate("0", "1"), Dwell(**about, dwell_ms=1_000), Dismissal(**about), slate("1", name="b"))
    counters = site.learned()
    counted = {name: counters[name] for name in ("records", "items", "slates", "dwells", "dismissals")}
    assert counted == {"records": FILMS + 4, "items": FILMS, "slates": 2, "dwells": 1, "dismissals": 1}


def test_nothing_happened_before_1970(site: Site) -> None:
    site.happens(film(FILMS, at_ms=-1)).learned()
    assert site.world.catalogue[FILMS].event_time_ms == 0


def test_removed_item_is_no_candidate_but_what_was_learned_of_it_stays(site: Site) -> None:
    site.happens(slate("0", "1"), seen("0"), ItemRemoved(event_time_ms=START_MS, item="0"), clicked("0"))
    site.learned()
    assert not site.world.items["available"][0]
    assert site.world.items["clicks"][0] == 1.0
    site.happens(clicked("1", name="")).learned()
    assert site.learner.metrics()["click_rate"] == pytest.approx(2 / (1 + FILMS - 1)), (
        "five films were left to choose from"
    )
    site.happens(film(0)).learned()
    assert site.world.items["available"][0]
    assert site.world.items["clicks"][0] == 1.0


def test_log_time_is_the_latest_event_time_and_never_past_the_receive_time(site: Site) -> None:
    site.happens(seen("0", name="", at_ms=START_MS + 9_000), later_s=10).learned()
    assert site.world.now_ms == START_MS + 9_000
    site.happens(seen("1", name="", at_ms=START_MS + 3_000), later_s=1).learned()
    assert site.world.now_ms == START_MS + 9_000
    site.happens(film(5, at_ms=site.now_ms + 86_400_000), film(77, at_ms=site.now_ms + 86_400_000)).learned()
    assert site.world.now_ms == site.now_ms
    assert site.world.items["first_seen_ms"][-1] == site.now_ms


def test_slate_from_a_surface_that_is_no_more_is_still_learned_from(site: Site) -> None:
    site.happens(slate("0", surface="banner of 2019"), seen("0"), clicked("0")).learned()
    assert site.choices() == 1


def test_signals_that_are_not_finite_are_replaced_and_not_learned(site: Site) -> None:
    poison = pack(np.full((1, SIGNAL_COUNT), np.nan, dtype="<f4"))
    site.happens(slate("0", signals=poison), seen("0"), clicked("0")).learned()
    assert site.choices() == 1
    assert np.isfinite(site.world.model.weight_mean()).all()
