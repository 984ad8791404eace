"""The counts are those of a naive recount, however the log is cut, and whatever was stored between."""

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.aggregates.buckets import DAY_MS, HOUR_MS
from recsys.aggregates.fold import AggregateFold
from recsys.aggregates.increments import (
    DELAYS,
    EITHER,
    ENDS,
    EVERY_ARM,
    ITEMS,
    NTH,
    POSITIONS,
    SITTINGS,
    TRAFFIC,
    Increments,
)
from recsys.aggregates.open import KEPT_MS
from recsys.events import Click, Impression, ItemUpserted, SessionEvent, SessionForgotten, SlateServed
from recsys.log.base import Record
from tests.unit.aggregates import recount
from tests.unit.aggregates.visits import START_MS, append, visits

GAP_MS = 1_800_000
COLUMNS = {
    "traffic": TRAFFIC,
    "sittings": SITTINGS,
    "nth": NTH,
    "ends": ENDS,
    "items": ITEMS,
    "positions": POSITIONS,
    "delays": DELAYS,
}


def counted(log: Sequence[Record], cuts: Iterable[int] = (), *, restart: bool = False) -> dict[str, Any]:
    """Return all tables after folding the log in pieces; with `restart` another fold goes on after each piece."""
    tables: dict[str, Any] = {name: collections.Counter() for name in COLUMNS} | {"sessions": {}, "shown": {}}
    fold = AggregateFold(GAP_MS)
    start = 0
    for end in [*sorted(cuts), len(log)]:
        for record in log[start:end]:
            fold.take(record.event, record.offset, record.received_ms)
        add(tables, fold.drain())
        start = end
        if restart:
            stored = fold.state()
            fold = AggregateFold(GAP_MS)
            fold.restore(stored)
    return tables


def add(tables: dict[str, Any], out: Increments) -> None:
    """Do what a database does with increments."""
    for name, columns in COLUMNS.items():
        for key, row in getattr(out, name).items():
            for column, count in zip(columns, row, strict=True):
                tables[name][*key, column] += count
    rows = {offset: row for offset, row in tables["sessions"].items() if row.session not in out.forgotten}
    tables["sessions"] = {**rows, **out.sessions}
    tables["shown"].update(out.shown)


def known(counts: Any) -> dict[Any, int]:
    return {key: count for key, count in counts.items() if count}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.sets(st.integers(0, 430), max_size=6), restart=st.booleans())
def test_counts_are_the_same_however_the_log_is_cut_and_whoever_goes_on(
    seed: int, cuts: set[int], restart: bool
) -> None:
    log = visits(seed, 400)
    assert {name: known(table) for name, table in counted(log, cuts, restart=restart).items()} == {
        name: known(table) for name, table in counted(log).items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_the_same_when_nearly_all_that_is_open_waits_on_disk(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = visits(seed, 600)
    in_memory = counted(log)
    monkeypatch.setattr("recsys.aggregates.open.SLATES_IN_MEMORY", 1)
    monkeypatch.setattr("recsys.aggregates.open.SITTINGS_IN_MEMORY", 1)
    assert counted(log, cuts=(200, 400), restart=True) == in_memory


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_counts_are_those_of_a_naive_recount(seed: int) -> None:
    log = visits(seed, 500)
    tables, slow = counted(log), recount.recount(log, GAP_MS)

    columns = {key[-1] for key in slow.traffic}
    assert known({key: n for key, n in tables["traffic"].items() if key[-1] in columns}) == known(slow.traffic)
    assert known({key: n for key, n in tables["items"].items() if not key[-1].startswith("exp")}) == known(slow.items)
    assert known(tables["positions"]) == known(slow.positions)
    assert known(tables["delays"]) == known(slow.delays)
    assert known({key[:-1]: n for key, n in tables["ends"].items()}) == known(recount.ends(slow.sittings))
    named = {sat.first.offset for sat in slow.sittings if _session(sat.first) not in slow.forgotten}
    assert set(tables["sessions"]) == named
    assert known(tables["nth"]) == known(recount.nth(slow.sittings))
    assert known(tables["sittings"]) == known(recount.moments(slow.sittings))


def _session(record: Record) -> str:
    assert isinstance(record.event, SessionEvent)
    return record.event.session


def test_forgotten_session_has_no_row_and_counts_of_nobody_stay() -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS))
    append(log, START_MS + 1, SessionForgotten(event_time_ms=START_MS, session="s"))
    append(log, START_MS + 2, slate("s", 2, START_MS))
    for cuts in ((), (1,), (2,)):
        tables = counted(log, cuts, restart=True)
        assert tables["sessions"] == {}
        assert sum(n for key, n in tables["sittings"].items() if key[-1] == "sessions") == 1
        assert sum(n for key, n in tables["traffic"].items() if key[-1] == "slates") == 1


def test_visits_of_the_recount_have_everything_in_them() -> None:
    tables = counted(visits(seed=3, events=2_000))
    for name in COLUMNS:
        assert known(tables[name]), name
    assert {key[3] for key in tables["traffic"]} >= {"for_you", "trending", "unknown", "history"}
    assert {key[1] for key in tables["traffic"]} == {"adaptive", "control", ""}
    assert len({row.day_ms for row in tables["shown"].values()}) > 2


def slate(session: str, number: int, at_ms: int, **more: Any) -> SlateServed:
    fields: dict[str, Any] = {"surface": "for_you", "items": ("a", "b", "c"), "version": "1-0", **more}
    return SlateServed(event_time_ms=at_ms, session=session, slate=f"{session}-{number}", **fields)


def test_click_without_an_impression_proves_one_and_neither_counts_twice() -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS))
    place: dict[str, Any] = {"session": "s", "slate": "s-1", "item": "b", "position": 1}
    for kind in (Click, Click, Impression, Click):
        append(log, START_MS + 5_000, kind(event_time_ms=START_MS + 4_000, **place))
    (row,) = counted(log)["sessions"].values()
    assert (row.impressions, row.clicks) == (1, 1)
    assert known(counted(log)["delays"]) == {
        (1_699_920_000_000, "adaptive", False, 2, name): 1 for name in ("clicks", "first_clicks")
    }


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_in_no_row_clicks_outnumber_impressions(seed: int) -> None:
    tables = counted(visits(seed, 600))
    for name in ("traffic", "sittings", "nth", "items", "positions"):
        for key, clicks in tables[name].items():
            if key[-1] in ("clicks", "explored_clicks") and not {"history", "unknown"} & set(key):
                impressions = tables[name][*key[:-1], key[-1].replace("clicks", "impressions")]
                assert 0 <= clicks <= impressions, (name, key)
    for row in tables["sessions"].values():
        assert row.clicks <= row.impressions
        assert row.explored_clicks <= row.explored_impressions


def test_click_past_midnight_counts_on_the_day_on_which_it_was_seen() -> None:
    midnight_ms = START_MS // DAY_MS * DAY_MS + DAY_MS
    log: list[Record] = []
    append(log, midnight_ms - 9_000, slate("s", 1, midnight_ms - 9_000))
    place: dict[str, Any] = {"session": "s", "slate": "s-1", "item": "b", "position": 1}
    append(log, midnight_ms - 5_000, Impression(event_time_ms=midnight_ms - 5_000, **place))
    append(log, midnight_ms + 5_000, Click(event_time_ms=midnight_ms + 5_000, **place))
    for tables in (counted(log), counted(log, (1, 2), restart=True)):
        day = (midnight_ms - DAY_MS, "b", "adaptive", False)
        assert known(tables["items"]) == {(*day, "impressions"): 1, (*day, "clicks"): 1}
        clicks = {key[0] for key, n in tables["traffic"].items() if key[-1] == "clicks" and n}
        assert clicks == {midnight_ms - HOUR_MS}


def test_click_after_midnight_on_what_was_seen_after_it_counts_on_the_new_day() -> None:
    midnight_ms = START_MS // DAY_MS * DAY_MS + DAY_MS
    log: list[Record] = []
    append(log, midnight_ms - 9_000, slate("s", 1, midnight_ms - 9_000))
    place: dict[str, Any] = {"session": "s", "slate": "s-1", "item": "b", "position": 1}
    append(log, midnight_ms + 5_000, Impression(event_time_ms=midnight_ms + 5_000, **place))
    append(log, midnight_ms + 6_000, Click(event_time_ms=midnight_ms + 6_000, **place))
    assert {key[0] for key in known(counted(log, (1, 2), restart=True)["items"])} == {midnight_ms}


def test_click_after_coming_back_to_a_list_proves_an_impression_in_that_sitting_and_no_second_one_of_the_slot() -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS))
    place: dict[str, Any] = {"session": "s", "slate": "s-1", "item": "b", "position": 1}
    append(log, START_MS + 1, Impression(event_time_ms=START_MS, **place))
    back_ms = START_MS + GAP_MS + 2
    append(log, back_ms, Click(event_time_ms=back_ms, **place))
    tables = counted(log)
    assert [(row.impressions, row.clicks) for row in tables["sessions"].values()] == [(1, 0), (1, 1)]
    assert sum(n for key, n in tables["items"].items() if key[-1] == "impressions") == 1


@pytest.mark.parametrize(("session", "position"), [("thief", 1), ("s", 99), ("s", -1)])
def test_click_on_anothers_list_or_where_the_list_has_no_place_is_unknown(session: str, position: int) -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS))
    append(log, START_MS + 9, Click(event_time_ms=START_MS, session=session, slate="s-1", item="b", position=position))
    clicks = {key[3]: n for key, n in counted(log)["traffic"].items() if key[-1] == "clicks" and n}
    assert clicks == {"unknown": 1}


@pytest.mark.parametrize(
    ("surface", "named", "counted_under"),
    [("history", "s-1", "history"), ("for_you", "never-served", "unknown"), ("for_you", "", "history")],
)
def test_click_on_no_list_of_ours_opens_the_item_and_has_no_part_in_a_rate(
    surface: str, named: str, counted_under: str
) -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS, surface=surface, version=""))
    append(log, START_MS + 9, Click(event_time_ms=START_MS, session="s", slate=named, item="b", position=1))
    tables = counted(log)
    assert {key[1:]: n for key, n in known(tables["items"]).items()} == {("b", "", False, "loose_clicks"): 1}
    clicks = {key[3]: n for key, n in tables["traffic"].items() if key[-1] == "clicks" and n}
    assert clicks == {counted_under: 1}
    assert [(row.impressions, row.clicks) for row in tables["sessions"].values()] == [(0, 0)]


def test_slate_that_names_no_version_was_made_elsewhere_and_has_no_arm() -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS, version=""))
    assert {key[1] for key in counted(log)["traffic"]} == {""}


def test_session_that_comes_back_after_its_gap_sits_down_again() -> None:
    log: list[Record] = []
    for number, at_ms in enumerate((START_MS, START_MS + GAP_MS, START_MS + 2 * GAP_MS + 1)):
        append(log, at_ms, slate("s", number, at_ms))
    assert [row.slates for row in counted(log)["sessions"].values()] == [2, 1]


def test_concentration_is_even_when_all_are_shown_alike_and_full_when_one_is() -> None:
    for shown, gini, top in ((range(20), 0, 100_000), ([7] * 20, 950_000, 1_000_000)):
        log: list[Record] = []
        for number in range(20):
            append(log, START_MS, ItemUpserted(event_time_ms=START_MS, item=str(number), title="x"))
        for number, item in enumerate(shown):
            append(log, START_MS, slate("s", number, START_MS, items=(str(item),)))
            place: dict[str, Any] = {"session": "s", "slate": f"s-{number}", "item": str(item)}
            append(log, START_MS, Impression(event_time_ms=START_MS, **place))
        row = counted(log)["shown"][1_699_920_000_000, EVERY_ARM, EITHER]
        assert (row.items_shown, row.catalogue, row.gini_ppm, row.top_tenth_ppm) == (len(set(shown)), 20, gini, top)


def test_item_that_is_clicked_more_is_less_new() -> None:
    log: list[Record] = []
    append(log, START_MS, slate("s", 1, START_MS))
    for item, position in (("a", 0), ("b", 1), ("a", 0)):
        place: dict[str, Any] = {"session": "s", "slate": "s-1", "item": item, "position": position}
        append(log, START_MS, Impression(event_time_ms=START_MS, **place))
    before = counted(log)["traffic"][1_699_999_200_000, "adaptive", False, "for_you", "novelty_millibits"]
    clicks = [Click(event_time_ms=START_MS, session="h", item="a") for _ in range(8)]
    history: list[Record] = []
    for click in clicks:
        append(history, START_MS - 1, click)
    after = counted([*history, *log])["traffic"][1_699_999_200_000, "adaptive", False, "for_you", "novelty_millibits"]
    # Of 1 item and 0 clicks, then of 2 and 0: log2(1) + log2(2). With 8 clicks on a: log2(9/9) + log2(10/1).
    assert before == 1_000
    assert after == pytest.approx(3_322, abs=1)


def test_memory_is_bounded() -> None:
    fold = AggregateFold(GAP_MS, max_open=10)
    log: list[Record] = []
    for number in range(100):
        append(log, START_MS + number, slate(f"s{number}", 1, START_MS))
    for record in log:
        fold.take(record.event, record.offset, record.received_ms)
    assert len(fold._slates.held) <= 10
    assert len(fold._sittings.held) <= 10


def test_what_is_over_is_let_go_of() -> None:
    fold = AggregateFold(GAP_MS)
    log: list[Record] = []
    for number in range(2_000):
        at_ms = START_MS + number * 60_000
        append(log, at_ms, slate(f"s{number}", 1, at_ms))
    sizes = []
    for record in log:
        fold.take(record.event, record.offset, record.received_ms)
        sizes.append((len(fold._slates.held), len(fold._sittings.held)))
    assert max(slates for slates, _ in sizes) <= KEPT_MS // 60_000 + 2
    assert max(sittings for _, sittings in sizes) <= GAP_MS // 60_000 + 2
    assert len(fold.state()) < 60_000
