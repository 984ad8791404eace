"""How a visit began: logged once, before all else, in coarse classes; shown to the visitor; and of use to the slate."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.test import AsyncClient

from recsys.events import SessionBegan, SessionEvent
from tests.integration.feed.conftest import logged
from tests.integration.feed.test_feed_pages import opened
from webapp import wiring
from webapp.feed.presence import WAIT_S, presence
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


@pytest.mark.parametrize("consent", ["session", "visitor"])
async def test_page_waits_little_for_a_log_that_hangs_and_the_next_ones_less(
    compiled: None, visitor: AsyncClient, settings: Any, consent: str
):
    waited: list[float] = []
    visitor.cookies["freshet_consent"] = consent
    async with hanging(settings):
        for _ in range(3):
            began_s = time.monotonic()
            assert "For you" in await arrive(visitor)
            waited.append(time.monotonic() - began_s)
    first, *others = waited
    assert first < (2.6 if consent == "session" else 3.6) * WAIT_S
    assert max(others) < 1.6 * WAIT_S


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
