"""How a visit began: logged once, before all else, in coarse classes; shown to the visitor; and of use to the slate."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from django.test import AsyncClient

from recsys.events import SessionBegan, SessionEvent
from tests.integration.feed.conftest import logged
from tests.integration.feed.test_feed_pages import opened
from webapp import wiring
from webapp.feed import own_log as own_log_module
from webapp.feed import presence as presence_module
from webapp.feed.presence import presence
from webapp.tracking.consent import SESSION_COOKIE, visit_from
from webapp.tracking.tokens import read_session

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148"


async def arrive(visitor: AsyncClient, path: str = "/") -> str:
    return await opened(visitor, path, user_agent=PHONE, referer="https://www.google.com/search?q=secret+westerns")


async def test_a_visit_is_logged_as_begun_once_and_before_its_first_slate(visitor: AsyncClient):
    await arrive(visitor, "/item/horror-1/")
    await arrive(visitor)
    session = read_session(visitor.cookies[SESSION_COOKIE].value).session
    assert isinstance(logged(SessionEvent)[0], SessionBegan)
    (began,) = logged(SessionBegan)
    assert (began.session, began.referrer, began.page, began.device) == (session, "search", "item", "phone")


async def test_no_address_and_no_agent_is_kept(visitor: AsyncClient):
    await arrive(visitor)
    held = (await visitor.get("/lens/data.json")).content.decode()
    assert '"session_began"' in held
    assert "secret" not in held and "iPhone" not in held


async def test_visitor_is_told_what_is_known_of_how_they_came(visitor: AsyncClient):
    await arrive(visitor)
    html = re.sub(r"\s+", " ", await opened(visitor, "/lens/data/"))
    assert "<dt>How you came</dt> <dd> from a search engine, began on the front page, on a phone;" in html


async def test_session_that_another_process_takes_over_came_as_it_came(visitor: AsyncClient):
    await arrive(visitor)
    visit = visit_from({name: morsel.value for name, morsel in visitor.cookies.items()}, 0)
    here = (await presence().session(visit)).context.classes()
    presence().forget(visit.session)
    assert len(here) == 4
    assert (await presence().session(visit)).context.classes() == here


async def test_without_consent_it_is_known_in_memory_alone(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    await arrive(visitor)
    assert logged(SessionEvent) == []
    assert "from a search engine" in await opened(visitor, "/lens/data/")


@pytest.mark.usefixtures("without_redis")
async def test_page_is_shown_where_it_can_not_be_logged(visitor: AsyncClient):
    assert "For you" in await arrive(visitor)


@pytest.mark.parametrize(("consent", "waits"), [("session", [1, 1, 1]), ("visitor", [2, 1, 1])])
async def test_page_waits_little_for_a_log_that_hangs_and_the_next_ones_less(
    visitor: AsyncClient, settings: Any, ran_out: Callable[[], int], consent: str, waits: list[int]
):
    visitor.cookies["freshet_consent"] = consent
    waited = [0]
    async with hanging(settings):
        for _ in waits:
            assert "For you" in await arrive(visitor)
            waited.append(ran_out())
    assert [after - before for before, after in pairwise(waited)] == waits


@pytest.fixture
def ran_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let pages wait for a moment only; return what tells how often one waited in vain so far."""
    moment_s, timeouts, late = 0.017, list[asyncio.Timeout](), list[asyncio.Task[None]]()
    timeout, wait = asyncio.timeout, asyncio.wait

    def noted(delay: float | None) -> asyncio.Timeout:
        limit = timeout(delay)
        if delay == moment_s:
            timeouts.append(limit)
        return limit

    async def noting(tasks: Any, *, timeout: float | None = None, **rest: Any) -> Any:
        done, pending = await wait(tasks, timeout=timeout, **rest)
        if timeout == moment_s:
            late.extend(pending)
        return done, pending

    monkeypatch.setattr(presence_module, "WAIT_S", moment_s)
    monkeypatch.setattr(own_log_module, "WAIT_S", moment_s)
    monkeypatch.setattr(asyncio, "timeout", noted)
    monkeypatch.setattr(asyncio, "wait", noting)
    return lambda: len(late) + sum(limit.expired() for limit in timeouts)


@asynccontextmanager
async def hanging(settings: Any) -> AsyncIterator[None]:
    """Let the site find a Redis that accepts connections and says nothing."""
    said = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await said.wait()
        writer.close()

    server, here = await asyncio.start_server(silent, "127.0.0.1", 0), settings.FRESHET_REDIS_URL
    for url in (f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", here):
        settings.FRESHET_REDIS_URL = url
        wiring.async_redis.cache_clear()
        wiring.async_event_log.cache_clear()
        if url != here:
            yield
    said.set()
    server.close()
