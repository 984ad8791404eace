"""Whatever dies, and when: the state is the fold of the log, and nothing counts twice."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from recsys.errors import StaleWriter
from recsys.log.base import records
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN
from recsys.store.base import Manifest
from recsys.store.redis import RedisDeltas
from tests.faults.learning import Learning, beyond, kill, learning


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Learning]:
    """Some 5,000 events that nobody has folded."""
    with learning(tmp_path, sessions=600) as part:
        yield part


def test_a_worker_killed_in_the_middle_of_the_stream_leaves_the_same_state(busy: Learning) -> None:
    worker = busy.start()
    busy.fold_until(lambda: beyond(busy.folded(), ORIGIN), "the first folds")
    kill(worker)
    folded = busy.folded()
    assert beyond(busy.log.end(), folded), "expected to kill the worker while there was work left"
    busy.browse(50, of="after")

    busy.start()

    assert busy.fold_all() == busy.uninterrupted()
    counters = busy.writer().counters
    assert counters["clicks"] == 2 * 650
    assert counters["records"] == counters["items"] + counters["slates"] + 7 * 650


def test_a_worker_killed_again_and_again_leaves_the_same_state(busy: Learning) -> None:
    for _ in range(3):
        before = busy.folded()
        worker = busy.start()
        busy.fold_until(lambda before=before: beyond(busy.folded(), before), "progress")
        kill(worker)

    busy.start()

    assert busy.fold_all() == busy.uninterrupted()


def test_of_two_workers_one_writes_and_the_other_takes_over(busy: Learning) -> None:
    workers = [busy.start(), busy.start()]
    busy.fold_all()
    first = busy.writer()
    (writing,) = [worker for worker in workers if f":{worker.pid}:" in first.holder]

    kill(writing)
    busy.browse(50, of="after")

    assert busy.fold_all() == busy.uninterrupted()
    second = busy.writer()
    assert second.holder != first.holder
    assert second.fence > first.fence


def test_what_a_stale_writer_brings_is_refused_by_the_stores(busy: Learning) -> None:
    busy.start()
    busy.fold_all()
    stale = busy.writer().fence - 1
    manifest = busy.snapshots.manifests()[0]
    payload = busy.snapshots.load(manifest.sha256)

    with pytest.raises(StaleWriter):
        RedisDeltas(busy.client).publish(b"late", stale)
    with pytest.raises(StaleWriter):
        busy.snapshots.save(payload, manifest, stale)
    assert _parents(busy.snapshots.manifests()) == _hashes(busy.snapshots.manifests())


def test_redis_crashing_loses_nothing_that_it_acknowledged(busy: Learning) -> None:
    busy.start()
    busy.fold_until(lambda: beyond(busy.folded(), ORIGIN), "the first folds")
    acknowledged = busy.log.end()

    busy.restart_redis()

    assert busy.log.end() == acknowledged
    busy.browse(50, of="after")
    assert busy.fold_all() == busy.uninterrupted()


def test_a_worker_that_is_asked_to_stop_gives_the_lease_back(tmp_path: Path) -> None:
    with learning(tmp_path, sessions=10, FRESHET_LEASE_MS="600000") as part:
        worker = part.start()
        part.fold_all()
        worker.terminate()
        assert worker.wait(10) == 0
        part.browse(10, of="after")

        part.start()

        assert part.fold_all() == part.uninterrupted()


def test_the_live_log_lets_go_only_what_archive_and_snapshot_hold(busy: Learning) -> None:
    everything = [record.offset for record in records(busy.log)]
    busy.start()
    busy.fold_all()
    busy.fold_until(lambda: busy.log.length() <= 500, "the live log to be trimmed")

    assert [record.offset for record in records(WholeLog(busy.archive(), busy.log))] == everything
    assert busy.log.length() == 500
    for through in (busy.archive().end(), busy.snapshots.manifests()[0].offsets["0"]):
        assert not beyond(busy.log.first(), through)
    assert busy.snapshots.manifests()[0].sha256 == busy.uninterrupted()


def _parents(manifests: Sequence[Manifest]) -> list[str]:
    return [manifest.parent for manifest in manifests[:-1]]


def _hashes(manifests: Sequence[Manifest]) -> list[str]:
    return [manifest.sha256 for manifest in manifests[1:]]
