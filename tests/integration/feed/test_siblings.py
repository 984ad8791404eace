"""A session's tabs hear of each other, on this process and, by a real channel layer, on others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from channels.layers import channel_layers, get_channel_layer

from tests.patience import PATIENCE_S
from webapp import redis_server as redis_server_process
from webapp.feed import siblings as siblings_module
from webapp.feed.coalesced import Coalesced
from webapp.feed.siblings import Siblings

SESSIONS = 50
TOLD = 20


class Heard:
    """A tab that notes how often it followed, and whether it ended."""

    def __init__(self) -> None:
        self.times = 0
        self.ended = False
        self.event = asyncio.Event()

    def wake(self) -> None:
        self.times += 1
        self.event.set()

    def end(self) -> None:
        self.ended = True
        self.event.set()


def use_layer(settings: Any, redis_url: str) -> None:
    config = {"hosts": [redis_url], "prefix": "test:channels"}
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": config}
    }
    channel_layers.backends = {}


async def someone_listens(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        while not client.pubsub_channels("test:channels__group__*"):
            await asyncio.sleep(0.01)


@pytest.fixture
async def layer(redis_server: str, settings: Any) -> AsyncIterator[None]:
    """Use the channel layer of production, over a real server."""
    use_layer(settings, redis_server)
    yield
    await get_channel_layer().flush()
    channel_layers.backends = {}


@pytest.fixture
async def processes(layer: None, redis_server: str) -> AsyncIterator[tuple[Siblings, Siblings]]:
    """Two processes, both listening."""
    here, there = Siblings(), Siblings()
    listening = [asyncio.create_task(one.listen()) for one in (here, there)]
    await someone_listens(redis_server)
    yield here, there
    for task in listening:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_tab_on_another_process_is_woken_and_who_did_it_is_not(processes: tuple[Siblings, Siblings]) -> None:
    here, there = processes
    mine, other, stranger = Heard(), Heard(), Heard()
    here.join("visit", mine)
    there.join("visit", other)
    there.join("another", stranger)
    here.tell("visit", mine)
    async with asyncio.timeout(PATIENCE_S):
        await other.event.wait()
    assert (mine.times, other.times, stranger.times) == (0, 1, 0)


async def test_tabs_of_a_session_that_ended_hear_it_on_every_process(processes: tuple[Siblings, Siblings]) -> None:
    here, there = processes
    mine, other, stranger = Heard(), Heard(), Heard()
    here.join("visit", mine)
    there.join("visit", other)
    there.join("another", stranger)
    here.end("visit")
    async with asyncio.timeout(PATIENCE_S):
        await other.event.wait()
    assert (mine.ended, other.ended, stranger.ended) == (True, True, False)
    assert (mine.times, other.times) == (0, 0)


async def test_end_that_could_not_be_told_is_told_with_what_happens_next(
    processes: tuple[Siblings, Siblings], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = processes
    ending, changing = Heard(), Heard()
    there.join("visit", ending)
    there.join("another", changing)
    with monkeypatch.context() as away:
        away.setattr(siblings_module, "get_channel_layer", Away)
        here.end("visit")
        await asyncio.sleep(0.05)
    here.tell("another")
    async with asyncio.timeout(PATIENCE_S):
        await ending.event.wait()
    assert (ending.ended, changing.ended) == (True, False)


class Away:
    """A channel layer that can't be reached."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        raise redis.ConnectionError("expected an answer, received none")


async def test_tab_of_the_same_process_is_woken_while_the_layer_is_away(settings: Any) -> None:
    use_layer(settings, "redis://127.0.0.1:1/0")
    here = Siblings()
    mine, other = Heard(), Heard()
    for heard in (mine, other):
        here.join("visit", heard)
    here.tell("visit", mine)
    async with asyncio.timeout(PATIENCE_S):
        await other.event.wait()
    assert mine.times == 0


async def test_listening_ends_when_the_server_stops_while_the_layer_is_away(settings: Any, tmp_path: Path) -> None:
    server = redis_server_process.start(tmp_path, redis_server_process.free_port(), appendfsync="no")
    use_layer(settings, server.url)
    listening = asyncio.create_task(Siblings().listen())
    try:
        await someone_listens(server.url)
    finally:
        server.stop()
    listening.cancel()
    done, _ = await asyncio.wait([listening], timeout=PATIENCE_S)
    assert done and listening.cancelled()
    await get_channel_layer().flush()
    channel_layers.backends = {}


async def test_what_changes_while_a_message_is_under_way_is_one_more_message(
    processes: tuple[Siblings, Siblings], redis_server: str
) -> None:
    here, there = processes
    all_heard = [Heard() for _ in range(SESSIONS)]
    for number, heard in enumerate(all_heard):
        there.join(f"visit-{number}", heard)
    client = redis.Redis.from_url(redis_server)
    before = published(client)
    for _ in range(TOLD):
        for number in range(SESSIONS):
            here.tell(f"visit-{number}", Heard())
    async with asyncio.timeout(PATIENCE_S):
        for heard in all_heard:
            await heard.event.wait()
    assert published(client) - before <= 2
    client.close()


async def test_tab_follows_once_for_all_that_happened_while_it_followed() -> None:
    go_on, times = asyncio.Event(), 0

    async def follow() -> None:
        nonlocal times
        times += 1
        await go_on.wait()

    tab = Coalesced(follow)
    tab.wake()
    await asyncio.sleep(0)
    for _ in range(5):
        tab.wake()
    go_on.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert times == 2
    await tab.close()


async def test_tab_that_failed_to_follow_follows_the_next_time() -> None:
    times = 0

    async def follow() -> None:
        nonlocal times
        times += 1
        raise ConnectionError("gone")

    tab = Coalesced(follow)
    for _ in range(2):
        tab.wake()
        for _ in range(3):
            await asyncio.sleep(0)
    assert times == 2


async def test_closed_tab_is_left_alone() -> None:
    times = 0

    async def follow() -> None:
        nonlocal times
        times += 1

    tab = Coalesced(follow)
    tab.wake()
    await tab.close()
    tab.wake()
    await asyncio.sleep(0.01)
    assert times == 0


def published(client: redis.Redis) -> int:
    return client.info("commandstats").get("cmdstat_publish", {}).get("calls", 0)
