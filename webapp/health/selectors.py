"""Whether a visitor would be served well, and the numbers that are read when they are asked for."""

import asyncio
from typing import Final

import msgspec
import redis
from django.conf import settings

from webapp import background, metrics, replication, wiring
from webapp.training.status import board

PING_TIMEOUT_S: Final = 1.0


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``/readyz``.

    Attributes
    ----------
    ready : bool
        Whether `problems` is empty.
    problems : list of str
        What stands in the way, in words.
    version : str
        Log offset that this process's model has folded.
    behind_ms : int
        Age of the oldest event that it has not folded; 0 when it has all.
    items : int
        Items that it can recommend.
    """

    ready: bool
    problems: list[str]
    version: str
    behind_ms: int
    items: int


async def readiness() -> Readiness:
    """Look at everything that serving well needs. Takes `PING_TIMEOUT_S` at most."""
    served, behind_ms = wiring.replica(), replication.replication().behind_ms
    items = replication.available_items(served)
    problems = [f"{task} ended: {error}" for task, error in background.failures().items()]
    if not items:
        problems.append("no items: load a data set and let the worker fold it")
    if not await redis_answers():
        problems.append("Redis does not answer: events wait in the browsers, and nothing is learned")
    if behind_ms > settings.FRESHET_STALE_AFTER_S * 1_000:
        problems.append(f"the model is {behind_ms / 1_000:.0f} s behind the log: is the worker running?")
    return Readiness(ready=not problems, problems=problems, version=served.version, behind_ms=behind_ms, items=items)


async def redis_answers() -> bool:
    """Return whether Redis answers in time."""
    try:
        await asyncio.wait_for(wiring.async_redis().ping(), PING_TIMEOUT_S)
    except (redis.RedisError, TimeoutError):
        return False
    return True


def measure() -> None:
    """Bring the gauges up to date that are read from elsewhere; without Redis they stay as they were."""
    metrics.REPLICA_ITEMS.set(replication.available_items(wiring.replica()))
    metrics.REPLICA_BEHIND_SECONDS.set(replication.replication().behind_ms / 1_000)
    try:
        status = board().read()
    except redis.RedisError:
        return
    if status is not None:
        metrics.FOLD_LAG_SECONDS.set(status.lag_ms / 1_000)
        metrics.FOLD_SILENCE_SECONDS.set(max(wiring.clock().now_ms() - status.ran_ms, 0) / 1_000)
        metrics.LOG_EVENTS.set(status.log_length)
