"""What visitors allow, as cookies and as what follows from them."""

import time
from http.cookies import Morsel
from typing import Any

import msgspec
import pytest
import redis
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, RequestFactory

from recsys.clock import ManualClock
from recsys.events import Click
from tests.unit.tracking.pages import NOW_MS, Page
from webapp import wiring
from webapp.tracking import wire
from webapp.tracking.consent import Visit, visit_from
from webapp.tracking.middleware import VisitMiddleware, visit_of
from webapp.tracking.tokens import read_session

GAP_MS = 1_800_000


def visited(cookies: dict[str, str]) -> tuple[Visit, dict[str, "Morsel[str]"]]:
    """Request a page with these cookies; return the visit that it saw and the cookies that it set."""
    request = RequestFactory().get("/")
    request.COOKIES = dict(cookies)

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(visit_of(request).session)

    response = VisitMiddleware(view)(request)
    return visit_of(request), dict(response.cookies)


def session_at(at_ms: int, **changes: Any) -> dict[str, str]:
    return {"freshet_session": Page(at_ms=at_ms, **changes).token}


def test_first_page_begins_a_session_under_the_default_mode(settings):
    settings.FRESHET_CONSENT_DEFAULT = "session"
    visit, cookies = visited({})
    assert (visit.new, visit.consent, visit.visitor) == (True, "session", "")
    cookie = cookies["freshet_session"]
    assert read_session(cookie.value).session == visit.session
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == GAP_MS // 1_000
    assert "freshet_visitor" not in cookies


def test_response_that_asked_for_no_visit_sets_no_cookie():
    response = VisitMiddleware(lambda request: HttpResponse("ok"))(RequestFactory().get("/healthz"))
    assert not response.cookies


def test_session_goes_on_within_its_gap_and_ends_after_it(settings):
    settings.FRESHET_CONSENT_DEFAULT = "session"
    running = visit_from(session_at(NOW_MS - GAP_MS), NOW_MS)
    ended = visit_from(session_at(NOW_MS - GAP_MS - 1), NOW_MS)
    assert (running.session, running.new) == ("session-1", False)
    assert ended.session != "session-1"
    assert ended.new


@pytest.mark.parametrize(
    ("page", "goes_on"),
    [
        (Page(at_ms=NOW_MS - GAP_MS - 1), True),
        (Page(at_ms=NOW_MS - 8 * 86_400_000), False),
        (Page(at_ms=NOW_MS, consent="off"), False),
    ],
    ids=["beyond the gap", "too old", "other consent"],
)
def test_session_of_an_open_page_goes_on_where_no_other_is_running(settings: Any, page: Page, goes_on: bool):
    settings.FRESHET_CONSENT_DEFAULT = "session"
    running = {"freshet_session": Page("session-2", at_ms=NOW_MS).token}
    assert (visit_from({}, NOW_MS, page=page.token).session == page.session) is goes_on
    assert visit_from({}, NOW_MS, page=page.token).new is not goes_on
    assert visit_from(running, NOW_MS, page=page.token).session == "session-2"


def test_forged_session_cookie_begins_a_new_session():
    assert visit_from({"freshet_session": "session-1.forged"}, NOW_MS).new


def test_unknown_mode_in_the_cookie_falls_back_to_the_default(settings):
    settings.FRESHET_CONSENT_DEFAULT = "off"
    assert visit_from({"freshet_consent": "everything"}, NOW_MS).consent == "off"


def test_without_consent_the_session_cookie_ends_with_the_browser(settings):
    settings.FRESHET_CONSENT_DEFAULT = "off"
    _, cookies = visited({})
    assert not cookies["freshet_session"]["max-age"]


def test_visitor_is_recognised_again_only_in_visitor_mode():
    visitor = {"freshet_visitor": "v" * 22}
    assert visit_from({"freshet_consent": "visitor", **visitor}, NOW_MS).visitor == "v" * 22
    assert visit_from({"freshet_consent": "session", **visitor}, NOW_MS).visitor == ""


def test_visitor_cookie_that_is_not_allowed_is_removed():
    _, cookies = visited({"freshet_consent": "session", "freshet_visitor": "v" * 22})
    assert cookies["freshet_visitor"].value == ""
    assert cookies["freshet_visitor"]["max-age"] == 0


def test_visitor_cookie_of_another_shape_is_replaced():
    assert visit_from({"freshet_consent": "visitor", "freshet_visitor": "<script>"}, NOW_MS).visitor != "<script>"


async def choose(client: AsyncClient, mode: str, **more: str) -> Any:
    return await client.post("/consent/", {"consent": mode, **more})


@pytest.fixture
def client(wired: redis.Redis, settings: Any) -> AsyncClient:
    settings.FRESHET_CONSENT_DEFAULT = "session"
    return AsyncClient()


def cookie(client: AsyncClient, name: str) -> str:
    return client.cookies[name].value if name in client.cookies else ""


async def test_switch_works_as_a_plain_form_and_goes_back(client: AsyncClient):
    response = await choose(client, "visitor", next="/item/7/?q=1")
    assert (response.status_code, response["Location"]) == (302, "/item/7/?q=1")
    assert cookie(client, "freshet_consent") == "visitor"
    assert len(cookie(client, "freshet_visitor")) == 22


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
async def test_switch_never_sends_elsewhere(client: AsyncClient, elsewhere: str):
    assert (await choose(client, "session", next=elsewhere))["Location"] == "/"


async def test_mode_that_does_not_exist_is_refused(client: AsyncClient):
    assert (await choose(client, "all")).status_code == 400


async def test_allowing_more_keeps_the_session(client: AsyncClient):
    await choose(client, "session")
    before = read_session(cookie(client, "freshet_session")).session
    await choose(client, "visitor")
    assert read_session(cookie(client, "freshet_session")).session == before


async def test_allowing_less_begins_a_session_of_its_own(client: AsyncClient):
    await choose(client, "visitor")
    before = read_session(cookie(client, "freshet_session")).session
    await choose(client, "session")
    assert cookie(client, "freshet_visitor") == ""
    assert read_session(cookie(client, "freshet_session")).session != before


async def test_withdrawing_consent_forgets_what_the_session_did(client: AsyncClient):
    await choose(client, "session")
    session = read_session(cookie(client, "freshet_session")).session
    wiring.event_log().append([Click(event_time_ms=NOW_MS, session=session, item="alien")])
    await choose(client, "off")
    assert wiring.event_log().session_events(session) == []
    after = read_session(cookie(client, "freshet_session"))
    assert (after.consent, after.session != session) == ("off", True)


async def test_switch_works_while_redis_is_away(without_redis: None, settings: Any):
    settings.FRESHET_CONSENT_DEFAULT = "session"
    client = AsyncClient()
    assert (await choose(client, "off")).status_code == 302
    assert cookie(client, "freshet_consent") == "off"


async def test_switch_from_another_site_is_refused(wired: redis.Redis):
    assert (await choose(AsyncClient(enforce_csrf_checks=True), "visitor")).status_code == 403


def beacon(page: Page, *events: object) -> bytes:
    batch = page.batch(*events)
    return msgspec.json.encode(batch)


async def collect(client: AsyncClient, payload: bytes) -> Any:
    return await client.post("/collect/", payload, content_type="text/plain")


@pytest.fixture
def fresh() -> Page:
    return Page(at_ms=time.time_ns() // 1_000_000 - 1_000)


async def test_beacon_is_logged_and_acknowledged(client: AsyncClient, fresh: Page):
    response = await collect(client, beacon(fresh, fresh.event(1)))
    assert msgspec.json.decode(response.content) == {"type": "ack", "id": 1, "outcomes": {"1": "accepted"}}
    assert wiring.event_log().length() == 1


async def test_beacon_that_is_no_batch_is_refused(client: AsyncClient):
    assert (await collect(client, b"...")).status_code == 400


async def test_beacon_that_is_too_large_is_refused_unread(client: AsyncClient):
    assert (await collect(client, b" " * (wire.MAX_MESSAGE_BYTES + 1))).status_code == 413


async def test_beacon_without_redis_is_not_acknowledged(without_redis: None, settings: Any, fresh: Page):
    settings.FRESHET_CONSENT_DEFAULT = "session"
    response = await collect(AsyncClient(), beacon(fresh, fresh.event(1)))
    assert response.status_code == 503


async def test_beacon_of_an_old_page_is_not_logged_after_consent_was_withdrawn(client: AsyncClient, fresh: Page):
    await choose(client, "off")
    response = await collect(client, beacon(fresh, fresh.event(1)))
    assert msgspec.json.decode(response.content)["outcomes"] == {"1": "unlogged"}
    assert wiring.event_log().length() == 0


def test_visit_ids_can_not_be_guessed():
    clock = ManualClock(NOW_MS)
    ids = {visit_from({}, clock.now_ms()).session for _ in range(100)}
    assert len(ids) == 100
    assert {len(identifier) for identifier in ids} == {22}
