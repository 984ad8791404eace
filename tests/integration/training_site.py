"""A log and stores in memory, and as many writers of the world over them as a test wants."""

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.errors import StoreUnavailable
from recsys.events import ItemUpserted
from recsys.learner import Learner
from recsys.log.memory import MemoryLog
from recsys.replay import replay
from recsys.replica import Replica
from recsys.store.base import Keeping, Manifest
from recsys.store.memory import MemoryDeltas, MemoryLease, MemorySnapshots
from webapp.training.writer import Limits, WorldWriter

CONFIG = EngineConfig(attribution_window_s=60)
LIMITS = Limits(
    run_events=1_000,
    lease_ms=5_000,
    snapshot_every_s=60,
    snapshot_every_events=100,
    keeping=Keeping(newest=3, total_bytes=0),
)


class FullSnapshots(MemorySnapshots):
    """Takes nothing while it is full, and counts how often it was asked to."""

    full = False
    refused = 0

    def save(self, payload: bytes, manifest: Manifest, fence: int) -> None:
        if self.full:
            self.refused += 1
            raise StoreUnavailable("expected room, received none")
        super().save(payload, manifest, fence)


class Site:
    """A log and stores, and as many writers as a test wants."""

    def __init__(self, deltas: MemoryDeltas | None = None, config: EngineConfig = CONFIG) -> None:
        self.config = config
        self.clock = ManualClock(1_700_000_000_000)
        self.log = MemoryLog(self.clock, max_length=10_000)
        self.snapshots = FullSnapshots()
        self.deltas = deltas or MemoryDeltas()
        self.lease = MemoryLease(self.clock)
        self._made = 0

    def writer(self, name: str, limits: Limits = LIMITS) -> WorldWriter:
        return WorldWriter(self.config, self.log, self.snapshots, self.deltas, self.lease, self.clock, limits, name)

    def happen(self, items: int) -> None:
        for _ in range(items):
            self.clock.advance(10)
            self._made += 1
            name = f"item {self._made}"
            self.log.append([ItemUpserted(event_time_ms=self.clock.now_ms(), item=name, title=name)])

    def fold_here(self) -> str:
        return replay(self.log, Learner(self.config)).state_sha256

    def replica(self) -> Replica:
        replica = Replica(self.config)
        found = self.snapshots.newest(self.config.digest())
        if found is not None:
            replica.load(found[1])
        for _, delta in self.deltas.read("0-0", 1_000):
            replica.apply(delta)
        return replica
