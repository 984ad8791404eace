"""The visitor's websocket: acknowledged means logged, clicks turn the slate, other tabs follow."""

import asyncio
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.test import AsyncClient

from recsys.events import Click, SessionBegan, SlateServed
from recsys.learner import Learner
from recsys.log.base import records
from tests.integration.feed.conftest import logged
from tests.integration.feed.tabs import Tab, tab
from tests.patience import PATIENCE_S
from webapp import metrics, wiring
from webapp.feed import own_log
from webapp.feed.consumers import ENDED, TRY_AGAIN_LATER, UNREADABLE, Connection, visitor_socket
from webapp.feed.presence import presence
from webapp.feed.routing import websocket_urlpatterns
from webapp.tracking.consent import SESSION_COOKIE


@contextmanager
def redis_away(settings: Any) -> Iterator[None]:
    """Let pages and sockets look for Redis where there is none, for a while."""
    here = settings.FRESHET_REDIS_URL
    for url in ("redis://127.0.0.1:1/0", here):
        settings.FRESHET_REDIS_URL = url
        wiring.async_redis.cache_clear()
        wiring.async_event_log.cache_clear()
        if url != here:
            yield


async def test_click_is_acknowledged_once_logged_and_turns_the_slate(consenting: AsyncClient):
    async with tab(consenting) as mine:
        clicked = mine.slate.items[4]
        await mine.send(1, clicked)
        assert await mine.hear() == {"type": "ack", "id": 1, "outcomes": {"1": "accepted"}}
        pushed = await mine.hear()
        assert (pushed["type"], pushed["surface"]) == ("slate", "for_you")
        assert f'data-item="{clicked}"' not in pushed["html"]
        assert f'data-slate="{pushed["slate"]}"' in pushed["html"]
    (click,) = logged(Click)
    assert (click.item, click.position) == (clicked, 4)
    assert pushed["slate"] in [slate.slate for slate in logged(SlateServed)]


async def test_impression_is_acknowledged_and_changes_nothing(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(1, mine.slate.items[0], "impression")
        assert (await mine.hear())["outcomes"] == {"1": "accepted"}
        assert await mine.socket.receive_nothing(timeout=0.3)


async def test_page_without_that_slate_gets_none(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(1, mine.slate.items[0], surfaces=[])
        assert (await mine.hear())["type"] == "ack"
        assert await mine.socket.receive_nothing(timeout=0.3)


async def first_film_is_taken_and_followed(visitor: AsyncClient, page: str) -> None:
    mine = Tab(visitor, page)
    await mine.connect()
    await mine.send(1, mine.slate.items[0])
    assert (await mine.hear())["outcomes"] == {"1": "accepted"}
    assert f'data-item="{mine.slate.items[0]}"' not in (await mine.hear())["html"]
    await mine.disconnect()


async def test_list_shown_while_the_log_is_away_is_in_it_before_what_is_clicked_there(
    consenting: AsyncClient, settings: Any
):
    wiring.event_log().append(wiring.replica().world.catalogue)
    with redis_away(settings):
        page = (await consenting.get("/")).content.decode()
    await first_film_is_taken_and_followed(consenting, page)
    assert len(logged(SessionBegan)) == 1
    assert len(logged(SlateServed)) == page.count("data-slate-token") + 1
    counters = learned()
    assert (counters["labels_unknown"], counters["labels_joined"], counters["clicks"]) == (0, 1, 1)


async def test_click_on_a_list_that_was_given_up_is_logged_and_followed_but_teaches_nobody(
    consenting: AsyncClient, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    wiring.event_log().append(wiring.replica().world.catalogue)
    monkeypatch.setattr(own_log, "MOST_WAITING", 0)
    missed = metrics.OWN_EVENTS_UNLOGGED._value.get()
    with redis_away(settings):
        page = (await consenting.get("/")).content.decode()
    lists_and_beginning = page.count("data-slate-token") + 1
    assert metrics.OWN_EVENTS_UNLOGGED._value.get() - missed == lists_and_beginning
    await first_film_is_taken_and_followed(consenting, page)
    counters = learned()
    assert (counters["labels_unknown"], counters["labels_joined"], counters["clicks"]) == (1, 0, 0)


async def test_list_that_waits_for_the_log_goes_with_its_session(consenting: AsyncClient, settings: Any):
    with redis_away(settings):
        await consenting.get("/")
        await consenting.post("/consent/", {"consent": "off"})
    consenting.cookies["freshet_consent"] = "session"
    del consenting.cookies[SESSION_COOKIE]
    await consenting.get("/")
    (began,) = logged(SessionBegan)
    assert {slate.session for slate in logged(SlateServed)} == {began.session}


def learned() -> dict[str, int]:
    """Return what a learner counts that folds the log."""
    learner = Learner(wiring.config())
    learner.fold(records(wiring.event_log()))
    return learner.mark().counters


async def test_click_whose_acknowledgement_was_lost_turns_the_slate_when_it_is_sent_again(consenting: AsyncClient):
    page = (await consenting.get("/")).content.decode()
    lost, again = Tab(consenting, page), Tab(consenting, page)
    clicked = lost.slate.items[4]
    await lost.connect()
    await lost.send(1, clicked)
    await lost.disconnect()
    presence.cache_clear()  # whoever is met next is another process
    await again.connect()
    await again.send(1, clicked)
    assert (await again.hear())["outcomes"] == {"1": "duplicate"}
    pushed = await again.hear()
    assert pushed["surface"] == "for_you"
    assert f'data-item="{clicked}"' not in pushed["html"]
    await again.disconnect()
    assert len(logged(Click)) == 1


async def test_impression_that_is_sent_again_changes_nothing(consenting: AsyncClient):
    async with tab(consenting) as mine:
        for outcome in ("accepted", "duplicate"):
            await mine.send(1, mine.slate.items[0], "impression")
            assert (await mine.hear())["outcomes"] == {"1": outcome}
        assert await mine.socket.receive_nothing(timeout=0.3)


async def test_tabs_of_an_unlogged_visit_are_both_learned_from_though_they_draw_the_same_numbers(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    async with tab(visitor) as one, tab(visitor) as other:
        first, second = one.slate.items[0], other.slate.items[1]
        for each, item in ((one, first), (other, second), (other, second)):
            await each.send(1, item, surfaces=[])
            assert (await each.hear())["outcomes"] == {"1": "unlogged"}
        history = (await visitor.get("/history/")).content.decode()
    assert re.findall(r'<li class="slot" data-item="([^"]+)"', history) == [second, first]
    assert [event.item for event in presence().unlogged_events(one.session) if isinstance(event, Click)] == [
        first,
        second,
    ]


async def test_socket_at_an_address_that_has_none_is_refused(visitor: AsyncClient):
    scope = {"type": "websocket", "path": "/nope/", "headers": []}
    socket = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert await socket.receive_output(timeout=PATIENCE_S) == {"type": "websocket.close"}


async def test_hello_says_from_which_number_on_events_may_count(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(7, mine.slate.items[0])
        await mine.hear()
    again = Tab(consenting, (await consenting.get("/")).content.decode())
    assert (await again.connect())["next_seq"] == 8
    await again.disconnect()


async def test_other_tab_of_the_session_follows(consenting: AsyncClient):
    async with tab(consenting) as mine, tab(consenting) as other:
        await other.send(1, other.slate.items[0], "impression")
        await other.hear()
        clicked = mine.slate.items[3]
        await mine.send(2, clicked)
        followed = await other.hear()
        assert followed["type"] == "slate"
        assert f'data-item="{clicked}"' not in followed["html"]


async def test_tab_on_another_process_follows_from_the_log(consenting: AsyncClient):
    async with tab(consenting) as mine:
        clicked = mine.slate.items[2]
        await mine.send(1, clicked)
        await mine.hear()
        await mine.hear()
    presence.cache_clear()
    async with tab(consenting) as elsewhere:
        assert clicked not in elsewhere.slate.items


async def test_page_left_open_beyond_the_inactivity_gap_goes_on_with_its_session(consenting: AsyncClient):
    page = (await consenting.get("/")).content.decode()
    del consenting.cookies[SESSION_COOKIE]
    opened = Tab(consenting, page)
    await opened.connect()
    await opened.send(1, opened.slate.items[0])
    assert (await opened.hear())["outcomes"] == {"1": "accepted"}
    assert (await opened.hear())["type"] == "slate"
    await opened.disconnect()
    (click,) = logged(Click)
    assert logged(SlateServed)[-1].session == click.session


async def test_page_of_which_nothing_may_be_kept_is_not_logged_by_a_socket_that_may_log(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    page = (await visitor.get("/")).content.decode()
    visitor.cookies["freshet_consent"] = "session"
    del visitor.cookies[SESSION_COOKIE]
    opened = Tab(visitor, page)
    await opened.connect()
    await opened.send(1, opened.slate.items[0])
    assert (await opened.hear())["outcomes"] == {"1": "unlogged"}
    assert await opened.socket.receive_nothing(timeout=0.3)
    await opened.disconnect()
    assert logged(Click) == logged(SlateServed) == []


async def test_without_consent_clicks_turn_the_slate_and_nothing_is_logged(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    async with tab(visitor) as mine:
        await mine.send(1, mine.slate.items[0])
        assert (await mine.hear())["outcomes"] == {"1": "unlogged"}
        assert f'data-item="{mine.slate.items[0]}"' not in (await mine.hear())["html"]
    assert logged(Click) == logged(SlateServed) == []


@pytest.mark.parametrize(
    ("path", "form"), [("/consent/", {"consent": "off"}), ("/lens/forget/", {})], ids=["nothing", "forget"]
)
async def test_nothing_more_is_taken_from_a_tab_whose_visitor_has_ended_the_session(
    consenting: AsyncClient, path: str, form: dict[str, str]
):
    async with tab(consenting) as mine:
        assert (await consenting.post(path, form)).status_code == 302
        await mine.send(1, mine.slate.items[0])
        assert await mine.socket.receive_output(timeout=PATIENCE_S) == {"type": "websocket.close", "code": ENDED}
        assert await mine.socket.receive_nothing(timeout=0.3)
    assert logged(Click) == []


async def test_tab_whose_visitor_allows_more_goes_on(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await consenting.post("/consent/", {"consent": "visitor"})
        await mine.send(1, mine.slate.items[0])
        assert (await mine.hear())["outcomes"] == {"1": "accepted"}


async def test_click_on_something_never_shown_is_refused(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(1, "nothing-like-it")
        assert (await mine.hear())["outcomes"] == {"1": "refused:not_shown"}
        assert await mine.socket.receive_nothing(timeout=0.3)


async def test_unreadable_message_closes_the_socket(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.say("{")
        closed = await mine.socket.receive_output(timeout=PATIENCE_S)
        assert (closed["type"], closed["code"]) == ("websocket.close", UNREADABLE)


async def test_nothing_is_acknowledged_while_the_log_is_away(
    consenting: AsyncClient, redis_server: str, monkeypatch: pytest.MonkeyPatch
):
    async with tab(consenting) as mine:
        client = redis.Redis.from_url(redis_server)
        client.config_set("maxmemory", "1")
        try:
            await mine.send(1, mine.slate.items[0])
            closed = await mine.socket.receive_output(timeout=PATIENCE_S)
        finally:
            client.config_set("maxmemory", "0")
            client.close()
        assert (closed["type"], closed["code"]) == ("websocket.close", TRY_AGAIN_LATER)
    assert logged(Click) == []


async def test_visitor_who_left_before_an_answer_is_no_fault(consenting: AsyncClient):
    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            raise OSError

    async with asyncio.timeout(PATIENCE_S):
        await visitor_socket({"type": "websocket", "path": "/ws/", "cookies": {}}, receive, send)


async def test_closed_connection_is_gone_without_the_garbage_collector(consenting: AsyncClient):
    gc.collect()
    gc.disable()
    try:
        async with tab(consenting) as here:
            await here.send(1, here.slate.items[0])
            await here.hear()
            assert (await here.hear())["type"] == "slate"
            assert connections() == 1
        del here
        assert connections() == 0
    finally:
        gc.enable()


def connections() -> int:
    return sum(isinstance(each, Connection) for each in gc.get_objects())
