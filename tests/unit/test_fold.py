"""What each kind of event does to the world, and what does nothing to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemRemoved,
    ItemUpserted,
    SlateServed,
)
from recsys.layout import SIGNAL_COUNT, TASTE_START
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.log.memory import MemoryLog
from tests.unit.streams import START_MS, film

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
WINDOW_S = CONFIG.attribution_window_s
FILMS = 6


class Site:
    """A log that a test writes event by event, and the learner that folds it."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_MS)
        self.log = MemoryLog(self.clock)
        self.learner = Learner(CONFIG)
        self.world = self.learner.world
        self.log.append([film(number) for number in range(FILMS)])

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def happens(self, *events: Event, later_s: int = 0) -> "Site":
        self.clock.advance(later_s * 1_000)
        self.log.append(events)
        return self

    def learned(self) -> dict[str, int]:
        self.learner.fold(self.log.read(self.world.offset, 10_000))
        return self.learner.counters()

    def choices(self) -> float:
        return self.learner.metrics().get("choices", 0.0)


@pytest.fixture
def site() -> Site:
    return Site()


def slate(*items: str, at_ms: int = START_MS, signals: bytes = b"", surface: str = "new") -> SlateServed:
    return SlateServed(event_time_ms=at_ms, session="s", slate="a", surface=surface, items=items, signals=signals)


def seen(item: str, position: int = 0, name: str = "a", at_ms: int = START_MS) -> Impression:
    return Impression(event_time_ms=at_ms, session="s", slate=name, item=item, position=position)


def clicked(item: str, position: int = 0, name: str = "a", at_ms: int = START_MS) -> Click:
    return Click(event_time_ms=at_ms, session="s", slate=name, item=item, position=position)


def test_click_teaches_at_once_and_the_open_window_waits(site: Site) -> None:
    counters = site.happens(slate("0", "1"), seen("0"), seen("1", 1), clicked("1", 1)).learned()
    assert (counters["labels_joined"], counters["labels_pending"]) == (1, 1)
    assert site.choices() == 1


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
    site.happens(slate("0", "1"), clicked("0")).learned()
    assert site.world.items["impressions"][0] == 1.0
    site.happens(seen("0")).learned()
    assert site.world.items["impressions"][0] == 1.0, "nor does it count when it comes at last"


def test_counts_halve_in_their_half_lives(site: Site) -> None:
    site.happens(slate("0"), seen("0"), clicked("0")).learned()
    later_ms = START_MS + CONFIG.trending_half_life_s * 1_000
    site.happens(clicked("0", name="", at_ms=later_ms), later_s=CONFIG.trending_half_life_s).learned()
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
    horror, comedy = (float(np.sum(site.world.items["taste"][row] * tastes)) for row in (0, 1))
    assert horror > comedy


# -- histories: no slates -------------------------------------------------------------------------------------------


def test_impression_without_slate_is_a_question_about_one_item(site: Site) -> None:
    counters = site.happens(seen("0", name=""), clicked("0", name=""), seen("1", name="")).learned()
    assert (counters["labels_joined"], counters["labels_pending"]) == (1, 2)
    counters = site.happens(film(5), later_s=WINDOW_S).learned()
    assert (counters["labels_expired"], counters["labels_left"]) == (1, 1)
    assert site.choices() == 2


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
    assert (counters["clicks"], counters["labels_pending"]) == (1, 0)
    assert site.learner.metrics()["click_rate"] == pytest.approx(1 / FILMS)
    assert site.world.items["impressions"][:2].tolist() == [1.0, 0.0], "alternatives were not seen"


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


# -- dismissals, catalogue, time ---------------------------------------------------------------------------------------


def test_dismissal_teaches_once_also_when_it_is_taken_back_and_repeated(site: Site) -> None:
    dismissal = Dismissal(event_time_ms=START_MS, session="s", slate="a", item="0")
    undone = DismissalUndone(event_time_ms=START_MS, session="s", slate="a", item="0")
    site.happens(slate("0", "1"), seen("0"), dismissal, undone, dismissal).learned()
    assert site.choices() == 1
    site.happens(film(5), later_s=WINDOW_S).learned()
    assert site.choices() == 1, "a slate of which only a refused item was seen has nothing more to say"


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
    poison = np.full((1, SIGNAL_COUNT), np.nan, dtype="<f4").tobytes()
    site.happens(slate("0", signals=poison), seen("0"), clicked("0")).learned()
    assert site.choices() == 1
    assert np.isfinite(site.world.model.weight_mean()).all()


TIMES = st.integers(-(2**63), 2**64 - 1) | st.integers(START_MS - 10**6, START_MS + 10**6)
IDS = st.sampled_from(("0", "1", "2", "", "unknown"))
SESSIONS = st.sampled_from(("s", "t", ""))
SLATES = st.sampled_from(("", "a", "b"))
POSITIONS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)
NAMES = st.lists(st.text(max_size=4), max_size=3).map(tuple)


def on_an_item(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, event_time_ms=TIMES, session=SESSIONS, slate=SLATES, item=IDS, position=POSITIONS)


EVENTS = st.one_of(
    st.builds(
        ItemUpserted,
        event_time_ms=TIMES,
        item=IDS,
        title=st.text(max_size=4),
        categories=NAMES,
        tags=NAMES,
        year=st.none() | st.integers(-(2**63), 2**63),
    ),
    st.builds(ItemRemoved, event_time_ms=TIMES, item=IDS),
    st.builds(
        SlateServed,
        event_time_ms=TIMES,
        session=SESSIONS,
        slate=SLATES,
        surface=st.sampled_from(("for_you", "new", "")),
        items=st.lists(IDS, max_size=4).map(tuple),
        signals=st.binary(max_size=8) | st.binary(min_size=4 * SIGNAL_COUNT, max_size=4 * SIGNAL_COUNT),
    ),
    *(on_an_item(kind) for kind in (Impression, Click, Dismissal, DismissalUndone)),
    st.builds(Dwell, event_time_ms=TIMES, session=SESSIONS, item=IDS, dwell_ms=POSITIONS),
)


@given(events=st.lists(EVENTS, max_size=25))
@settings(max_examples=60, deadline=None)
def test_whatever_decodes_can_be_folded(events: list[Event]) -> None:
    learner = Learner(CONFIG)
    received_ms = START_MS
    for event in events:
        received_ms += 50_000
        learner.fold([Record(f"{received_ms}-0", event, b"")])
    assert learner.counters()["records"] == len(events)
    assert np.isfinite(learner.world.model.weight_mean()).all()
    assert (learner.world.items["counted_ms"] <= received_ms).all()
    snapshot = learner.snapshot()
    assert Learner.from_snapshot(CONFIG, snapshot).snapshot() == snapshot
