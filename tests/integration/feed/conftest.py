"""A small catalogue on the real wiring: pages, socket and browser see the same site."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import redis
import uvicorn
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.test import AsyncClient
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from recsys.events import Event, ItemUpserted
from recsys.learner import Learner
from recsys.log.base import records
from recsys.world import World
from tests.chromium import launch_options
from webapp import wiring
from webapp.feed.lens import journeys as journeys_module
from webapp.feed.lens.memory import lens_memory
from webapp.feed.presence import presence
from webapp.feed.routing import websocket_urlpatterns
from webapp.pages import page_handler
from webapp.redis_server import free_port

GENRES = ("Horror", "Western", "Musical")
FILMS_EACH = 8


@pytest.fixture
def empty_site(wired: redis.Redis, settings: Any) -> None:
    settings.FRESHET_CONSENT_DEFAULT = "session"
    settings.ALLOWED_HOSTS = ["*"]
    settings.SECRET_KEY = "a key that only this test knows, and nobody else"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def stocked(empty_site: None) -> None:
    stock()


def stock(genres: Sequence[str] = GENRES) -> None:
    """Put films into this process's replica, as its learner would."""
    world = wiring.replica().world
    for number in range(FILMS_EACH):
        for genre in genres:
            world.upsert_item(
                ItemUpserted(
                    event_time_ms=1_000 + number,
                    item=f"{genre.lower()}-{number}",
                    title=f"{genre} Nights {number}",
                    categories=(genre,),
                    year=1_960 + number,
                )
            )


def renumbered() -> World:
    """Return a world that holds the same films in other rows, as a snapshot brings after items were evicted."""
    held = wiring.replica().world
    wiring.replica().world = World(wiring.config())
    stock(GENRES[::-1])
    other, wiring.replica().world = wiring.replica().world, held
    return other


@pytest.fixture
def visitor(stocked: None) -> AsyncClient:
    """A browser without scripts."""
    return AsyncClient()


@pytest.fixture
def consenting(visitor: AsyncClient) -> AsyncClient:
    """One who lets their session be logged."""
    visitor.cookies["freshet_consent"] = "session"
    return visitor


@pytest.fixture
async def address(compiled: None, stocked: None) -> AsyncIterator[str]:
    """Serve the site in this event loop; yield its address."""
    sockets = CookieMiddleware(URLRouter(websocket_urlpatterns))
    application = ProtocolTypeRouter({"http": page_handler(), "websocket": sockets})
    port = free_port()
    config = uvicorn.Config(
        application, port=port, log_level="error", ws="websockets-sansio", lifespan="off", timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    # Requests that are under way may end: one that is cut off would leave its body open.
    server.should_exit = True
    await serving


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    options = launch_options()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**options)
        yield browser
        await browser.close()


@pytest.fixture
async def desk(chromium: Browser) -> BrowserContext:
    """A browser that is wide enough for the panel."""
    return await chromium.new_context(viewport={"width": 1_440, "height": 900})


@pytest.fixture
async def page(address: str, desk: BrowserContext) -> AsyncIterator[Page]:
    """The front page, open; nothing on it may fail."""
    page, complaints = await desk.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(address)
    yield page
    assert complaints == []


def logged(kind: type[Event]) -> list[Any]:
    """Return the log's events of one kind."""
    return [record.event for record in records(wiring.event_log()) if isinstance(record.event, kind)]


def session_events(session: str) -> Sequence[Event]:
    """Return what a session did, in log order."""
    return wiring.event_log().session_events(session)


FILMS = [
    ItemUpserted(
        event_time_ms=1_000,
        item=f"{genre.lower()}-{number}",
        title=f"{genre} {number}",
        categories=(genre,),
        year=1_980,
    )
    for number in range(FILMS_EACH)
    for genre in GENRES
]


def fold() -> None:
    """Let this process's replica learn what the log holds."""
    learner = Learner(wiring.config())
    learner.fold(records(wiring.event_log()))
    wiring.replica().load(learner.snapshot())


@pytest.fixture
def whole_lists(settings: Any) -> None:
    """Lists have every film, so that chance decides on their order alone; comes before what makes the site."""
    settings.FRESHET_SLATE_SIZE = len(FILMS)


@pytest.fixture
def lived(empty_site: None) -> Iterator[None]:
    """A site whose world came out of its log."""
    for cached in (journeys_module.journeys, journeys_module._past, presence, lens_memory):
        cached.cache_clear()
    wiring.event_log().append(FILMS)
    fold()
    yield
    journeys_module.journeys().close()
