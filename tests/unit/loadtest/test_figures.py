"""The report says what was measured, from where measuring began, and nothing where nothing was."""

from typing import Any

import pytest

from loadtest.conservation import Conservation
from loadtest.document import document
from loadtest.figures import Watched, click_through, figures
from loadtest.recorder import Measured
from loadtest.stack import Sample

BEGAN_S = 1_000.0
SOUND = Conservation(acknowledged=300, logged=300, lost=0, doubled=0, examples=[])


def measured(**changes: Any) -> Measured:
    fields: dict[str, Any] = {
        "scenario": "steady",
        "known_items": 1_682,
        "began_s": BEGAN_S,
        "measured_from_s": 10.0,
        "ended_s": 25.0,
        "clicks": [(5.0, 900.0, 900.0), (12.0, 2.0, 6.0), (13.0, 4.0, 8.0), (14.0, 6.0, None)],
        "late_ms": [(5.0, 99.0), (12.0, 1.0)],
        "sockets": [(5.0, 7), (12.0, 10), (20.0, 9)],
        "acknowledged": [50] * 10 + [20] * 10 + [0] * 6,
        "kinds": {"click": 40, "impression": 160},
        "outcomes": {"accepted": 700},
        "errors": {},
        "looks": {"adaptive": [(0, 10, 5), (12, 4, 1), (15, 4, 1)], "control": []},
        "pages_ms": [20.0],
    }
    return Measured(**{**fields, **changes})


def test_what_happened_while_visitors_arrived_is_left_out():
    report = figures(measured(), Watched(), SOUND)
    assert (report["seconds"], report["events_per_s"], report["sockets"]) == (10.0, 20.0, 10)
    assert report["ack_ms"]["p99"] == 6.0
    assert report["generator_late_ms"]["max"] == 1.0


def test_click_without_a_slate_counts_as_acknowledged_only():
    report = figures(measured(), Watched(), SOUND)
    assert (report["ack_ms"]["n"], report["slate_ms"]["n"]) == (3, 2)


def test_memory_is_the_largest_and_its_growth_from_begin_to_end_and_from_the_middle():
    seen = ((5, 1.0), (11, 300.0), (12, 320.0), (13, 308.0), (14, 310.0))
    samples = [Sample(BEGAN_S + at, {"web": mb}, {"web": 50.0}) for at, mb in seen]
    report = figures(measured(), Watched(samples, [(BEGAN_S + 12, 80.0), (BEGAN_S + 5, 9_000.0)]), SOUND)
    assert (report["rss_mb"], report["rss_growth_mb"]) == ({"web": 320.0}, {"web": 10.0})
    assert report["rss_growth_late_mb"] == {"web": 2.0}
    assert report["cpu_percent"] == {"web": 50.0}
    assert report["fold_lag_ms_p99"] == 80.0


def test_lost_event_shows():
    report = figures(measured(), Watched(), Conservation(300, 299, 1, 0, ["s/1"]))
    assert (report["acknowledged"], report["logged_once"], report["conservation"]["lost"]) == (300, 299, 1)


def test_site_elsewhere_has_no_figures_of_its_inside():
    report = figures(measured(), Watched(), None)
    assert report["logged_once"] is None
    assert report["conservation"] is None
    assert report["fold_lag_ms_p99"] is None
    assert report["rss_mb"] == {}


def test_run_in_which_nothing_happened_has_a_report_all_the_same():
    report = figures(measured(clicks=[], acknowledged=[0], kinds={}, sockets=[], looks={}), Watched(), None)
    assert report["ack_ms"] == {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    assert report["events_per_s"] == 0.0


def test_click_through_has_its_interval_and_puts_long_visits_together():
    found = click_through([(0, 10, 5), (12, 4, 1), (15, 4, 1)])
    assert (found["slates"], found["clicked"]) == (18, 7)
    assert [row["clicks_before"] for row in found["by_clicks_before"]] == [0, 10]
    for row in (found, *found["by_clicks_before"]):
        assert row["low"] <= row["rate"] <= row["high"]
    assert found["by_clicks_before"][1]["rate"] == pytest.approx(0.25)


@pytest.mark.parametrize(("known_items", "told"), [(1_682, "over 1,682 films"), (0, "Visitors had no tastes")])
def test_page_says_whether_visitors_had_tastes(known_items: int, told: str):
    seen = measured(known_items=known_items)
    assert told in document(figures(seen, Watched(), SOUND), seen, Watched())
