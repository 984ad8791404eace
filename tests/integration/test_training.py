"""The one writer over real adapters in memory: leases, recovery, snapshots, and what may be trimmed."""

import dataclasses
import errno
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.errors import StaleWriter, StoreUnavailable
from recsys.events import ItemUpserted
from recsys.learner import Learner
from recsys.log.archive import ArchiveLog
from recsys.log.base import Record, records
from recsys.log.memory import MemoryLog
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN, Offset
from recsys.past import Past
from recsys.replay import replay
from recsys.replica import Replica
from recsys.store.base import Keeping, Manifest
from recsys.store.memory import MemoryDeltas, MemoryLease, MemorySnapshots
from webapp import wiring
from webapp.replication import Replication
from webapp.training.lineage import code_version, describe
from webapp.training.retention import SEGMENT_RECORDS, Retention
from webapp.training.writer import Limits, WorldWriter

CONFIG = EngineConfig(attribution_window_s=60)
LIMITS = Limits(
    run_events=1_000,
    lease_ms=5_000,
    snapshot_every_s=60,
    snapshot_every_events=100,
    keeping=Keeping(newest=3, total_bytes=0),
)


class BrokenOnceDeltas(MemoryDeltas):
    """Can't be reached the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = True

    def publish(self, payload: bytes, fence: int) -> None:
        if self.broken:
            self.broken = False
            raise StoreUnavailable("expected an answer, received none")
        super().publish(payload, fence)


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


class Overtaking:
    """A log so slow to read that the lease runs out, and another takes over, while it is read."""

    def __init__(self, site: Site, other: WorldWriter) -> None:
        self._site = site
        self._other = other
        self._overtaken = False

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        if not self._overtaken:
            self._overtaken = True
            self._site.clock.advance(LIMITS.lease_ms)
            assert self._other.run() is not None
        return self._site.log.read(after, limit)

    def end(self) -> Offset:
        return self._site.log.end()


@pytest.fixture
def site() -> Site:
    return Site()


def test_what_was_folded_reaches_replicas_and_the_first_run_leaves_a_snapshot(site: Site) -> None:
    site.happen(3)

    tenure = site.writer("a").run()

    assert tenure is not None
    assert tenure.folded == 3
    assert tenure.snapshot == site.log.end()
    assert site.replica().version == site.log.end()


def test_second_writer_stands_by_until_the_lease_of_the_first_runs_out(site: Site) -> None:
    first, second = site.writer("first"), site.writer("second")
    site.happen(3)
    assert first.run() is not None

    assert second.run() is None
    site.clock.advance(LIMITS.lease_ms)

    tenure = second.run()
    assert tenure is not None
    assert tenure.fence == 2
    assert first.run() is None


def test_writer_that_gives_the_lease_back_is_followed_at_once(site: Site) -> None:
    first, second = site.writer("first"), site.writer("second")
    first.run()

    first.release()

    assert second.run() is not None


def test_writer_whose_lease_passed_on_during_its_run_writes_nothing(site: Site) -> None:
    site.happen(3)
    slow, quick = site.writer("slow"), site.writer("quick")
    slow.run()
    site.happen(2)
    published = site.deltas.read("0-0", 10)

    overtaking = Overtaking(site, quick)
    asleep = WorldWriter(CONFIG, overtaking, site.snapshots, site.deltas, site.lease, site.clock, LIMITS, "slow")
    with pytest.raises(StaleWriter):
        asleep.run()

    quick_deltas = site.deltas.read("0-0", 10)[len(published) :]
    assert len(quick_deltas) == 1
    assert site.replica().version == site.log.end()


def test_lease_that_ran_out_between_runs_keeps_the_world_when_nobody_else_had_it(site: Site) -> None:
    writer = site.writer("slow knob")
    site.happen(3)
    before = writer.run()
    site.clock.advance(10 * LIMITS.lease_ms)
    site.happen(2)

    after = writer.run()

    assert before is not None and after is before
    assert after.fence == 2
    assert after.folded == 5


def test_failed_publish_is_made_good_from_the_last_snapshot() -> None:
    site = Site(BrokenOnceDeltas())
    writer = site.writer("a")
    site.happen(5)

    with pytest.raises(StoreUnavailable):
        writer.run()
    writer.run()

    assert site.replica().version == site.log.end()
    found = site.snapshots.newest(CONFIG.digest())
    assert found is not None and found[0].sha256 == site.fold_here()


def test_snapshots_follow_each_other_in_one_lineage(site: Site) -> None:
    writer = site.writer("a")
    for _ in range(3):
        site.happen(1)
        writer.run()
        site.clock.advance(60_000)

    newest, middle, oldest = site.snapshots.manifests()

    assert (newest.parent, middle.parent, oldest.parent) == (middle.sha256, oldest.sha256, "")
    assert newest.lineage == oldest.lineage
    assert newest.code == code_version()
    assert newest.sha256 == site.fold_here()


def test_snapshot_waits_for_its_time_or_for_enough_events(site: Site) -> None:
    writer = site.writer("a")
    site.happen(1)
    writer.run()
    site.happen(LIMITS.snapshot_every_events - 1)
    writer.run()
    assert len(site.snapshots.manifests()) == 1

    site.happen(1)
    writer.run()

    assert len(site.snapshots.manifests()) == 2


def test_full_store_holds_up_nobody_who_learns_and_is_asked_again_after_a_while(site: Site) -> None:
    writer = site.writer("a", dataclasses.replace(LIMITS, run_events=10))
    site.happen(1)
    writer.run()
    site.snapshots.full = True
    site.clock.advance(60_000)
    for _ in range(3):
        site.happen(10)
        tenure = writer.run()
        assert tenure is not None and tenure.unsaved == tenure.folded - 1
    assert site.replica().version == site.log.end()
    assert site.snapshots.refused == 1

    site.snapshots.full = False
    site.clock.advance(60_000)
    writer.run()

    newest, before = site.snapshots.manifests()
    assert newest.parent == before.sha256
    assert newest.sha256 == site.fold_here()


async def test_replicas_find_the_snapshot_of_a_world_whose_full_catalogue_let_items_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(config=dataclasses.replace(CONFIG, most_items=16))
    monkeypatch.setattr(wiring, "config", lambda: site.config)
    writer, replica = site.writer("a"), Replica(site.config)
    replication = Replication(replica, site.snapshots, site.deltas, site.log, site.clock)
    site.happen(16)
    writer.run()
    await replication.refresh()
    world = replica.world

    site.happen(1)
    writer.run()
    await replication.refresh()

    assert len(site.snapshots.manifests()) == 2, "saved at once"
    assert replica.world is not world, "so that sessions are built anew on its rows"
    assert (replica.version, [event.item for event in replica.world.catalogue]) == (
        site.log.end(),
        [f"item {number}" for number in range(3, 18)],
    )
    site.happen(1)
    writer.run()
    await replication.refresh()
    assert (replica.version, len(site.snapshots.manifests())) == (site.log.end(), 2), "by deltas again"


def test_every_world_since_the_first_snapshot_stays_near_in_few_snapshots(site: Site) -> None:
    writer = site.writer("a", dataclasses.replace(LIMITS, keeping=Keeping(newest=2, total_bytes=10**9, spacing=40)))
    site.happen(100)
    writer.run(publish=False)
    for _ in range(60):
        site.clock.advance(LIMITS.snapshot_every_s * 1_000)
        site.happen(7)
        writer.run()

    assert len(site.snapshots.manifests()) <= 2 + 2 * 60 * 7 // 40 + 1
    past, learner = Past(CONFIG, code_version(), site.snapshots, site.log, farthest=40), Learner(CONFIG)
    for number, record in enumerate(records(site.log)):
        learner.fold([record])
        if number >= 99 and number % 13 == 0:
            past.let_go()
            assert (
                past.world_at(record.offset).contents["content"].tobytes()
                == learner.world.contents["content"].tobytes()
            )


def test_other_code_starts_a_lineage_with_the_older_one_as_parent() -> None:
    first = describe(b"state", CONFIG, "1-0", None, records=1, metrics={}, created_ms=0)
    older = msgspec.structs.replace(first, code="other code")

    same = describe(b"next", CONFIG, "2-0", first, records=2, metrics={}, created_ms=0)
    other = describe(b"next", CONFIG, "2-0", older, records=2, metrics={}, created_ms=0)

    assert same.parent == other.parent == first.sha256
    assert same.lineage == first.lineage
    assert other.lineage != older.lineage


def test_damaged_state_is_folded_again_from_the_whole_log(site: Site) -> None:
    site.happen(3)
    payload = b"not a snapshot"
    manifest = describe(payload, CONFIG, site.log.end(), None, records=1, metrics={}, created_ms=0)
    site.snapshots.save(payload, manifest, fence=0)

    tenure = site.writer("a").run()

    assert tenure is not None
    assert tenure.folded == 3


def test_unfolded_or_unsaved_records_are_never_trimmed(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=0, every_s=1)
    site.happen(10)
    middle = [record.offset for record in records(site.log)][4]

    retention.run(middle, middle, site.clock.now_ms())

    assert site.log.length() == 5
    assert ArchiveLog(tmp_path).end() == middle
    assert len(list(records(WholeLog(ArchiveLog(tmp_path), site.log)))) == 10


def test_kept_records_stay_live_although_they_are_archived(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=4, every_s=1)
    site.happen(10)

    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())

    assert site.log.length() == 4
    assert len(list(records(ArchiveLog(tmp_path)))) == 10


def test_records_are_archived_at_once_and_stay_live_until_a_snapshot_covers_them(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=0, every_s=1)
    site.happen(10)

    retention.run(site.log.end(), ORIGIN, site.clock.now_ms())

    assert ArchiveLog(tmp_path).end() == site.log.end()
    assert site.log.length() == 10


def test_busy_log_is_archived_in_segments_without_waiting_for_the_time(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=0, every_s=3_600)
    retention.run(ORIGIN, ORIGIN, site.clock.now_ms())
    for _ in range(3):
        site.happen(SEGMENT_RECORDS // 2)
        retention.run(site.log.end(), site.log.end(), site.clock.now_ms())

    assert [path.suffix for path in tmp_path.iterdir()].count(".parquet") == 1
    assert site.log.length() == SEGMENT_RECORDS // 2


def test_retention_looks_no_more_often_than_told(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=0, every_s=60)
    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    site.happen(1)

    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())

    assert site.log.length() == 1


def test_clock_that_was_set_back_puts_neither_archive_nor_snapshot_off(site: Site, tmp_path: Path) -> None:
    retention, writer = Retention(site.log, tmp_path, keep_events=0, every_s=60), site.writer("a")
    site.happen(1)
    writer.run()
    retention.run(site.log.end(), ORIGIN, site.clock.now_ms())
    site.happen(1)

    site.clock.set(site.clock.now_ms() - 3_600_000)
    tenure = writer.run()
    assert tenure is not None
    retention.run(site.log.end(), tenure.snapshot, site.clock.now_ms())

    assert tenure.snapshot == ArchiveLog(tmp_path).end() == site.log.end()


def test_full_disk_holds_no_fold_up_and_is_asked_again_as_often_as_told(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []

    def full(folder: Path, *args: object) -> None:
        tried.append(folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    retention = Retention(site.log, tmp_path, keep_events=0, every_s=60)
    site.happen(SEGMENT_RECORDS)
    with monkeypatch.context() as disk:
        disk.setattr("webapp.training.retention.write_segment", full)
        for _ in range(3):
            retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    assert (len(tried), site.log.length()) == (1, SEGMENT_RECORDS)

    site.clock.advance(60_000)
    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    assert (ArchiveLog(tmp_path).end(), site.log.length()) == (site.log.end(), 0)
