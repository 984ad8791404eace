"""The one writer of the world: fold the log under a lease, hand the changes on, and save from time to time.

What is in memory counts only while each run ends well. After any error, a lost lease or a restart the world is the
newest valid snapshot and the log's tail, so that every event has its effect once, whatever died and when. That a
snapshot can't be kept, as on a full disk, is no such error: the log has what it would have held.
"""

import dataclasses
import os
import secrets
import socket
from collections.abc import Callable
from typing import Final

import structlog

from recsys.clock import Clock, is_due
from recsys.config import EngineConfig
from recsys.errors import CorruptState, FreshetError, StoreUnavailable
from recsys.learner import Learner
from recsys.log.base import Reader
from recsys.offsets import ORIGIN, Offset
from recsys.store.base import DeltaFeed, Keeping, Lease, Manifest, SnapshotStore
from webapp.training import lineage

_BATCH: Final = 2_000
#: Deltas after which a snapshot is due: the feed holds more, so a new replica finds all that follow the snapshot.
_DELTAS_PER_SNAPSHOT: Final = 128
_logger = structlog.get_logger(__name__)


class LeaseHeld(FreshetError):
    """Another process is the writer, and this one can't go on without being it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much one run does, and how often the world is saved.

    Attributes
    ----------
    run_events : int
        Most records that one run folds: the lease is renewed between runs.
    lease_ms : int
        How long a writer that died keeps others away.
    snapshot_every_s, snapshot_every_events : int
        A snapshot is due after this time if anything was folded, and after this many events at the latest.
    keeping : Keeping
        Which snapshots stay.
    """

    run_events: int
    lease_ms: int
    snapshot_every_s: int
    snapshot_every_events: int
    keeping: Keeping


@dataclasses.dataclass(slots=True)
class Tenure:
    """One writer's time in office: from taking the lease until it is lost or anything fails.

    `evictions` are those of the world as it was saved last; `refused_ms` is when the store last took no snapshot;
    `oldest_ms` is when the oldest record of the last run was received, 0 when that run found none.
    """

    fence: int
    learner: Learner
    parent: Manifest | None
    saved_ms: int
    evictions: int = 0
    refused_ms: int = 0
    folded: int = 0
    unsaved: int = 0
    deltas: int = 0
    oldest_ms: int = 0

    @property
    def snapshot(self) -> Offset:
        """Up to where the newest snapshot reaches."""
        return self.parent.offsets["0"] if self.parent is not None else ORIGIN


def new_holder() -> str:
    """Return a name for this process that no other process has or had."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class WorldWriter:
    """Folds the log into the world while it holds the lease.

    Parameters
    ----------
    config : EngineConfig
    reader : Reader
        The whole log: archive, then live.
    snapshots, deltas, lease
        The adapters; each refuses a writer whose token is not the newest.
    clock : Clock
        Wall clock; decides only when to save, never what is learned.
    limits : Limits
    holder : str
        Name of this process for the lease.
    watch : callable
        Shown the learner after each run, before what it learned is published and saved.
    """

    def __init__(
        self,
        config: EngineConfig,
        reader: Reader,
        snapshots: SnapshotStore,
        deltas: DeltaFeed,
        lease: Lease,
        clock: Clock,
        limits: Limits,
        holder: str,
        watch: Callable[[Learner], None] = lambda learner: None,
    ) -> None:
        self.holder = holder
        self._config = config
        self._reader = reader
        self._snapshots = snapshots
        self._deltas = deltas
        self._lease = lease
        self._clock = clock
        self._limits = limits
        self._watch = watch
        self._tenure: Tenure | None = None

    def run(self, *, publish: bool = True) -> Tenure | None:
        """Fold what is there, up to the limit, publish it, and save if that is due; None while another writes.

        Blocks for as long as folding takes. Without `publish` replicas learn of it from the next snapshot: for
        histories, where deltas would repeat most of the world again and again.

        Raises
        ------
        StaleWriter
            When the lease passed to another during the run. Nothing was written.
        """
        fence = self._lease.acquire(self.holder, self._limits.lease_ms, above=self._snapshots.fence())
        if fence is None:
            self._tenure = None
            return None
        try:
            tenure = self._tenure_under(fence)
            folded = self._fold(tenure)
            self._watch(tenure.learner)
            if publish and tenure.learner.world.evictions != tenure.evictions:
                self._save(tenure)  # no replica can follow by the delta: it is their sign to look for the snapshot
            if folded and publish:
                self._deltas.publish(tenure.learner.delta(), fence)
                tenure.deltas += 1
            if self._snapshot_is_due(tenure):
                self._save_if_there_is_room(tenure)
        except BaseException:
            self._tenure = None
            raise
        return tenure

    def save(self) -> None:
        """Write a snapshot now, if anything was folded since the last."""
        if self._tenure is not None and self._tenure.unsaved:
            self._save(self._tenure)

    def release(self) -> None:
        """Give the lease back, so that another worker need not wait until it runs out."""
        self._tenure = None
        self._lease.release(self.holder)

    def _tenure_under(self, fence: int) -> Tenure:
        # Tokens grow by one: the next after ours means that the lease ran out, but that nobody held it meanwhile.
        if self._tenure is None or fence - self._tenure.fence > 1:
            self._tenure = self._recover(fence)
        self._tenure.fence = fence
        return self._tenure

    def _recover(self, fence: int) -> Tenure:
        found = self._snapshots.newest(self._config.digest())
        if found is not None:
            manifest, payload = found
            try:
                learner = Learner.from_snapshot(self._config, payload)
            except CorruptState as error:
                _logger.warning("snapshot_unreadable", sha256=manifest.sha256, error=str(error), then="fold from start")
            else:
                _logger.info("recovered", offset=learner.world.offset, sha256=manifest.sha256, fence=fence)
                return Tenure(fence, learner, manifest, manifest.created_ms, learner.world.evictions)
        return Tenure(fence, Learner(self._config), None, saved_ms=0)

    def _fold(self, tenure: Tenure) -> int:
        folded = tenure.oldest_ms = 0
        while folded < self._limits.run_events:
            limit = min(_BATCH, self._limits.run_events - folded)
            records = self._reader.read(tenure.learner.world.offset, limit)
            if not records:
                break
            tenure.oldest_ms = tenure.oldest_ms or records[0].received_ms
            tenure.learner.fold(records)
            folded += len(records)
        tenure.folded += folded
        tenure.unsaved += folded
        return folded

    def _snapshot_is_due(self, tenure: Tenure) -> bool:
        now_ms, every_ms = self._clock.now_ms(), self._limits.snapshot_every_s * 1_000
        if not tenure.unsaved or not is_due(tenure.refused_ms, every_ms, now_ms):
            return False
        return (
            is_due(tenure.saved_ms, every_ms, now_ms)
            or tenure.unsaved >= self._limits.snapshot_every_events
            or tenure.deltas >= _DELTAS_PER_SNAPSHOT
        )

    def _save_if_there_is_room(self, tenure: Tenure) -> None:
        """Save; where the store takes nothing, go on and try again when the next one would be due by its time."""
        payload = tenure.learner.snapshot()
        try:
            self._keep(tenure, payload)
        except StoreUnavailable as error:
            tenure.refused_ms = self._clock.now_ms()
            _logger.error("snapshot_not_kept", error=str(error), again_in_s=self._limits.snapshot_every_s)

    def _save(self, tenure: Tenure) -> None:
        self._keep(tenure, tenure.learner.snapshot())

    def _keep(self, tenure: Tenure, payload: bytes) -> None:
        learner = tenure.learner
        now_ms = self._clock.now_ms()
        manifest = lineage.describe(
            payload,
            self._config,
            learner.world.offset,
            tenure.parent,
            records=learner.counters()["records"],
            metrics=learner.metrics(),
            created_ms=now_ms,
        )
        self._snapshots.save(payload, manifest, tenure.fence)
        tenure.parent, tenure.saved_ms, tenure.unsaved, tenure.deltas = manifest, now_ms, 0, 0
        tenure.evictions = learner.world.evictions
        _logger.info("snapshot", offset=learner.world.offset, sha256=manifest.sha256, bytes=manifest.bytes)
        self._snapshots.prune(self._limits.keeping)
