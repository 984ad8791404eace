"""Whether a visitor would be served well, and the numbers that are read when they are asked for."""

import asyncio
from typing import Final

import msgspec
import redis
from django.conf import settings

from webapp import background, metrics, replication, wiring
from webapp.training.status import board

ANSWER_TIMEOUT_S: Final = 1.0
#: A key that nobody sets.
_NOWHERE: Final = "freshet:nowhere"


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
    """Look at everything that serving well needs. Takes `ANSWER_TIMEOUT_S` at most."""
    served, behind_ms = wiring.replica(), replication.replication().behind_ms
    items = replication.available_items(served)
    problems = [f"{task} ended: {error}" for task, error in background.failures().items()]
    if not items:
        problems.append("no items: load a data set and let the worker fold it")
    if trouble := await redis_trouble():
        problems.append(f"{trouble}: events wait in the browsers, and nothing is learned")
    if behind_ms > settings.FRESHET_STALE_AFTER_S * 1_000:
        problems.append(f"the model is {behind_ms / 1_000:.0f} s behind the log: is the worker running?")
    return Readiness(ready=not problems, problems=problems, version=served.version, behind_ms=behind_ms, items=items)


async def redis_trouble() -> str | None:
    """Return what is wrong with Redis, None where it answers in time and would take what is written."""
    try:
        # Nothing is ever there, so nothing is written; one that is full, or a copy of another, says no all the same.
        await asyncio.wait_for(wiring.async_redis().set(_NOWHERE, b"", xx=True), ANSWER_TIMEOUT_S)
    except redis.ResponseError as error:
        return f"Redis takes nothing ({error})"
    except (redis.RedisError, TimeoutError):
        return "Redis does not answer"
    return None


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
        metrics.LOG_LOSSES.set(status.losses)
