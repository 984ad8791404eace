"""The live page: what the fold and the replicas say, and how fast and how often visitors do what."""

import socket
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from recsys.events import ItemUpserted
from recsys.log.keys import LogKeys
from recsys.offsets import ORIGIN
from tests.integration.staff_pages import member, remember, text
from webapp import replication, wiring
from webapp.analytics import samples, selectors
from webapp.analytics.samples import Sample
from webapp.replication import Heartbeat
from webapp.tracking import refusals
from webapp.training import services
from webapp.training.status import FoldStatus, StatusBoard

pytestmark = pytest.mark.django_db

NOW_MS = 1_700_000_000_000


@pytest.fixture
def staff(client: Client) -> User:
    return member(client, "view_live")


def status(**changes: Any) -> FoldStatus:
    now_ms = wiring.clock().now_ms()
    fields: dict[str, Any] = {
        "holder": "host:1:ab",
        "fence": 1,
        "ran_ms": now_ms,
        "took_ms": 12,
        "offset": f"{now_ms}-0",
        "log_end": f"{now_ms}-0",
        "lag_ms": 340,
        "log_length": 4_321,
        "folded": 10,
        "counters": {"records": 900, "impressions": 400, "clicks": 40, "labels_joined": 38, "labels_late": 2},
    }
    return FoldStatus(**{**fields, **changes})


def test_before_the_first_fold_the_page_says_what_will_appear(client: Client, staff: User, wired: redis.Redis):
    page = text(client.get("/staff/live/"))
    assert "The fold has not run yet" in page
    assert "Worker not seen yet" in page


def test_without_redis_the_page_says_so(client: Client, staff: User, without_redis: None):
    response = client.get("/staff/live/")
    assert response.status_code == 200
    assert "Redis can't be reached" in text(response)


@pytest.mark.parametrize("query", ["", "?paused", "?minute=2023-11-14T22:13:20"])
def test_redis_that_hangs_is_waited_for_once(
    client: Client, staff: User, wired: redis.Redis, settings: Any, query: str
):
    with socket.create_server(("127.0.0.1", 0)) as hung:
        settings.FRESHET_REDIS_URL = f"redis://127.0.0.1:{hung.getsockname()[1]}/0?socket_timeout=0.1"
        wiring.rewire()
        assert "Redis can't be reached" in text(client.get(f"/staff/live/{query}"))
        hung.settimeout(0.1)
        hung.accept()[0].close()
        with pytest.raises(TimeoutError):
            hung.accept()


async def lost_by_metrics() -> str:
    text = (await AsyncClient().get("/metrics")).content.decode()
    return next(line for line in text.splitlines() if line.startswith("freshet_log_losses "))


@pytest.mark.parametrize("emptied", [True, False])
def test_page_and_metrics_tell_that_redis_lost_what_was_learned(
    client: Client, staff: User, wired: redis.Redis, emptied: bool
):
    log, item = wiring.event_log(), ItemUpserted(event_time_ms=0, item="a", title="A")
    for turn in range(3):
        log.append([item])
        if turn == 2 and emptied:
            wired.xtrim(LogKeys(0).stream, maxlen=1, approximate=False)
        assert services.fold() is not None
    services.release()
    assert ("Something that was learned is lost" in text(client.get("/staff/live/"))) == emptied
    assert async_to_sync(lost_by_metrics)() == f"freshet_log_losses {float(emptied)}"


def test_page_tells_what_the_fold_says(client: Client, staff: User, wired: redis.Redis):
    StatusBoard(wired).post(status())
    StatusBoard(wired).beat(wiring.clock().now_ms())
    page = text(client.get("/staff/live/"))
    assert "340 ms" in page
    assert "4,321" in page
    assert "joined 38" in page
    assert "late 2" in page
    assert "Worker at work" in page
    assert "Beat at work" in page


def test_worker_that_stopped_is_missed(client: Client, staff: User, wired: redis.Redis):
    StatusBoard(wired).post(status(ran_ms=wiring.clock().now_ms() - 60_000))
    assert "Worker missed for 1 min" in text(client.get("/staff/live/"))


def test_page_names_each_replica_and_how_far_behind_it_is(client: Client, staff: User, wired: redis.Redis):
    now_ms = wiring.clock().now_ms()
    StatusBoard(wired).post(status())
    for name, behind_ms, seen_ms in (("web-1", 0, now_ms), ("web-2", 90_000, now_ms), ("web-3", 0, now_ms - 60_000)):
        beat = Heartbeat(name=name, at_ms=seen_ms, version="5-0", behind_ms=behind_ms, items=1_682)
        replication.announce(wired, beat)
    page = text(client.get("/staff/live/"))
    assert "web-1 5-0" in page
    assert "stale: 1.5 min" in page
    assert "web-3" not in page


def test_replica_that_has_folded_nothing_has_no_age(client: Client, staff: User, wired: redis.Redis):
    StatusBoard(wired).post(status())
    now_ms = wiring.clock().now_ms()
    replication.announce(wired, Heartbeat(name="web-1", at_ms=now_ms, version=ORIGIN, behind_ms=0, items=0))
    assert "web-1 0-0 — up to date" in text(client.get("/staff/live/"))


def test_page_names_each_reason_for_refusing(client: Client, staff: User, wired: redis.Redis):
    StatusBoard(wired).post(status())
    wired.hset(refusals.COUNTS_KEY, "not_shown", 3)
    assert f"not_shown 3 {refusals.REASONS['not_shown']}" in text(client.get("/staff/live/"))


def test_htmx_gets_the_moving_part_alone(client: Client, staff: User, wired: redis.Redis):
    StatusBoard(wired).post(status())
    moving = client.get("/staff/live/", headers={"HX-Request": "true", "HX-Target": "moving"}).content.decode()
    assert "<html" not in moving
    assert "What visitors do" in moving


@pytest.mark.parametrize("ran", [True, False])
def test_part_that_moves_is_not_read_out_each_time_and_a_table_that_was_asked_for_is(
    client: Client, staff: User, wired: redis.Redis, ran: bool
):
    if ran:
        StatusBoard(wired).post(status())
    moving, table = (
        client.get("/staff/live/", headers={"HX-Request": "true", "HX-Target": target}).content.decode()
        for target in ("moving", "table-accounts")
    )
    assert ('role="status"' in moving, 'role="status"' in table) == (False, True)


def test_paused_page_does_not_move(client: Client, staff: User, wired: redis.Redis):
    assert "hx-trigger" in client.get("/staff/live/").content.decode()
    assert "hx-trigger" not in client.get("/staff/live/?paused").content.decode()


def sample(second: int, events: int, impressions: int = 0, clicks: int = 0) -> Sample:
    return Sample(
        at_ms=NOW_MS + second * 1_000,
        events=events,
        impressions=impressions,
        clicks=10 * clicks,
        listed_clicks=clicks,
        lag_ms=0,
    )


def test_rate_is_over_the_last_minute_and_change_over_the_one_before(wired: redis.Redis):
    remember(wired, sample(-120, 0), sample(-60, 60), sample(0, 360))
    found = selectors.live(wired, NOW_MS).events
    assert (found.now, found.before) == (5.0, 1.0)


def test_click_through_counts_what_happened_in_the_window_only(wired: redis.Redis):
    remember(wired, sample(-600, 0, impressions=1_000, clicks=900), sample(0, 0, impressions=1_200, clicks=910))
    found = selectors.live(wired, NOW_MS)
    assert (found.click_through.clicks, found.click_through.impressions) == (10, 200)
    assert found.click_through.rate == 0.05
    assert found.click_through.interval.low < 0.05 < found.click_through.interval.high
    assert found.window_ms == 600_000


def test_click_through_goes_on_where_the_fold_counts_from_0_again(wired: redis.Redis):
    counted = [(1_000, 300, 90), (1_100, 350, 95), (10, 5, 1), (50, 25, 4)]
    remember(wired, *(sample(5 * at - 20, *each) for at, each in enumerate(counted)))
    found = selectors.live(wired, NOW_MS).click_through
    assert (found.clicks, found.impressions) == (8, 70)


def test_clicks_on_what_was_seen_before_the_window_are_no_rate(client: Client, staff: User, wired: redis.Redis):
    now_ms = wiring.clock().now_ms()
    counts = {"records": 10, "impressions": 5, "clicks": 9, "listed_clicks": 2}
    then = Sample(at_ms=now_ms - 60_000, events=5, impressions=4, clicks=0, listed_clicks=0, lag_ms=0)
    StatusBoard(wired).post(status(ran_ms=now_ms, counters=counts))
    remember(wired, then)
    found = selectors.live(wired, now_ms).click_through
    assert (found.clicks, found.impressions, found.rate, found.interval) == (2, 1, None, None)
    assert "2 clicks, on lists that were seen before the last 1 min" in text(client.get("/staff/live/"))


def test_samples_are_taken_by_one_process_at_a_time_and_bounded(wired: redis.Redis):
    StatusBoard(wired).post(status())
    assert samples.take(wired, StatusBoard(wired))
    assert not samples.take(wired, StatusBoard(wired))
    for _ in range(samples.SAMPLES + 5):
        wired.delete(samples.SAMPLED_KEY)
        samples.take(wired, StatusBoard(wired))
    assert wired.llen(samples.SAMPLES_KEY) == samples.SAMPLES


def test_sample_without_a_fold_is_not_taken(wired: redis.Redis):
    assert not samples.take(wired, StatusBoard(wired))
    assert samples.recent(wired, 0) == []
