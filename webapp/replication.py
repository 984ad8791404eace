"""Keeps this process's replica fresh between requests, and tells the others how fresh it is.

Reading Redis and files happens on a thread; a delta is applied, and a snapshot's world swapped in, on the event loop in
one step between requests, so that no slate is made from half a change.
"""

import asyncio
import functools
import os
import secrets
import socket
from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis
import structlog
from django.conf import settings

from recsys.clock import Clock
from recsys.errors import CorruptState, DeltaGap, LogUnavailable, StoreUnavailable
from recsys.log.base import Reader
from recsys.offsets import ORIGIN, Offset, offset_key
from recsys.store.base import DeltaFeed, Manifest, SnapshotStore
from webapp import learning_lag, metrics, wiring
from webapp.background import before_serving, while_serving

if TYPE_CHECKING:
    from recsys.replica import Replica

#: How often a replica shows itself, and after which silence it counts as gone.
HEARTBEAT_EVERY_S: Final = 2.0
GONE_AFTER_MS: Final = 10_000

#: Deltas that are taken in one look.
_DELTAS: Final = 100

_logger = structlog.get_logger(__name__)


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """One web process's replica, as staff see it.

    Attributes
    ----------
    name : str
        Host, process id, and a random part.
    at_ms : int
        When it showed itself (wall clock).
    version : Offset
        What its world has folded.
    behind_ms : int
        Age of the oldest event in the live log that its world has not folded; 0 when there is none.
    items : int
        Items that it can recommend.
    """

    name: str
    at_ms: int
    version: Offset
    behind_ms: int
    items: int


class Replication:
    """One process's replica and what feeds it.

    Attributes
    ----------
    behind_ms : int
        As in `Heartbeat`, when last looked.
    """

    def __init__(
        self, replica: "Replica", snapshots: SnapshotStore, deltas: DeltaFeed, log: Reader, clock: Clock
    ) -> None:
        self.behind_ms = 0
        self._replica = replica
        self._snapshots = snapshots
        self._deltas = deltas
        self._log = log
        self._clock = clock
        self._after: Offset = ORIGIN
        self._tried = ""

    async def load(self) -> None:
        """Take in the newest snapshot, unless it was the last that was tried."""
        found = await asyncio.to_thread(self._newer)
        if found is None:
            return
        manifest, payload = found
        self._tried = manifest.sha256
        try:
            world = await asyncio.to_thread(self._replica.read, payload)
        except CorruptState as error:
            _logger.error("snapshot_unreadable", sha256=manifest.sha256, error=str(error))
        else:
            self._replica.world = world
            _logger.info("replica_loaded", version=self._replica.version, sha256=manifest.sha256)

    def _newer(self) -> tuple[Manifest, bytes] | None:
        manifests = self._snapshots.manifests()
        if not manifests or manifests[0].sha256 == self._tried:
            return None
        found = self._snapshots.newest(wiring.config().digest())
        # The newest that can be read may be older than what the deltas have brought: a replica never goes back.
        if found is None or offset_key(found[0].offsets["0"]) <= offset_key(self._replica.version):
            return None
        return found

    async def refresh(self) -> int:
        """Apply the deltas published since the last look; return how many there were.

        A delta that does not fit means that some were missed (or that the learner began anew): the next snapshot has
        what they had.

        Raises
        ------
        StoreUnavailable
            When the feed can't be reached: the replica serves what it has.
        """
        found = await asyncio.to_thread(self._deltas.read, self._after, _DELTAS)
        for delta_id, payload in found:
            if not self._applied(payload):
                await self.load()
                self._applied(payload)
            self._after = delta_id
        return len(found)

    def _applied(self, payload: bytes) -> bool:
        try:
            metrics.REPLICA_DELTAS.inc(self._replica.apply(payload))
            learning_lag.lags().note(self._replica.clicked_ms, self._clock.now_ms())
        except (DeltaGap, CorruptState) as error:
            _logger.info("delta_does_not_fit", version=self._replica.version, reason=str(error))
            return False
        return True

    async def heartbeat(self) -> Heartbeat:
        """Look how far behind the log the replica is. Raises `LogUnavailable`."""
        version = self._replica.version
        waiting = await asyncio.to_thread(self._log.read, version, 1)
        now_ms = self._clock.now_ms()
        self.behind_ms = max(0, now_ms - waiting[0].received_ms) if waiting else 0
        return Heartbeat(
            name=process_name(),
            at_ms=now_ms,
            version=version,
            behind_ms=self.behind_ms,
            items=available_items(self._replica),
        )


def available_items(replica: "Replica") -> int:
    """Return how many items the replica can recommend."""
    return int(replica.world.items["available"].sum())


@functools.cache
def process_name() -> str:
    """Return a name for this process, the same wherever it shows itself: host, process id, and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"


@functools.cache
def replication() -> Replication:
    """Return this process's replication."""
    return Replication(wiring.replica(), wiring.snapshots(), wiring.deltas(), wiring.event_log(), wiring.clock())


@before_serving
async def compile_loops() -> None:
    """Compile what serving runs, so that the first visitor does not wait for it."""
    from recsys.recommender import warm_up

    await asyncio.to_thread(warm_up, wiring.config())


@before_serving
async def load_replica() -> None:
    """Begin with the newest snapshot; the deltas since then follow while serving."""
    await replication().load()


@while_serving
async def keep_replica_fresh() -> None:
    """Take in deltas as they come; without Redis serve what there is, and look again."""
    away = False
    while True:
        try:
            taken = await replication().refresh()
        except StoreUnavailable as error:
            if not away:
                _logger.warning("replica_not_refreshed", error=str(error))
            away, taken = True, 0
        else:
            away = False
        if taken < _DELTAS:
            await asyncio.sleep(settings.FRESHET_REPLICA_REFRESH_MS / 1_000)


@while_serving
async def show_replica() -> None:
    """Let the staff page know that this process serves, and what."""
    while True:
        try:
            await asyncio.to_thread(announce, wiring.redis_client(), await replication().heartbeat())
            await asyncio.to_thread(
                learning_lag.lags().post, wiring.redis_client(), process_name(), wiring.clock().now_ms()
            )
        except (LogUnavailable, redis.RedisError) as error:
            _logger.debug("heartbeat_missed", error=str(error))
        await asyncio.sleep(HEARTBEAT_EVERY_S)


def announce(client: redis.Redis, heartbeat: Heartbeat) -> None:
    """Publish a heartbeat; the hash goes when nobody has for a while."""
    pipeline = client.pipeline()
    pipeline.hset(wiring.REPLICAS_KEY, heartbeat.name, msgspec.json.encode(heartbeat))
    pipeline.pexpire(wiring.REPLICAS_KEY, GONE_AFTER_MS)
    pipeline.execute()


def heartbeats(client: redis.Redis, now_ms: int) -> list[Heartbeat]:
    """Return the replicas that showed themselves lately, by name; those that are gone are forgotten."""
    stored: Any = client.hgetall(wiring.REPLICAS_KEY)
    found = [msgspec.json.decode(payload, type=Heartbeat) for payload in stored.values()]
    gone = [beat.name for beat in found if now_ms - beat.at_ms > GONE_AFTER_MS]
    if gone:
        client.hdel(wiring.REPLICAS_KEY, *gone)
    return sorted((beat for beat in found if beat.name not in gone), key=lambda beat: beat.name)
