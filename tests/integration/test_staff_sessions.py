"""The sessions pages: find one, read it, take it away."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.db.models import F
from django.test import Client

from recsys.events import Click, Dwell, Event, Impression, ItemUpserted, SlateServed, decode_json
from recsys.log.archive import write_segment
from recsys.log.base import records
from tests.integration.staff_pages import text
from webapp import wiring
from webapp.analytics.aggregating import AggregateWriter
from webapp.analytics.models import AggregateProgress, SessionSitting
from webapp.feed.lens import journeys

pytestmark = pytest.mark.django_db

PAGE = "/staff/sessions/"


@pytest.fixture
def staff(client: Client, wired: redis.Redis) -> Iterator[User]:
    for cached in (journeys.journeys, journeys._past):
        cached.cache_clear()
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_sessions"))
    client.force_login(user)
    yield user
    journeys.journeys().close()


def visit(session: str, clicks: int, *, simulated: bool = False) -> list[Event]:
    """Log a visit that sees three films and opens some of them; return it."""
    now_ms = wiring.clock().now_ms()
    shown: dict[str, Any] = {"session": session, "slate": f"slate-{session}", "simulated": simulated}
    events: list[Event] = [
        SlateServed(event_time_ms=now_ms, surface="for_you", items=("1", "2", "3"), explored=(2,), **shown),
        *(
            Impression(event_time_ms=now_ms + 10, seq=place + 1, item=str(place + 1), position=place, **shown)
            for place in range(3)
        ),
        *(
            Click(event_time_ms=now_ms + 20, seq=10 + place, item=str(place + 1), position=place, **shown)
            for place in range(clicks)
        ),
        Dwell(event_time_ms=now_ms + 30, seq=20, item="1", dwell_ms=4_000, session=session, simulated=simulated),
    ]
    wiring.event_log().append(events)
    return events


def count() -> None:
    """Count the log, as the worker does."""
    AggregateWriter(wiring.event_log(), wiring.config().session_gap_s * 1_000).run(1_000)


def listed(client: Client, **query: str) -> list[str]:
    return [row.session for row in client.get(PAGE, query).context["sessions"].everything()]


def test_sessions_are_sorted_and_filtered_by_how_long_they_lasted(client: Client, staff: User):
    visit("long", 1)
    visit("short", 1)
    count()
    SessionSitting.objects.filter(session="long").update(ended_ms=F("started_ms") + 90_000)
    SessionSitting.objects.filter(session="short").update(ended_ms=F("started_ms") + 1_000)
    assert listed(client, sort="-lasted_ms") == ["long", "short"]
    assert listed(client, lasted_ms_min="1500") == ["long"]


def test_without_sessions_the_page_says_how_one_comes(client: Client, staff: User):
    assert "your visit appears here" in text(client.get(PAGE))


def test_pages_are_for_those_who_may_see_them(client: Client, wired: redis.Redis):
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert {client.get(path).status_code for path in (PAGE, f"{PAGE}s/", f"{PAGE}s/?json")} == {403}


def test_sessions_are_found_by_id_events_and_whether_somebody_was_there(client: Client, staff: User):
    visit("quiet-1", 0)
    visit("busy-2", 3)
    visit("made-up-3", 1, simulated=True)
    count()
    assert set(listed(client)) == {"quiet-1", "busy-2", "made-up-3"}
    assert listed(client, session="busy") == ["busy-2"]
    assert listed(client, clicks_min="1", sort="-clicks") == ["busy-2", "made-up-3"]
    assert listed(client, events_max="5") == ["quiet-1"]
    assert listed(client, simulated="yes") == ["made-up-3"]
    assert listed(client, last_action="dwell", simulated="no", sort="session") == ["busy-2", "quiet-1"]


def test_listing_costs_as_many_queries_as_there_are_pages_to_show_not_sessions(
    client: Client, staff: User, django_assert_max_num_queries: Any
):
    for number in range(30):
        visit(f"s-{number}", 1)
    count()
    with django_assert_max_num_queries(8):
        client.get(PAGE)


def test_session_page_shows_what_was_logged_in_order(client: Client, staff: User):
    wiring.event_log().append([ItemUpserted(event_time_ms=1, item="1", title="Alien")])
    events = visit("s-1", 2)
    visit("other", 1)
    count()
    response = client.get(f"{PAGE}s-1/")
    rows = list(response.context["events"].everything())
    assert [row.kind for row in rows] == ["slate", *["impression"] * 3, "click", "click", "dwell"]
    assert [row.number for row in rows] == list(range(1, len(events) + 1))
    assert (rows[0].items, rows[0].explored, rows[-1].dwell_ms) == (3, 1, 4_000)
    assert "2 opened of 3 seen on lists of ours;" in text(response)
    assert "Step 7 of 7" in text(response)


def test_each_step_has_an_address(client: Client, staff: User):
    visit("s-1", 2)
    page = text(client.get(f"{PAGE}s-1/", {"step": "0"}))
    assert "Step 1 of 7" in page
    assert "a list was shown" in page


def test_json_export_is_the_log_as_it_stands(client: Client, staff: User):
    events = visit("s/1 ünusual", 2)
    response = client.get(f"{PAGE}s/1 ünusual/?json")
    assert response["Content-Disposition"] == 'attachment; filename="session-s_1__nusual.json"'
    document = msgspec.json.decode(response.content, type=dict[str, Any])
    assert document["session"] == "s/1 ünusual"
    assert [decode_json(msgspec.json.encode(event)) for event in document["events"]] == events


def test_csv_export_has_a_line_for_each_event(client: Client, staff: User):
    events = visit("s-1", 2)
    response: Any = client.get(f"{PAGE}s-1/?csv=events")
    lines = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [line["kind"] for line in lines] == [event.tag() for event in events]


def test_archived_session_is_read_from_the_archive(client: Client, staff: User, wired: redis.Redis):
    events = visit("s-1", 1)
    write_segment(wiring.archive_path(), list(records(wiring.event_log())))
    wiring.event_log().forget_session("s-1")
    assert client.get(f"{PAGE}s-1/").context["events"].total == len(events)


def test_archive_is_searched_where_the_session_is_known_to_be(client: Client, staff: User):
    events = visit("s-1", 1)
    count()
    write_segment(wiring.archive_path(), list(records(wiring.event_log())))
    wiring.event_log().forget_session("s-1")
    later_ms = SessionSitting.objects.get().ended_ms + 1
    elsewhere = f"{later_ms:015d}-{0:010d}_{later_ms:015d}-{0:010d}.parquet"
    (wiring.archive_path() / elsewhere).write_bytes(b"to read this would fail")
    assert client.get(f"{PAGE}s-1/").context["events"].total == len(events)


def test_archive_is_searched_for_an_unknown_session_after_what_is_counted(client: Client, staff: User):
    visit("s-1", 1)
    count()
    counted = list(records(wiring.event_log()))
    segment = write_segment(wiring.archive_path(), counted)
    segment.write_bytes(b"to read this would fail")
    assert client.get(f"{PAGE}nobody/").status_code == 404
    events = visit("s-2", 1)
    write_segment(wiring.archive_path(), list(records(wiring.event_log()))[len(counted) :])
    wiring.event_log().forget_session("s-2")
    assert client.get(f"{PAGE}s-2/").context["events"].total == len(events)


def test_archive_that_can_not_be_read_is_said_to_be_damaged(client: Client, staff: User):
    visit("s-1", 1)
    count()
    segment = write_segment(wiring.archive_path(), list(records(wiring.event_log())))
    segment.write_bytes(b"not what was written")
    wiring.event_log().forget_session("s-1")
    response = client.get(f"{PAGE}s-1/")
    assert response.status_code == 200
    assert f"can't be shown: expected a Parquet segment in {segment}" in text(response)
    assert client.get(f"{PAGE}s-1/?json")["Content-Type"].startswith("text/html")
    SessionSitting.objects.all().delete()
    AggregateProgress.objects.all().delete()
    assert client.get(f"{PAGE}s-1/").status_code == 503


def test_session_that_nobody_knows_is_not_found(client: Client, staff: User):
    response = client.get(f"{PAGE}nobody/")
    assert response.status_code == 404
    assert "Nothing is known of a session with this id" in text(response)
    assert client.get(f"{PAGE}nobody/?json").status_code == 404


def test_session_id_from_elsewhere_is_shown_harmless(client: Client, staff: User):
    visit("<script>alert(1)</script>", 1)
    count()
    assert b"<script>alert" not in client.get(PAGE).content
    assert b"<script>alert" not in client.get(f"{PAGE}<script>alert(1)</script>/").content


def test_without_redis_what_is_archived_is_still_there(client: Client, staff: User, without_redis: None):
    SessionSitting.objects.create(
        first_offset="5-0", session="s-1", last_offset="9-0", started_ms=5, ended_ms=9, arm="adaptive", simulated=False,
        events=1, slates=1, impressions=0, clicks=0, explored_impressions=0, explored_clicks=0, dismissals=0,
    )  # fmt: skip
    assert listed(client) == ["s-1"]
    counted = client.get(f"{PAGE}s-1/")
    assert counted.status_code == 200
    assert "Redis can't be reached" in text(counted)
    assert client.get(f"{PAGE}nobody/").status_code == 503
