"""The archive and the live log read as one, while records move from one to the other."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.clock import ManualClock
from recsys.events import Click
from recsys.log.archive import ArchiveLog, write_segment
from recsys.log.base import Record, records
from recsys.log.memory import MemoryLog
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN, Offset


def click(seq: int) -> Click:
    return Click(event_time_ms=1, session="s", seq=seq, item="7")


@given(steps=st.lists(st.sampled_from(["append", "archive", "trim", "read"]), max_size=30))
def test_reader_sees_every_record_once_whatever_is_archived_and_trimmed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    live, archive = MemoryLog(ManualClock(5)), ArchiveLog(folder)
    whole = WholeLog(archive, live)
    appended, found, after = 0, [], ORIGIN
    for step in [*steps, "read", "read", "read", "read"]:
        if step == "append":
            live.append([click(appended + 1), click(appended + 2)])
            appended += 2
        elif step == "archive" and (fresh := live.read(archive.end(), 3)):
            write_segment(folder, fresh)
        elif step == "trim":
            live.trim(archive.end())
        elif step == "read":
            batch = whole.read(after, 1_000)
            found += [record.event for record in batch]
            after = batch[-1].offset if batch else after

    found += [record.event for record in records(whole, after)]
    assert found == [click(seq) for seq in range(1, appended + 1)]
    assert whole.end() == live.end()


class _ArchivedMeanwhile:
    """A live log whose records are archived and trimmed between the reader's look at the archive and at it."""

    def __init__(self, live: MemoryLog, folder: Path) -> None:
        self._live = live
        self._folder = folder

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        if self._live.length() > 1:
            write_segment(self._folder, self._live.read(after, 2))
            self._live.trim(ArchiveLog(self._folder).end())
        return self._live.read(after, limit)

    def end(self) -> Offset:
        return self._live.end()


def test_records_that_move_to_the_archive_during_a_read_are_not_skipped(tmp_path: Path) -> None:
    live = MemoryLog(ManualClock(5))
    live.append([click(seq) for seq in range(1, 6)])
    whole = WholeLog(ArchiveLog(tmp_path), _ArchivedMeanwhile(live, tmp_path))

    assert [record.event for record in records(whole)] == [click(seq) for seq in range(1, 6)]
