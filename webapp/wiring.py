"""The one place where the engine's adapters are chosen.

Each function builds its part once per process, from `webapp.settings`. What is heavy (numba, River) is imported by
the function that needs it, so that `migrate` and Celery's beat stay small; `rewire` is for tests that change settings.
"""

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import redis
import redis.asyncio
from django.conf import settings

from recsys.clock import Clock, SystemClock
from recsys.config import EngineConfig
from recsys.log.append_script import Lifetimes
from recsys.log.redis import RedisLog
from recsys.log.redis_async import AsyncRedisLog
from recsys.log.redis_client import connect, connect_async
from recsys.store.base import DeltaFeed, Lease, SnapshotStore
from recsys.store.redis import RedisDeltas, RedisLease

if TYPE_CHECKING:
    from recsys.log.archive import ArchiveLog
    from recsys.recommender import Recommender
    from recsys.replica import Replica

#: Redis keys of the site itself; the log's and the deltas' are declared in `recsys.log.keys`.
KNOBS_KEY: Final = "freshet:knobs"
FOLD_STATUS_KEY: Final = "freshet:{0}:fold"
REPLICAS_KEY: Final = "freshet:replicas"


@functools.cache
def config() -> EngineConfig:
    """Return the engine's configuration."""
    return EngineConfig(
        model=settings.FRESHET_MODEL,
        most_items=settings.FRESHET_MOST_ITEMS,
        attribution_window_s=settings.FRESHET_ATTRIBUTION_WINDOW_S,
        session_gap_s=settings.FRESHET_SESSION_GAP_S,
        popularity_half_life_s=settings.FRESHET_POPULARITY_HALF_LIFE_S,
        trending_half_life_s=settings.FRESHET_TRENDING_HALF_LIFE_S,
        forgetting_half_life_s=settings.FRESHET_FORGETTING_HALF_LIFE_S,
        slate_size=settings.FRESHET_SLATE_SIZE,
        candidates=settings.FRESHET_CANDIDATES,
        exploration=settings.FRESHET_EXPLORATION_LOGITS,
        curiosity=settings.FRESHET_CURIOSITY_LOGITS,
        diversity=settings.FRESHET_DIVERSITY_LOGITS,
        calibration=settings.FRESHET_CALIBRATION_LOGITS,
        seed=settings.FRESHET_SEED,
        learn_from_simulated=settings.FRESHET_LEARN_FROM_SIMULATED,
    )


@functools.cache
def clock() -> Clock:
    """Return the wall clock."""
    return SystemClock()


@functools.cache
def redis_client() -> redis.Redis:
    """Return the blocking client (tasks, commands, synchronous views)."""
    return connect(settings.FRESHET_REDIS_URL)


@functools.cache
def async_redis() -> redis.asyncio.Redis:
    """Return the client of the web process's event loop."""
    return connect_async(settings.FRESHET_REDIS_URL)


@functools.cache
def event_log() -> RedisLog:
    """Return the live log, for code that may block."""
    return RedisLog(
        redis_client(), max_length=settings.FRESHET_LOG_MAX_EVENTS, lifetimes=_lifetimes(), archive=_archive()
    )


@functools.cache
def async_event_log() -> AsyncRedisLog:
    """Return the live log, for the event loop."""
    return AsyncRedisLog(
        async_redis(), max_length=settings.FRESHET_LOG_MAX_EVENTS, lifetimes=_lifetimes(), archive=_archive()
    )


def _lifetimes() -> Lifetimes:
    return Lifetimes(settings.FRESHET_SESSION_TTL_S, settings.FRESHET_RECOGNISED_SESSION_TTL_S)


def _archive() -> "ArchiveLog":
    from recsys.log.archive import ArchiveLog

    return ArchiveLog(archive_path())


def archive_path() -> Path:
    """Return the folder of the log's archived segments."""
    return Path(settings.FRESHET_VAR) / "archive"


def data_path() -> Path:
    """Return the folder of fetched data sets, their manifests and set-aside rows."""
    return Path(settings.FRESHET_VAR) / "data"


@functools.cache
def snapshots() -> SnapshotStore:
    """Return the store of world snapshots."""
    from recsys.store.files import FileSnapshots

    return FileSnapshots(Path(settings.FRESHET_VAR) / "store")


@functools.cache
def deltas() -> DeltaFeed:
    """Return the way from the learner to the replicas."""
    return RedisDeltas(redis_client())


@functools.cache
def lease() -> Lease:
    """Return the lease that one learner holds at a time."""
    return RedisLease(redis_client())


@functools.cache
def replica() -> "Replica":
    """Return this process's serving copy of the world; `recsys.replica` says how it is kept fresh."""
    from recsys.replica import Replica

    return Replica(config())


@functools.cache
def recommender() -> "Recommender":
    """Return the recommender over this process's replica."""
    from recsys.recommender import Recommender

    return Recommender(config(), lambda: replica().world, clock())


class Knobs:
    """What staff may turn while everything runs, kept in a Redis hash that all processes read."""

    def __init__(self, client: redis.Redis, fold_every_ms: int) -> None:
        self._client = client
        self._fold_every_ms = fold_every_ms

    @property
    def fold_every_ms(self) -> int:
        """Time between folds in milliseconds: the knob, or the setting while nobody has turned it."""
        turned = self._client.hget(KNOBS_KEY, "fold_every_ms")
        return self._fold_every_ms if turned is None else int(turned)

    @fold_every_ms.setter
    def fold_every_ms(self, every_ms: int) -> None:
        self._client.hset(KNOBS_KEY, "fold_every_ms", every_ms)


@functools.cache
def knobs() -> Knobs:
    """Return the knobs."""
    return Knobs(redis_client(), settings.FRESHET_FOLD_EVERY_MS)


def rewire() -> None:
    """Forget everything built so far; the next call builds it from the settings as they are then."""
    parts: tuple[functools._lru_cache_wrapper[Any], ...] = (
        config, clock, redis_client, async_redis, event_log, async_event_log,
        snapshots, deltas, lease, replica, recommender, knobs,
    )  # fmt: skip
    for part in parts:
        part.cache_clear()
