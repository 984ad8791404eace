"""Keeps this process's replica fresh between requests, and tells the others how fresh it is.

Reading Redis and files happens on a thread; a delta is applied on the event loop, in one step between requests, so that
no slate is made from half a change.
"""

import asyncio
import functools
import os
import secrets
import socket
from collections.abc import Sequence
from typing import Final

import msgspec
import redis
import structlog
from django.conf import settings

from recsys.clock import Clock
from recsys.errors import CorruptState, DeltaGap, LogUnavailable, StoreUnavailable
from recsys.log.base import Reader
from recsys.offsets import ORIGIN, Offset
from recsys.replica import Replica
from recsys.store.base import DeltaFeed, SnapshotStore
from webapp import metrics, wiring
from webapp.background import before_serving, while_serving

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
        self, replica: Replica, snapshots: SnapshotStore, deltas: DeltaFeed, log: Reader, clock: Clock
    ) -> None:
        self.behind_ms = 0
        self._replica = replica
        self._snapshots = snapshots
        self._deltas = deltas
        self._log = log
        self._clock = clock
        self._after = ORIGIN
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"

    async def load(self) -> None:
        """Take in the newest snapshot, if there is one that this code can read."""
        found = await asyncio.to_thread(self._snapshots.newest, wiring.config().digest())
        if found is not None:
            manifest, payload = found
            try:
                self._replica.load(payload)
            except CorruptState as error:
                _logger.error("snapshot_unreadable", sha256=manifest.sha256, error=str(error))
                return
            _logger.info("replica_loaded", version=self._replica.version, sha256=manifest.sha256)

    async def refresh(self) -> int:
        """Apply the deltas published since the last look; return how many.

        Raises
        ------
        StoreUnavailable
            When the feed can't be reached: the replica serves what it has.
        """
        found = await asyncio.to_thread(self._deltas.read, self._after, _DELTAS)
        for delta_id, payload in found:
            try:
                self._replica.apply(payload)
            except DeltaGap:
                await self.load()
                self._after = ORIGIN
                break
            self._after = delta_id
        return len(found)
