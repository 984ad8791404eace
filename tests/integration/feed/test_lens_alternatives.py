"""Twin, what if, and your data: nothing of it is logged, and each is what it says."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import redis
from django.test import AsyncClient

from recsys.events import Click, Event, SessionEvent, SessionForgotten, SlateServed
from recsys.log.base import records
from recsys.sessions.portrait import portray
from tests.integration.feed.conftest import logged, renumbered, session_events
from tests.integration.feed.tabs import tab
from webapp import wiring
from webapp.feed.lens import alternatives
from webapp.feed.lens.alternatives import deeds, rebuilt
from webapp.feed.lens.journeys import journeys
from webapp.feed.presence import presence
from webapp.tracking.consent import SESSION_COOKIE, Visit, visit_from
from webapp.tracking.tokens import read_session


@pytest.fixture(autouse=True)
def nobody_met(stocked: None) -> Iterator[None]:
    presence.cache_clear()
    journeys.cache_clear()
    yield
    journeys().close()


@pytest.fixture
def visitor(stocked: None) -> AsyncClient:
    client = AsyncClient()
    client.cookies["freshet_consent"] = "session"
    return client


async def browse(visitor: AsyncClient, clicks: int = 2) -> Visit:
    """See the list, and open films of it; return the visit."""
    async with tab(visitor) as mine:
        for seq, item in enumerate(mine.slate.items, start=1):
            await mine.send(seq, item, "impression")
            await mine.hear()
        for seq, item in enumerate(mine.slate.items[:clicks], start=100):
            await mine.send(seq, item)
            await mine.hear()
            await mine.hear()
    return visit_from({name: morsel.value for name, morsel in visitor.cookies.items()}, wiring.clock().now_ms())


async def opened(visitor: AsyncClient, path: str) -> str:
    response = await visitor.get(path)
    assert response.status_code == 200, path
    return " ".join(unescape(response.content.decode()).split())


def column(html: str, side: str) -> list[str]:
    """Return the items of one list of a slope graph."""
    (listed,) = re.findall(rf'<ol[^>]*class="slopes-{side}">(.*?)</ol>', html, re.DOTALL)
    return re.findall(r'data-item="([^"]+)"', listed)


def events_logged() -> list[Event | None]:
    return [record.event for record in records(wiring.event_log())]


async def test_twin_is_the_same_session_without_adaptation(visitor: AsyncClient):
    visit = await browse(visitor)
    before = events_logged()
    html = await opened(visitor, "/lens/twin/")
    session = await presence().session(visit)
    assert column(html, "left") == list(wiring.recommender().for_you(session).items)
    session.adaptive = False
    assert column(html, "right") == list(wiring.recommender().for_you(session).items)
    assert column(html, "left") != column(html, "right")
    assert events_logged() == before


async def test_visit_in_the_control_arm_is_its_own_twin(visitor: AsyncClient, settings):
    settings.FRESHET_CONTROL_SHARE = 1.0
    html = await opened(visitor, "/lens/twin/")
    assert "You are the twin" in html


async def test_what_if_is_the_list_of_a_session_that_never_clicked(visitor: AsyncClient):
    visit = await browse(visitor, clicks=1)
    before = events_logged()
    events = session_events(visit.session)
    (deed,) = deeds(events)
    html = await opened(visitor, f"/lens/what-if/?without={deed.number}")
    assert re.findall(r'class="key key-\w+">([^<]+)<', html) == ["without it", "everybody", "as it is"]
    never = wiring.recommender().rebuild(visit.session, [event for event in events if not isinstance(event, Click)])
    assert column(html, "right") == list(wiring.recommender().for_you(never).items)
    assert column(html, "left") != column(html, "right")
    assert events_logged() == before


async def test_session_built_anew_from_all_that_it_did_is_the_one_that_did_it(visitor: AsyncClient):
    visit = await browse(visitor)
    anew = await rebuilt(visit, session_events(visit.session))
    assert anew.belief.to_state() == (await presence().session(visit)).belief.to_state()
    assert anew.context.to_state() == (await presence().session(visit)).context.to_state()


async def test_what_if_works_where_nothing_is_logged(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    await browse(visitor, clicks=1)
    html = await opened(visitor, "/lens/what-if/")
    (link,) = re.findall(r'href="(/lens/what-if/\?without=\d+)"', html)
    assert column(await opened(visitor, link), "right")
    assert events_logged() == []


@pytest.fixture(params=["done", "earlier_sessions"])
def renumbering(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rows be numbered anew, once, while the lens reads the log."""
    reading = getattr(alternatives, request.param)

    async def then_renumbered(visit: Visit) -> Any:
        found = await reading(visit)
        monkeypatch.setattr(alternatives, request.param, reading)
        wiring.replica().world = renumbered()
        return found

    monkeypatch.setattr(alternatives, request.param, then_renumbered)


async def test_what_if_names_no_other_films_where_rows_are_numbered_anew_meanwhile(
    visitor: AsyncClient, renumbering: None
):
    events = session_events((await browse(visitor, clicks=6)).session)
    html = await opened(visitor, f"/lens/what-if/?without={deeds(events)[0].number}")
    assert not {event.item for event in events if isinstance(event, Click)} & set(column(html, "left"))


async def test_download_names_no_other_tastes_where_rows_are_numbered_anew_meanwhile(
    visitor: AsyncClient, renumbering: None
):
    visit = await browse(visitor)
    portrait = portray(wiring.replica().world, await presence().session(visit))
    believed = json.loads((await visitor.get("/lens/data.json")).content)["believed"]
    assert {each["taste"]: each["mean"] for each in believed} == pytest.approx(
        dict(zip(portrait.names, portrait.mean.tolist(), strict=True))
    )


@pytest.mark.parametrize("wanted", ["0", "999", "-1", "x", ""])
async def test_what_is_no_deed_takes_nothing_back(visitor: AsyncClient, wanted: str):
    await browse(visitor, clicks=1)
    assert "Choose one" in await opened(visitor, f"/lens/what-if/?without={wanted}")


async def test_download_has_every_event_of_the_session_and_nothing_of_others(visitor: AsyncClient):
    visit = await browse(visitor)
    await browse(AsyncClient(), clicks=0)
    response = await visitor.get("/lens/data.json")
    assert response["Content-Disposition"].startswith("attachment")
    held = json.loads(response.content)
    assert held["session"] == visit.session
    mine = [event for event in events_logged() if isinstance(event, SessionEvent) and event.session == visit.session]
    assert [event["type"] for event in held["events"]] == [event.tag() for event in mine]
    assert {event["session"] for event in held["events"]} == {visit.session}
    assert {each["taste"] for each in held["believed"]} == set(wiring.replica().world.tastes)


async def test_page_counts_what_is_held(visitor: AsyncClient):
    await browse(visitor)
    html = await opened(visitor, "/lens/data/")
    assert re.search(r"<dt>Films opened</dt> <dd> 2 </dd>", html)
    assert re.search(r"<dt>Films seen</dt> <dd> 12 </dd>", html)


async def test_film_that_is_seen_and_opened_again_is_counted_once_among_films(visitor: AsyncClient):
    async with tab(visitor) as mine:
        for seq, kind in enumerate(("impression", "click", "impression", "click"), start=1):
            await mine.send(seq, mine.slate.items[0], kind, surfaces=[])
            assert (await mine.hear())["outcomes"] == {str(seq): "accepted"}
    html = await opened(visitor, "/lens/data/")
    assert re.search(r"<dt>Films seen</dt> <dd> 1 </dd>", html)
    assert re.search(r"<dt>Films opened</dt> <dd> 1 </dd>", html)


@pytest.mark.parametrize(("consent", "kept"), [("session", "40 minutes"), ("visitor", "1 day")])
async def test_page_says_how_long_a_session_is_at_hand(visitor: AsyncClient, consent: str, kept: str):
    visitor.cookies["freshet_consent"] = consent
    await browse(visitor, clicks=1)
    assert f"until {kept} after your last event" in (await opened(visitor, "/lens/data/")).replace("\xa0", " ")


async def test_forgetting_is_marked_in_the_log_and_begins_anew_at_once(visitor: AsyncClient):
    before = await browse(visitor)
    response = await visitor.post("/lens/forget/")
    assert (response.status_code, response["Location"]) == (302, "/lens/data/?forgotten")
    (tombstone,) = logged(SessionForgotten)
    assert tombstone.session == before.session
    assert read_session(visitor.cookies[SESSION_COOKIE].value).session != before.session
    assert list(wiring.event_log().session_events(before.session)) == []
    html = await opened(visitor, "/lens/data/?forgotten")
    assert "Not done yet" in html
    assert before.session not in html
    await visitor.get("/")
    assert {slate.session for slate in logged(SlateServed)[-2:]} != {before.session}


async def test_page_claims_no_mark_in_the_log_where_nothing_is_logged(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    before = await browse(visitor)
    response = await visitor.post("/lens/forget/")
    html = await opened(visitor, response["Location"])
    assert read_session(visitor.cookies[SESSION_COOKIE].value).session != before.session
    assert logged(SessionEvent) == []
    assert "Nothing of it was logged" in html
    assert "mark" not in re.sub(r"<[^>]+>", " ", html)


async def test_nothing_is_forgotten_while_the_log_is_away(visitor: AsyncClient, redis_server: str):
    before = await browse(visitor)
    client = redis.Redis.from_url(redis_server)
    client.config_set("maxmemory", "1")
    try:
        response = await visitor.post("/lens/forget/")
    finally:
        client.config_set("maxmemory", "0")
        client.close()
    assert response.status_code == 503
    assert read_session(visitor.cookies[SESSION_COOKIE].value).session == before.session


async def test_nothing_is_forgotten_while_the_log_is_full(visitor: AsyncClient, settings: Any):
    before = await browse(visitor)
    settings.FRESHET_LOG_MAX_EVENTS = 1
    wiring.async_event_log.cache_clear()
    response = await visitor.post("/lens/forget/")
    assert response.status_code == 503
    assert logged(SessionForgotten) == []
    assert wiring.event_log().session_events(before.session)
    assert read_session(visitor.cookies[SESSION_COOKIE].value).session == before.session


@pytest.mark.parametrize("part", ["what-if/", "data/", "data.json", "time/"])
async def test_what_needs_the_log_says_so_without_it(visitor: AsyncClient, without_redis: None, part: str):
    response = await visitor.get(f"/lens/{part}")
    assert response.status_code == 503
    assert "can't be read just now" in " ".join(unescape(response.content.decode()).split())


async def test_returning_visitor_stays_known_and_the_session_is_no_longer_theirs(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "visitor"
    before = await browse(visitor)
    key = f"freshet:visitor:{before.visitor}"
    assert wiring.redis_client().zscore(key, before.session) is not None
    await visitor.post("/lens/forget/")
    assert wiring.redis_client().zscore(key, before.session) is None
    assert visitor.cookies["freshet_visitor"].value == before.visitor


async def test_newcomer_is_invited_with_three_films_until_the_first_click(visitor: AsyncClient):
    html = await opened(visitor, "/")
    (start,) = re.findall(r'<section class="shelf shelf-start".*?</section>', html, re.DOTALL)
    assert len(re.findall(r'<li class="slot"', start)) == 3
    assert "Click what you would watch" in start
    await browse(visitor, clicks=1)
    assert "shelf-start" not in await opened(visitor, "/")
