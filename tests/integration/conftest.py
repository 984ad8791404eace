"""The site's own wiring, over a real server and a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pytest_django.fixtures import SettingsWrapper

from webapp import replication, wiring


@pytest.fixture
def wired(redis_server: str, settings: SettingsWrapper, tmp_path: Path) -> Iterator[redis.Redis]:
    """Wire the site to an empty Redis and an empty folder; yield the Redis client."""
    settings.FRESHET_REDIS_URL, settings.FRESHET_VAR = redis_server, tmp_path
    _forget()
    wiring.redis_client().flushdb()
    yield wiring.redis_client()
    wiring.redis_client().close()
    _forget()


@pytest.fixture
def without_redis(wired: redis.Redis, settings: SettingsWrapper) -> None:
    """Let the site look for Redis where there is none."""
    settings.FRESHET_REDIS_URL = "redis://127.0.0.1:1/0"
    _forget()


def _forget() -> None:
    wiring.rewire()
    replication.replication.cache_clear()
