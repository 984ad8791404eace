"""The live page's stream: every event once, whatever breaks."""

import asyncio
import weakref
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.http import QueryDict
from django.test import Client

from recsys.clock import ManualClock
from recsys.events import Click, Impression, SlateServed
from recsys.log.archive import write_segment
from recsys.log.base import records
from recsys.log.keys import LogKeys
from tests.patience import PATIENCE_S
from webapp import stopping, wiring
from webapp.analytics import selectors, tail, watching
from webapp.analytics.views import live_tables
from webapp.analytics.watching import Watch
from webapp.tracking import edge as edges
from webapp.tracking.edge import Edge
from webapp.training import services

EVENTS = "/staff/live/events/"


@pytest.fixture
def now_ms(wired: redis.Redis) -> int:
    tail.slate_times.cache_clear()
    return wiring.clock().now_ms()


def slate(now_ms: int, name: str = "a", session: str = "s") -> SlateServed:
    return SlateServed(
        event_time_ms=now_ms, session=session, slate=name, surface="for_you", items=("7", "8"), explored=(1,)
    )


def clicks(now_ms: int, count: int, first: int = 1) -> list[Click]:
    return [
        Click(event_time_ms=now_ms, session="s", seq=seq, item="7", slate="a") for seq in range(first, first + count)
    ]


class Message(msgspec.Struct):
    """One server-sent event."""

    event: str
    id: str
    data: dict[str, Any]


async def received(messages: AsyncIterator[bytes], wanted: int, event: str = "message") -> list[Message]:
    """Read until so many messages of a kind have come, then drop the connection."""
    found: list[Message] = []
    async for part in messages:
        for block in part.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines())
            if "data" in fields and fields.get("event", "message") == event:
                found.append(Message(event, fields.get("id", ""), msgspec.json.decode(fields["data"])))
        if len(found) >= wanted:
            break
    await messages.aclose()
    return found


def watch(after: str, now_ms: int) -> AsyncIterator[bytes]:
    return Watch(tail.tail(), after, now_ms).messages()


async def test_reconnecting_browser_gets_every_event_once(now_ms: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "AT_ONCE", 7)
    log, start = wiring.event_log(), f"{now_ms - 1}-0"
    seen: list[str] = []
    for turn in range(4):
        log.append([slate(now_ms, f"a{turn}"), *clicks(now_ms, 10, first=1 + 10 * turn)])
        after = seen[-1] if seen else start
        # The connection drops in the middle of what is there.
        seen += [message.id for message in await received(watch(after, now_ms), 5)]
    seen += [message.id for message in await received(watch(seen[-1], now_ms), 44 - len(seen))]
    assert seen == [record.offset for record in records(log)]


async def test_what_was_archived_and_trimmed_meanwhile_is_not_missed(now_ms: int):
    log = wiring.event_log()
    log.append([slate(now_ms), *clicks(now_ms, 9)])
    everything = list(records(log))
    write_segment(wiring.archive_path(), everything[:6])
    log.trim(everything[5].offset)
    found = await received(watch(everything[1].offset, now_ms), 8)
    assert [message.id for message in found] == [record.offset for record in everything[2:]]


async def test_line_says_what_happened_to_whom_and_what_became_of_it(now_ms: int):
    log = wiring.event_log()
    log.append([slate(now_ms), *clicks(now_ms, 1)])
    served, clicked = (message.data for message in await received(watch(f"{now_ms - 1}-0", now_ms), 2))
    assert (served["kind"], served["explored"], served["outcome"]) == ("slate", 1, "accepted")
    assert (clicked["kind"], clicked["session"], clicked["title"], clicked["position"]) == ("click", "s", "7", 0)


async def test_event_after_its_slates_window_is_late_even_where_the_slate_was_not_watched(now_ms: int):
    window_ms = wiring.config().attribution_window_s * 1_000
    log = wiring.event_log()
    log.append([slate(now_ms - window_ms - 1, "old"), slate(now_ms - window_ms + 60_000, "open")])
    last = log.end()
    log.append(
        [
            Impression(event_time_ms=now_ms, session="s", seq=seq, item="7", slate=name)
            for seq, name in ((1, "old"), (2, "open"))
        ]
    )
    late, in_time = (message.data for message in await received(watch(last, now_ms), 2))
    assert (late["outcome"], in_time["outcome"]) == ("late", "accepted")
    assert "window" in late["why"]


async def test_what_the_log_does_not_hold_is_told_with_its_reason(now_ms: int):
    counted = Edge(ManualClock(now_ms))
    counted.note("refused", "not_shown", "s", 3)
    await edges.show(wiring.async_redis(), counted)
    (noted,) = await received(watch(f"{now_ms - 1}-0", now_ms), 1)
    assert (noted.id, noted.data["outcome"], noted.data["count"]) == ("", "refused", 3)
    assert noted.data["why"].startswith("not_shown: ")


async def test_record_that_nobody_can_read_is_shown_as_such(now_ms: int, wired: redis.Redis):
    wired.xadd(LogKeys(0).stream, {"event": b"\xc1"})
    (line,) = await received(watch(f"{now_ms - 1}-0", now_ms), 1)
    assert line.data["outcome"] == "unreadable"


async def test_after_a_long_absence_what_is_left_out_is_said(now_ms: int):
    log = wiring.event_log()
    log.append(clicks(now_ms, 1))
    long_ago = now_ms - watching.SKIPS_AFTER_MS - 60_000
    (skipped,) = await received(watch(f"{long_ago}-0", now_ms), 1, "skipped")
    until = f"{now_ms - watching.SKIPS_AFTER_MS}-0"
    assert skipped.data == {"after": f"{long_ago}-0", "until": until, "damaged": False}


@pytest.mark.parametrize("event", ["skipped", "message"])
async def test_stream_goes_on_behind_a_damaged_archive_and_says_so(now_ms: int, event: str):
    log, start = wiring.event_log(), f"{now_ms - 1}-0"
    log.append(clicks(now_ms, 2))
    archived = list(records(log))
    write_segment(wiring.archive_path(), archived).write_bytes(b"not what was written")
    log.append(clicks(now_ms, 1, first=3))
    (told,) = await received(watch(start, now_ms), 1, event)
    if event == "skipped":
        assert told.data == {"after": start, "until": archived[-1].offset, "damaged": True}
    else:
        assert told.id == log.end()


async def test_without_redis_the_stream_says_so_and_goes_on(without_redis: None, monkeypatch: pytest.MonkeyPatch):
    tail.slate_times.cache_clear()
    monkeypatch.setattr(watching, "_AWAY_S", 0.01)
    assert len(await received(watch("5-0", 10), 2, "away")) == 2


@pytest.mark.parametrize("waiting_for", ["LOOK_EVERY_S", "_AWAY_S"])
async def test_stream_ends_when_the_server_is_told_to_stop(
    now_ms: int, settings: Any, monkeypatch: pytest.MonkeyPatch, waiting_for: str
):
    told = asyncio.Event()
    monkeypatch.setattr(stopping, "_told", told)
    monkeypatch.setattr(watching, waiting_for, 10 * PATIENCE_S)
    if waiting_for == "_AWAY_S":
        settings.FRESHET_REDIS_URL = "redis://127.0.0.1:1/0"
        wiring.rewire()
    messages = watch(f"{now_ms}-0", now_ms)
    for _ in range(2):
        await anext(messages)
    async with asyncio.timeout(PATIENCE_S):
        asyncio.get_running_loop().call_later(0.05, told.set)
        assert [message async for message in messages] == []


async def test_lag_grows_while_the_fold_is_missed(now_ms: int, monkeypatch: pytest.MonkeyPatch):
    assert services.fold() is not None
    services.release()
    wiring.event_log().append([slate(now_ms)])
    later = ManualClock(wiring.clock().now_ms() + 70_000)
    with monkeypatch.context() as patch:
        patch.setattr(wiring, "clock", lambda: later)
        (figures,) = await received(watch("0-0", now_ms), 1, "figures")
    assert 69_000 < figures.data["lag_ms"] <= 71_000


@pytest.fixture
def nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out whom an earlier test has left behind."""
    monkeypatch.setattr(Watch, "_seated", weakref.WeakSet())


@pytest.mark.parametrize("begun", [True, False])
async def test_connection_gives_its_seat_back(
    now_ms: int, nobody_watches: None, monkeypatch: pytest.MonkeyPatch, begun: bool
):
    monkeypatch.setattr(watching, "WATCHERS", 1)
    messages = watch(f"{now_ms}-0", now_ms)
    if begun:
        await anext(messages)
    assert Watch.full()
    if begun:
        await messages.aclose()
    else:
        del messages
    assert not Watch.full()


@pytest.fixture
def watcher(client: Client, db: None) -> Client:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_live"))
    client.force_login(user)
    return client


def test_stream_is_for_those_who_may_watch(client: Client, db: None, wired: redis.Redis):
    assert client.get(f"{EVENTS}?after=5-0").status_code == 302
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(f"{EVENTS}?after=5-0").status_code == 403


@pytest.mark.parametrize("after", ["", "soon", "5", "5-0-1", "-1-0", "9" * 40 + "-0"])
def test_place_that_is_none_is_named(watcher: Client, wired: redis.Redis, after: str):
    response = watcher.get(EVENTS, {"after": after})
    assert response.status_code == 400
    assert "Expected an offset" in response.content.decode()


def test_stream_is_an_event_stream_from_the_last_event_s_id(watcher: Client, wired: redis.Redis):
    response = watcher.get(f"{EVENTS}?after=nonsense", headers={"Last-Event-ID": "5-0"})
    assert (response.status_code, response["Content-Type"]) == (200, "text/event-stream")
    assert "no-cache" in response["Cache-Control"]


def test_no_more_watch_than_there_are_seats_though_all_come_at_once(
    watcher: Client, wired: redis.Redis, nobody_watches: None
):
    # None of them has been sent a line yet.
    seated = [watcher.get(f"{EVENTS}?after=5-0") for _ in range(watching.WATCHERS)]
    response = watcher.get(f"{EVENTS}?after=5-0")
    assert {each.status_code for each in seated} == {200}
    assert (response.status_code, response["Retry-After"]) == (503, "60")


def test_page_shows_the_newest_events_without_scripts(watcher: Client, now_ms: int):
    log = wiring.event_log()
    log.append([slate(now_ms), *clicks(now_ms, 3)])
    page = watcher.get("/staff/live/").content.decode()
    assert page.count('data-outcome="accepted"') == 5  # four, and the one that the script copies
    assert f'data-after="{log.end()}"' in page


def test_paused_page_stands_still_and_is_looked_through(watcher: Client, now_ms: int):
    log = wiring.event_log()
    log.append([slate(now_ms), *clicks(now_ms, 3)])
    response = watcher.get("/staff/live/", {"paused": "", "kind": "click", "sort": "offset"})
    assert [row.kind for row in response.context["tail"].everything()] == ["click"] * 3
    assert b"data-stream" not in response.content
    exported: Any = watcher.get("/staff/live/", {"paused": "", "csv": "tail"})
    assert len(b"".join(exported.streaming_content).splitlines()) == 1 + 4


def two_accounts(wired: redis.Redis, now_ms: int) -> None:
    """Let two processes show that they received three and seven events."""
    for received in (3, 7):
        counted = Edge(ManualClock(now_ms))
        with counted.taking(received) as outcomes:
            outcomes["accepted"] = received
        account = msgspec.structs.replace(counted.account(), name=f"web-{received}")
        wired.hset(edges.ACCOUNTS_KEY, account.name, msgspec.json.encode(account))


def test_moving_tables_sort_by_process_and_add_up(wired: redis.Redis, now_ms: int):
    two_accounts(wired, now_ms)
    live = selectors.live(wired, now_ms)
    found = {
        each.name: each for each in live_tables.moving(live, QueryDict("a_sort=-received&e_sort=name"), paused=False)
    }
    assert [row.name for row in found["accounts"].everything()] == ["web-7", "web-3"]
    assert {row.name: row.count for row in found["received"].everything()}["accepted"] == 10
    assert "samples" not in found


@pytest.mark.parametrize("name", ["labels", "received", "accounts", "refused", "replicas", "shards", "samples"])
def test_moving_table_is_filtered_while_the_page_is_paused_and_has_no_form_while_it_moves(
    wired: redis.Redis, now_ms: int, name: str
):
    live = selectors.live(wired, now_ms)
    query = QueryDict("table")
    for paused in (True, False):
        found = {each.name: each for each in live_tables.moving(live, query, paused=paused)}
        assert bool(found[name].form.fields) == paused


def test_filter_of_a_moving_table_stays_in_the_address_of_the_paused_page(
    watcher: Client, wired: redis.Redis, now_ms: int
):
    two_accounts(wired, now_ms)
    response = watcher.get("/staff/live/", {"paused": "", "a_received_min": "5"})
    assert [row.name for row in response.context["accounts"].everything()] == ["web-7"]
    assert ("paused", "") in response.context["accounts"].kept
    assert response.context["received"].total


def test_simulated_visitors_are_marked_and_can_be_left_out(watcher: Client, now_ms: int):
    log = wiring.event_log()
    log.append([slate(now_ms), *clicks(now_ms, 2)])
    log.append([Click(event_time_ms=now_ms, session="made-up", seq=1, item="7", simulated=True)])
    everybody = watcher.get("/staff/live/")
    assert [line.simulated for line in everybody.context["lines"]] == [True, False, False, False]
    real = watcher.get("/staff/live/", {"simulated": "no"})
    assert [line.simulated for line in real.context["lines"]] == [False] * 3
    assert b"data-real-only" in real.content
    assert real.context["after"] == log.end()


async def test_notes_of_simulated_visitors_are_marked_too(now_ms: int):
    counted = Edge(ManualClock(now_ms))
    counted.note("duplicate", "", "made-up", 2, simulated=True)
    await edges.show(wiring.async_redis(), counted)
    (noted,) = await received(watch(f"{now_ms - 1}-0", now_ms), 1)
    assert noted.data["simulated"] is True
