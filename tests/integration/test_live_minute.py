"""The live page's minute as a table: what the log has of it, second by second, under an address of its own."""

from typing import Any

import msgspec
import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.http import QueryDict
from django.test import Client

from recsys.errors import LogUnavailable
from recsys.events import Click, Event, SlateServed, encode
from recsys.log.archive import write_segment
from recsys.log.base import records
from recsys.log.keys import LogKeys
from webapp import wiring
from webapp.analytics import minutes, samples, tail
from webapp.analytics.samples import Sample
from webapp.tracking import edge as edges
from webapp.tracking.consent import visit_from
from webapp.tracking.edge import Note
from webapp.training import services

pytestmark = pytest.mark.django_db

LIVE = "/staff/live/"
#: When the minute ends, and what addresses call it.
ENDS_MS, NAME = 1_700_000_000_000, "2023-11-14T22:13:20"
STARTS_MS = ENDS_MS - minutes.MINUTE_MS


@pytest.fixture
def watcher(client: Client, wired: redis.Redis) -> Client:
    tail.slate_times.cache_clear()
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_live"))
    client.force_login(user)
    return client


def log_at(at_ms: int, *events: Event) -> None:
    """Put events into the log as if they had been received then."""
    for event in events:
        wiring.redis_client().xadd(LogKeys(0).stream, {"event": encode(event)}, id=f"{at_ms}-*")


def note_at(at_ms: int, **note: Any) -> None:
    """Note what the log does not hold as if that had been then."""
    payload = msgspec.json.encode(Note(at_ms=at_ms, **note))
    wiring.redis_client().xadd(edges.NOTES_KEY, {"note": payload}, id=f"{at_ms}-*")


def click(session: str = "s", *, simulated: bool = False) -> Click:
    return Click(event_time_ms=1, session=session, seq=0, item="7", simulated=simulated)


def rows(client: Client, **query: str) -> dict[int, Any]:
    """Return what the page shows by second of the minute, first to last."""
    shown = client.get(LIVE, {"minute": NAME, **query}).context["minute"].everything()
    return {(row.at_ms - STARTS_MS) // 1_000: row for row in shown}


def test_each_second_counts_what_the_log_received_in_it(watcher: Client):
    log_at(STARTS_MS - 1, click())
    log_at(STARTS_MS, click(), click("made-up", simulated=True))
    slate = SlateServed(event_time_ms=1, session="s", slate="a", surface="for_you", items=("7", "8"), explored=(1,))
    log_at(STARTS_MS + 2_999, slate)
    log_at(ENDS_MS - 1, click())
    log_at(ENDS_MS, click())
    found = rows(watcher)
    assert sorted(found) == list(range(60))
    assert {second: row.events for second, row in found.items() if row.events} == {0: 2, 2: 1, 59: 1}
    assert (found[0].simulated, found[2].explored) == (1, 1)


def test_what_the_log_does_not_hold_is_counted_beside_it(watcher: Client):
    note_at(STARTS_MS - 1, outcome="refused", reason="not_shown", session="s", count=1)
    note_at(STARTS_MS + 5_000, outcome="duplicate", reason="", session="s", count=3)
    found = rows(watcher)
    assert (found[5].outside, found[5].events) == (3, 0)
    assert sum(row.outside for row in found.values()) == 3


def test_own_session_is_counted_apart(watcher: Client):
    visit = visit_from({"freshet_consent": "session"}, wiring.clock().now_ms())
    watcher.cookies["freshet_session"] = visit.token
    watcher.cookies["freshet_consent"] = "session"
    log_at(STARTS_MS, click(visit.session), click("another"))
    assert rows(watcher)[0].yours == 1


def test_lag_stands_where_a_sample_was_taken(watcher: Client, wired: redis.Redis):
    sample = Sample(at_ms=STARTS_MS + 7_400, events=1, impressions=0, clicks=0, lag_ms=340)
    wired.lpush(samples.SAMPLES_KEY, msgspec.json.encode(sample))
    assert {second: row.lag_ms for second, row in rows(watcher).items() if row.lag_ms is not None} == {7: 340}


def test_address_shows_the_same_minute_after_more_has_come_and_the_log_was_archived(watcher: Client):
    log_at(STARTS_MS + 1_000, click(), click())
    before = rows(watcher)
    log_at(ENDS_MS + 60_000, click())
    log = wiring.event_log()
    archived = list(records(log))
    write_segment(wiring.archive_path(), archived)
    log.trim(archived[-1].offset)
    assert rows(watcher) == before


def test_minute_that_was_not_named_is_the_last_one_and_gets_its_name(watcher: Client):
    response = watcher.get(LIVE, {"minute": "", "simulated": "no"})
    assert response.status_code == 302
    named = QueryDict(response["Location"].removeprefix(f"{LIVE}?"))
    assert named["simulated"] == "no"
    ends_ms = minutes.end_of(named["minute"], wiring.clock().now_ms())
    assert ends_ms is not None and wiring.clock().now_ms() - ends_ms < minutes.MINUTE_MS


def test_table_sorts_filters_pages_and_exports(watcher: Client):
    log_at(STARTS_MS + 3_000, click())
    log_at(STARTS_MS + 9_000, click(), click())
    listing = watcher.get(LIVE, {"minute": NAME, "minute_sort": "-events", "minute_page": "3"}).context["minute"]
    assert [row.events for row in listing.everything()][:3] == [2, 1, 0]
    assert listing.page.number == 3
    assert list(rows(watcher, minute_events_min="2")) == [9]
    exported: Any = watcher.get(LIVE, {"minute": NAME, "csv": "minute", "minute_events_min": "1"})
    head, *lines = b"".join(exported.streaming_content).decode().splitlines()
    assert head == "at_ms,events,simulated,yours,explored,outside,lag_ms"
    assert [line.split(",")[:2] for line in lines] == [
        ["2023-11-14T22:12:29+00:00", "2"],
        ["2023-11-14T22:12:23+00:00", "1"],
    ]


def test_simulated_visitors_can_be_left_out(watcher: Client):
    log_at(STARTS_MS, click(), click("made-up", simulated=True))
    assert rows(watcher, simulated="no")[0].events == 1


def test_minute_with_more_than_is_read_says_how_far_it_is_counted(watcher: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(minutes, "MOST_LINES", 3)
    for second in range(3):
        log_at(STARTS_MS + 1_000 * second, click(), click())
    assert [row.events for row in rows(watcher).values()] == [2]
    page = watcher.get(LIVE, {"minute": NAME}).content.decode()
    assert "only the first second of it is" in page


def test_htmx_gets_the_table_alone(watcher: Client):
    part = watcher.get(LIVE, {"minute": NAME}, headers={"HX-Request": "true", "HX-Target": "last-minute"})
    assert b"<html" not in part.content and b"Without the table" in part.content
    part = watcher.get(LIVE, headers={"HX-Request": "true", "HX-Target": "last-minute"})
    assert b"<table" not in part.content and b"The last minute as a table" in part.content


@pytest.mark.parametrize(
    "name", ["soon", "2023-11-14", "0001-01-01T00:00:00", "1970-01-01T00:01:00", "9999-12-31T23:59:59"]
)
def test_minute_that_is_none_is_named(watcher: Client, name: str):
    response = watcher.get(LIVE, {"minute": name})
    assert response.status_code == 400
    assert f"received “{name}”" in response.content.decode()


def test_without_redis_the_page_says_that_the_minute_can_t_be_read(watcher: Client, without_redis: None):
    page = watcher.get(LIVE, {"minute": NAME}).content.decode()
    assert "the minute can't be read now" in page


def test_damaged_archive_is_named_in_place_of_the_minute(watcher: Client):
    log_at(STARTS_MS, click())
    archived = list(records(wiring.event_log()))
    segment = write_segment(wiring.archive_path(), archived)
    segment.write_bytes(b"not what was written")
    wiring.event_log().trim(archived[-1].offset)
    response = watcher.get(LIVE, {"minute": NAME})
    assert response.status_code == 200
    assert f"so the minute can't be shown: expected a Parquet segment in {segment}" in response.content.decode()


def test_event_of_a_session_that_rests_in_a_damaged_archive_is_shown_all_the_same(watcher: Client):
    log, now_ms = wiring.event_log(), wiring.clock().now_ms()
    of_it: dict[str, Any] = {"event_time_ms": now_ms, "session": "s", "slate": "a"}
    log.append([SlateServed(surface="for_you", items=("7", "8"), **of_it), Click(seq=1, item="7", position=0, **of_it)])
    archived = list(records(log))
    segment = write_segment(wiring.archive_path(), archived)
    services.resting().run(f"{now_ms + 10**9}-0", now_ms + 10**9)
    log.trim(archived[-1].offset)
    segment.write_bytes(b"not what was written")
    log.append([Click(seq=2, item="8", position=1, **of_it)])
    with pytest.raises(LogUnavailable):
        log.session_events("s")
    assert [line.title for line in watcher.get(LIVE).context["lines"]] == ["8"]
