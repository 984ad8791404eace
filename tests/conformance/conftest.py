"""What the conformance suites share: a shard that nobody else uses, on a real server."""

import itertools
import os

import pytest

_shards = itertools.count(os.getpid() * 1_000_000)


@pytest.fixture
def shard() -> int:
    """Return the number of a fresh shard, so that tests can share a server without emptying it."""
    return next(_shards)
