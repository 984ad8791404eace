"""Connections to the Redis server that holds the log, and what its failures are called here."""

import contextlib
from collections.abc import Iterator
from typing import Final

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.backoff
import redis.retry

from recsys.errors import LogUnavailable

_HEALTH_CHECK_S: Final = 15


def connect(url: str, timeout_s: float = 5.0) -> redis.Redis:
    """Return a blocking client for the log and the stores; connects when first used, and again after a failure.

    It never sends a command twice by itself: an append of server-made events that was cut off might have happened.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        health_check_interval=_HEALTH_CHECK_S,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    )


def connect_async(url: str, timeout_s: float = 5.0) -> redis.asyncio.Redis:
    """Return a client for one event loop; otherwise as `connect`."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        health_check_interval=_HEALTH_CHECK_S,
        retry=redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0),
    )


@contextlib.contextmanager
def log_errors() -> Iterator[None]:
    """Turn whatever Redis raises into `LogUnavailable`: in no such case was anything acknowledged."""
    try:
        yield
    except redis.RedisError as error:
        raise LogUnavailable(why(error)) from error


def why(error: redis.RedisError) -> str:
    """Return what to tell about a failure of Redis."""
    return f"expected the log's Redis server to answer, received {type(error).__name__}: {error}"


def trouble(error: redis.RedisError) -> str:
    """Return what is wrong with Redis, to go on from: one that is full, or a copy of another, answers and says no."""
    return "Redis takes nothing" if isinstance(error, redis.ResponseError) else "Redis can't be reached"
