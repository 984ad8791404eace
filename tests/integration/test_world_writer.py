"""The one writer over real adapters in memory: leases, recovery, snapshots."""

import dataclasses
from collections.abc import Sequence

import msgspec
import pytest

from recsys.errors import StaleWriter, StoreUnavailable
from recsys.learner import Learner
from recsys.log.base import Record, records
from recsys.offsets import Offset
from recsys.past import Past
from recsys.replica import Replica
from recsys.store.base import Keeping
from recsys.store.memory import MemoryDeltas
from tests.integration.training_site import CONFIG, LIMITS, Site
from webapp import wiring
from webapp.replication import Replication
from webapp.training.lineage import code_version, describe
from webapp.training.writer import WorldWriter


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
