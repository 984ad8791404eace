"""What all tests share: one real Redis-compatible server."""

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp import redis_server as server_process

_shards = itertools.count(time.time_ns())


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a real server: the one that FRESHET_TEST_REDIS_URL names, else one started for this run."""
    if url := os.environ.get("FRESHET_TEST_REDIS_URL"):
        yield url
        return
    directory: Path = tmp_path_factory.mktemp("redis")
    server = server_process.start(directory, server_process.free_port(), appendfsync="no")
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def shard() -> int:
    """Return the number of a shard that nobody used before: tests share a server without emptying it."""
    return next(_shards)
