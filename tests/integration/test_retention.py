"""What is folded moves to the archive, and only what a snapshot covers leaves the live log."""

import errno
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from recsys.events import ItemUpserted
from recsys.log.archive import ArchiveLog
from recsys.log.base import records
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN
from tests.integration.training_site import Site
from webapp.training.retention import SEGMENT_RECORDS, Retention

ITEM = ItemUpserted(event_time_ms=0, item="a", title="A")


@pytest.fixture
def site() -> Site:
    return Site()


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


def test_what_stays_live_although_it_is_archived_makes_no_segment_due(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=SEGMENT_RECORDS - 1_000, every_s=3_600)
    site.happen(SEGMENT_RECORDS)
    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    archived = site.log.end()
    site.happen(1_000)

    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())

    assert retention.archived == archived


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

    retention = Retention(site.log, tmp_path, keep_events=0, every_s=600)
    site.happen(SEGMENT_RECORDS)
    with monkeypatch.context() as disk:
        disk.setattr("webapp.training.retention.write_segment", full)
        for _ in range(3):
            retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    assert (len(tried), site.log.length()) == (1, SEGMENT_RECORDS)

    site.clock.advance(600_000)
    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    assert (ArchiveLog(tmp_path).end(), site.log.length()) == (site.log.end(), 0)

    site.happen(SEGMENT_RECORDS)
    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    assert site.log.length() == 0, "at once again"


def test_events_that_the_live_log_lost_are_told_once_with_what_to_do(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=10, every_s=3_600)
    site.happen(2)
    retention.run(site.log.end(), ORIGIN, site.clock.now_ms())
    archived = site.log.end()
    site.happen(3)
    learned = site.log.end()
    retention.run(learned, ORIGIN, site.clock.now_ms())
    site.log.trim(learned)  # as a server that was emptied
    site.happen(1)

    with capture_logs() as told:
        retention.run(site.log.end(), ORIGIN, site.clock.now_ms())
        retention.run(site.log.end(), ORIGIN, site.clock.now_ms())

    (line,) = told
    assert (line["event"], line["after"], line["up_to"]) == ("live_log_lost_events", archived, learned)
    assert retention.losses == 1
    assert "docs/operating.md" in line["then"]


def test_events_that_were_lost_while_no_worker_ran_are_told_by_the_snapshot_that_has_them(
    site: Site, tmp_path: Path
) -> None:
    site.happen(3)
    learned = site.log.end()
    site.log.trim(learned)
    site.happen(1)

    with capture_logs() as told:
        Retention(site.log, tmp_path, keep_events=10, every_s=1).run(site.log.end(), learned, site.clock.now_ms())

    assert [line["event"] for line in told] == ["live_log_lost_events"]


def test_end_of_the_archive_that_is_gone_is_told(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=0, every_s=0)
    site.happen(2)
    retention.run(site.log.end(), site.log.end(), site.clock.now_ms())
    archived = site.log.end()
    for segment in tmp_path.glob("*.parquet"):
        segment.unlink()

    with capture_logs() as told:
        retention.run(archived, archived, site.clock.now_ms())
        Retention(site.log, tmp_path, keep_events=0, every_s=1, archived=archived).run(ORIGIN, ORIGIN, 0)

    assert [line["event"] for line in told] == ["archive_lost_its_end"] * 2
    assert retention.losses == 1


def test_nothing_is_said_to_be_lost_while_nothing_is(site: Site, tmp_path: Path) -> None:
    retention = Retention(site.log, tmp_path, keep_events=0, every_s=0)
    with capture_logs() as told:
        for number in range(6):
            site.happen(number)
            site.log.append([ITEM, ITEM])  # of one millisecond
            retention.run(site.log.end(), site.log.end() if number % 2 else ORIGIN, site.clock.now_ms())
    assert told == []
