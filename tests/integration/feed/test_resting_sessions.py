"""A visitor who comes back to a session that rests is met as they were."""

import time
from typing import Any

import pytest
import redis
from django.test import AsyncClient

from recsys.events import Click
from recsys.log.keys import LogKeys
from tests.integration.feed.conftest import FILMS, logged, session_events
from tests.integration.feed.tabs import tab
from tests.integration.feed.test_lens_travel import browse
from webapp import wiring
from webapp.feed.presence import presence
from webapp.tracking.consent import SESSION_COOKIE
from webapp.tracking.tokens import read_session
from webapp.training import services

#: A moment that everything is older than.
LATER_MS = 2**42


@pytest.fixture(autouse=True)
def in_a_world_that_lived(whole_lists: None, lived: None, settings: Any) -> None:
    """Its writer archives at once, and lets sessions rest soon."""
    settings.FRESHET_SESSION_REST_S = settings.FRESHET_ARCHIVE_EVERY_S = 1


@pytest.fixture
def returning() -> AsyncClient:
    client = AsyncClient()
    client.cookies["freshet_consent"] = "session"
    return client


def held(client: redis.Redis, session: str) -> int:
    return client.llen(LogKeys().session(session))


def rest(client: redis.Redis, session: str) -> None:
    """Let the session rest; its process has let it go by then as well."""
    services.retention().archive(wiring.event_log().end())
    services.resting().run(f"{LATER_MS}-0", LATER_MS)
    presence().forget(session)
    assert held(client, session) == 1


@pytest.mark.django_db
def test_fold_archives_and_lets_sessions_rest(wired: redis.Redis):
    wiring.event_log().append([Click(event_time_ms=5_000, session="s", seq=seq, item="horror-1") for seq in (1, 2, 3)])
    for _ in range(6):  # of which the first may compile for a minute
        wiring.event_log().append(FILMS[:1])
        services.fold()
        time.sleep(0.5)
    assert held(wired, "s") == 1
    assert [event.seq for event in session_events("s") if isinstance(event, Click)] == [1, 2, 3]
    services.release()


async def test_session_goes_on_where_it_rested(wired: redis.Redis, returning: AsyncClient):
    session = await browse(returning, learning=False)
    before, clicks = session_events(session), [event.item for event in logged(Click)]
    rest(wired, session)

    assert session_events(session) == before
    async with tab(returning) as mine:
        assert read_session(returning.cookies[SESSION_COOKIE].value).session == session
        await mine.send(200, next(item for item in mine.slate.items if item not in clicks))
        await mine.hear()
    after = session_events(session)
    assert held(wired, session) == len(after) > len(before)
    assert after[: len(before)] == before
    assert [event.item for event in after if isinstance(event, Click)][:2] == clicks
    assert len([event for event in after if isinstance(event, Click)]) == 3


async def test_page_knows_what_was_clicked_before_the_rest(wired: redis.Redis, returning: AsyncClient):
    session = await browse(returning, learning=False)
    rest(wired, session)

    await returning.get("/")
    known = presence()._logged[session].session.known
    assert known.clicked == [wiring.replica().world.rows[event.item] for event in logged(Click)]
