"""The site's own wiring, over a real server and a folder of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from recsys.config import EngineConfig
from recsys.recommender import warm_up
from webapp import replication, wiring
from webapp.analytics.services import aggregate_writer
from webapp.training import services


@pytest.fixture(scope="session")
def compiled() -> None:
    """Compile beforehand what would hold up the event loop that site and browser's test share."""
    warm_up(EngineConfig())


@pytest.fixture
async def wired(redis_server: str, settings: Any, tmp_path: Path) -> AsyncIterator[redis.Redis]:
    """Wire the site to an empty Redis and an empty folder; yield the Redis client."""
    settings.FRESHET_REDIS_URL, settings.FRESHET_VAR = redis_server, tmp_path
    _forget()
    wiring.redis_client().flushdb()
    yield wiring.redis_client()
    await wiring.async_redis().aclose()
    wiring.redis_client().close()
    _forget()


@pytest.fixture
async def without_redis(wired: redis.Redis, settings: Any) -> None:
    """Let the site look for Redis where there is none."""
    wired.close()
    settings.FRESHET_REDIS_URL = "redis://127.0.0.1:1/0"
    _forget()


@pytest.fixture
def full_redis(wired: redis.Redis) -> Iterator[None]:
    """Let Redis hold no more than it does."""
    most = wired.config_get("maxmemory")["maxmemory"]
    wired.config_set("maxmemory", 1)
    yield
    wired.config_set("maxmemory", most)


def _forget() -> None:
    wiring.rewire()
    replication.replication.cache_clear()
    for part in (services.writer, services.whole_log, services.retention, services.resting, aggregate_writer):
        part.cache_clear()
