"""What all tests share: one real Redis-compatible server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp import redis_server as server_process


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
