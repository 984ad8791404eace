"""The staff pages' frame: who may see what; the live page, and the knob."""

import re
import socket
from html import unescape
from typing import Any

import msgspec
import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import strip_tags

from recsys.events import ItemUpserted
from recsys.offsets import ORIGIN
from webapp import replication, wiring
from webapp.analytics import samples, selectors, turning
from webapp.analytics.permissions import PAGES, Page
from webapp.analytics.samples import Sample
from webapp.replication import Heartbeat
from webapp.tracking import refusals
from webapp.training import services
from webapp.training.status import FoldStatus, StatusBoard

pytestmark = pytest.mark.django_db

NOW_MS = 1_700_000_000_000


@pytest.fixture
def staff(client: Client) -> User:
    user = User.objects.create_user("ada", password="countess", is_staff=True)
    allow(user, "view_live", "view_knob")
    client.force_login(user)
    return user


@pytest.fixture
def turner(staff: User) -> User:
    allow(staff, "change_knob")
    return staff


def allow(user: User, *codenames: str) -> None:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


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


def text(response: Any) -> str:
    """Return what a reader of the page sees, in single spaces."""
    return " ".join(unescape(strip_tags(response.content.decode())).split())


def test_live_page_asks_who_you_are(client: Client, wired: redis.Redis):
    response = client.get("/staff/live/")
    assert (response.status_code, response["Location"]) == (302, "/staff/login/?next=/staff/live/")
    assert "Sign in" in text(client.get("/staff/login/"))


def test_fragment_asks_who_you_are_by_moving_the_whole_page(client: Client, wired: redis.Redis):
    response = client.get("/staff/live/", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (200, "/staff/login/")


def test_signing_in_leads_to_the_first_page_that_one_may_see(client: Client, wired: redis.Redis):
    allow(User.objects.create_user("ada", password="countess", is_staff=True), "view_knob")
    response = client.post("/staff/login/", {"username": "ada", "password": "countess"}, follow=True)
    assert [url for url, _ in response.redirect_chain] == ["/staff/", "/staff/knob/"]


@pytest.mark.parametrize("is_staff", [True, False])
def test_each_page_asks_for_its_own_permission(client: Client, wired: redis.Redis, is_staff: bool):
    user = User.objects.create_user("eve", is_staff=is_staff)
    allow(user, *([] if is_staff else ["view_live", "view_knob"]))
    client.force_login(user)
    assert {client.get(path).status_code for path in ("/staff/", "/staff/live/", "/staff/knob/")} == {403}


def test_navigation_links_what_one_may_see_and_marks_the_page_being_read(
    client: Client, staff: User, wired: redis.Redis
):
    page = client.get("/staff/knob/").content.decode()
    navigation = page[page.index('<nav class="staff-pages"') :].split("</nav>")[0]
    assert re.findall(r'href="(/staff/[^"]+)"', navigation) == ["/staff/live/", "/staff/knob/"]
    assert re.search(r'href="/staff/knob/"\s+aria-current="page"', navigation)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_every_page_opens_on_an_empty_site_for_those_who_may_see_it_and_for_nobody_else(
    client: Client, wired: redis.Redis, page: Page
):
    user = User.objects.create_user("ada", is_staff=True)
    client.force_login(user)
    assert client.get(page.url).status_code == 403
    allow(user, page.permission.partition(".")[2])
    response = client.get(page.url)
    assert response.status_code == 200
    assert 'aria-current="page"' in response.content.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_every_page_opens_without_redis_and_those_that_need_it_say_so(client: Client, without_redis: None, page: Page):
    client.force_login(User.objects.create_superuser("ada"))
    response = client.get(page.url)
    # Items and Sessions list what is counted, Overview draws it; Models stand in files.
    needs_it = page.route not in ("overview", "sessions", "items", "models")
    assert response.status_code in ((200, 503) if needs_it else (200,))
    assert ("Redis can't be reached" in text(response)) == needs_it


def test_address_that_is_none_leads_staff_to_their_pages_and_others_to_the_films(
    client: Client, staff: User, wired: redis.Redis
):
    response = client.get("/staff/nothing/")
    assert (response.status_code, "No page has this address." in text(response)) == (404, True)
    assert 'href="/staff/knob/"' in response.content.decode()
    client.logout()
    assert "back to the films" in text(client.get("/staff/nothing/"))


def test_every_permission_of_a_page_is_declared():
    declared = set(Permission.objects.filter(content_type__app_label="analytics").values_list("codename", flat=True))
    assert {page.permission.partition(".")[2] for page in PAGES} <= declared


def test_django_s_admin_links_the_staff_pages(client: Client, staff: User, wired: redis.Redis):
    assert 'href="/staff/"' in client.get("/admin/").content.decode()


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


def test_paused_page_does_not_move(client: Client, staff: User, wired: redis.Redis):
    assert "hx-trigger" in client.get("/staff/live/").content.decode()
    assert "hx-trigger" not in client.get("/staff/live/?paused").content.decode()


def test_knob_is_for_those_who_may_turn_it(client: Client, staff: User, wired: redis.Redis):
    assert "not turn it" in text(client.get("/staff/knob/"))
    assert client.post("/staff/knob/", {"fold_every_ms": 2_000}).status_code == 403
    assert wiring.knobs().fold_every_ms == 500


def test_knob_takes_effect_without_restart(client: Client, turner: User, wired: redis.Redis):
    assert client.post("/staff/knob/", {"fold_every_ms": 2_000}).status_code == 302
    assert wiring.knobs().fold_every_ms == 2_000
    assert "The fold now runs every 2,000 ms." in text(client.get("/staff/knob/"))


@pytest.mark.parametrize("every_ms", ["49", "60001", "soon", ""])
def test_knob_says_what_it_can_not_be_turned_to(client: Client, turner: User, wired: redis.Redis, every_ms: str):
    response = client.post("/staff/knob/", {"fold_every_ms": every_ms})
    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert wiring.knobs().fold_every_ms == 500


def test_knob_without_redis_stays_and_says_so(client: Client, turner: User, without_redis: None):
    client.post("/staff/knob/", {"fold_every_ms": 2_000})
    assert "the knob stays where it was" in text(client.get("/staff/knob/"))


def test_turning_the_knob_is_written_down(client: Client, turner: User, wired: redis.Redis):
    client.post("/staff/knob/", {"fold_every_ms": 2_000})
    client.post("/staff/knob/", {"fold_every_ms": 250})
    page = text(client.get("/staff/knob/"))
    assert page.index("ada from 2000 to 250 ms") < page.index("ada from 500 to 2000 ms")


def test_knob_page_compares_before_and_after_the_last_turn(client: Client, staff: User, wired: redis.Redis):
    now_ms = wiring.clock().now_ms()
    slow = [
        sample_at(now_ms - 60_000 + at, every_ms=2_000, waited_ms=1_900, cpu_ms=at // 50) for at in (0, 5_000, 10_000)
    ]
    fast = [sample_at(now_ms - 40_000 + at, every_ms=250, waited_ms=240, cpu_ms=400 + at // 5) for at in (0, 5_000)]
    idle = sample_at(now_ms - 30_000, every_ms=250, waited_ms=0, cpu_ms=2_400)
    remember(wired, *slow, *fast, idle)
    page = text(client.get("/staff/knob/"))
    assert "240 ms before the last turn 1.9 s" in page
    assert "mean of the oldest in a run, of 2 samples that had one" in page
    assert "20.0 % before the last turn 2.0 %; of one processor, mean of 3 samples" in page
    lines = b"".join(client.get("/staff/knob/?csv=moments&m_sort=at_ms").streaming_content).decode().splitlines()
    assert [line.partition(",")[2] for line in lines[1:]] == [
        "2000.0,1900.0,", *["2000.0,1900.0,0.02"] * 2, "250.0,240.0,0.02", "250.0,240.0,0.2", "250.0,,0.2",
    ]  # fmt: skip
    fragment = client.get("/staff/knob/", headers={"HX-Request": "true", "HX-Target": "effect"}).content.decode()
    assert "What it costs and brings" in fragment
    assert "<html" not in fragment


def test_stretch_in_which_another_worker_took_over_claims_no_processor_time(wired: redis.Redis):
    (stretch,) = turning.stretches([sample_at(0, holder="a", cpu_ms=9_000), sample_at(5_000, holder="b", cpu_ms=10)])
    assert stretch.cpu is None


def test_fold_tells_how_long_the_oldest_event_waited_and_what_it_cost(wired: redis.Redis):
    wiring.event_log().append([ItemUpserted(event_time_ms=1, item="1", title="Alien")])
    told = services.fold()
    assert told is not None
    assert 0 < told.waited_ms < 60_000
    assert told.cpu_ms > 0
    again = services.fold()
    assert again is not None
    assert again.waited_ms == 0
    services.release()


def sample_at(at_ms: int, **changes: Any) -> Sample:
    fields: dict[str, Any] = {"events": 0, "impressions": 0, "clicks": 0, "lag_ms": 0, "every_ms": 500, "holder": "a"}
    return Sample(at_ms=at_ms, **{**fields, **changes})


def sample(second: int, events: int, impressions: int = 0, clicks: int = 0) -> Sample:
    return Sample(
        at_ms=NOW_MS + second * 1_000,
        events=events,
        impressions=impressions,
        clicks=10 * clicks,
        listed_clicks=clicks,
        lag_ms=0,
    )


def remember(client: redis.Redis, *history: Sample) -> None:
    client.lpush(samples.SAMPLES_KEY, *(msgspec.json.encode(sample) for sample in history))


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
