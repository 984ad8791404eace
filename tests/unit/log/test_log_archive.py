"""The archive: whole segments or none, one writer's view of its end, damage that is noticed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from recsys.durable import UNFINISHED
from recsys.errors import CorruptState, DatasetError, StaleWriter
from recsys.events import SCHEMA_VERSION, Click, ItemUpserted, encode
from recsys.log.archive import ArchiveLog, open_log, write_segment, write_segments
from recsys.log.base import Record, records
from recsys.log.segments import segments
from recsys.offsets import ORIGIN, offset_key


def clicks(start: int, stop: int) -> list[Record]:
    events = [Click(event_time_ms=n, session="s", seq=n, item="7") for n in range(start, stop)]
    return [Record(f"{event.seq}-0", event, encode(event)) for event in events]


def test_folder_that_does_not_exist_is_an_empty_archive(tmp_path: Path) -> None:
    archive = ArchiveLog(tmp_path / "none")
    assert (archive.read(ORIGIN, 10), archive.end(), segments(tmp_path / "none")) == ([], ORIGIN, [])


def test_reader_sees_segments_written_meanwhile(tmp_path: Path) -> None:
    archive = ArchiveLog(tmp_path)
    write_segment(tmp_path, clicks(1, 5))
    assert len(archive.read(ORIGIN, 10)) == 4
    write_segment(tmp_path, clicks(5, 9))
    assert [record.offset for record in archive.read("4-0", 10)] == ["5-0", "6-0", "7-0", "8-0"]
    assert archive.end() == "8-0"


def test_what_one_session_did_is_found_in_all_segments(tmp_path: Path) -> None:
    other = [Record(f"{n}-1", Click(event_time_ms=n, session="t", seq=n, item="7"), b"") for n in (3, 11)]
    other = [each._replace(payload=encode(each.event)) for each in other if each.event]
    mixed = sorted([*clicks(1, 9), *clicks(10, 20), *other], key=lambda each: offset_key(each.offset))
    write_segments(tmp_path, mixed, size=8)
    archive = ArchiveLog(tmp_path)
    assert archive.session_events("t") == [each.event for each in other]
    assert archive.session_events("nobody") == []
    assert archive.session_events("t", since_ms=3, until_ms=11) == [each.event for each in other]
    assert archive.session_events("t", since_ms=4) == archive.session_events("t", 11, 11) == [other[1].event]
    assert archive.session_events("t", until_ms=10) == [other[0].event]
    assert archive.session_events("t", since_ms=12) == []
    assert archive.first() == "1-0"


def test_what_later_code_archived_of_a_session_is_left_out(tmp_path: Path) -> None:
    held = clicks(1, 4)
    later = Click(event_time_ms=2, session="s", seq=2, item="7", v=SCHEMA_VERSION + 1)
    held[1] = Record("2-0", later, encode(later))
    write_segment(tmp_path, held)
    assert ArchiveLog(tmp_path).session_events("s") == [held[0].event, held[2].event]


def test_segments_are_in_log_order_whatever_their_names_length(tmp_path: Path) -> None:
    for start, stop in ((1, 10), (10, 1_000), (1_000_000_000_000, 1_000_000_000_002)):
        write_segment(tmp_path, clicks(start, stop))
    assert [segment.first for segment in segments(tmp_path)] == [(1, 0), (10, 0), (1_000_000_000_000, 0)]


def test_folder_is_listed_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_segments(tmp_path, clicks(1, 7), size=3)
    monkeypatch.setattr("recsys.log.segments._SETTLED_NS", -1)
    held = segments(tmp_path)
    with monkeypatch.context() as away:
        away.delattr("os.scandir")
        assert segments(tmp_path) is held
        assert ArchiveLog(tmp_path).end() == "6-0"
    write_segment(tmp_path, clicks(7, 9))
    assert [each.last for each in segments(tmp_path)] == [(3, 0), (6, 0), (8, 0)]
    held[0].path.unlink()
    assert [each.last for each in segments(tmp_path)] == [(6, 0), (8, 0)]


def test_folder_that_changed_just_now_is_listed_again(tmp_path: Path) -> None:
    write_segments(tmp_path, clicks(1, 7), size=3)
    held = segments(tmp_path)
    assert segments(tmp_path) is held, "nothing of it is read anew"
    with pytest.MonkeyPatch.context() as away:
        away.delattr("os.scandir")
        with pytest.raises(AttributeError):
            segments(tmp_path)


def test_records_before_the_archives_end_are_refused(tmp_path: Path) -> None:
    write_segments(tmp_path, clicks(1, 9), size=3)
    for late in (clicks(8, 20), clicks(3, 5)):
        with pytest.raises(StaleWriter, match="expected records after the archive's end 8-0"):
            write_segment(tmp_path, late)
    assert list(records(ArchiveLog(tmp_path))) == clicks(1, 9)


@pytest.mark.parametrize("bad", [[], clicks(1, 5)[::-1], clicks(1, 2) * 2])
def test_records_out_of_order_are_refused(tmp_path: Path, bad: list[Record]) -> None:
    with pytest.raises(ValueError, match="growing offsets"):
        write_segment(tmp_path, bad)


def test_other_files_are_no_segments(tmp_path: Path) -> None:
    write_segment(tmp_path, clicks(1, 3))
    (tmp_path / UNFINISHED).write_bytes(b"PAR1")
    (tmp_path / "notes.parquet").write_bytes(b"")
    assert list(records(ArchiveLog(tmp_path))) == clicks(1, 3)


def test_segment_has_columns_for_other_readers(tmp_path: Path) -> None:
    item = ItemUpserted(event_time_ms=3, item="7", title="Alien")
    path = write_segment(tmp_path, [*clicks(1, 2), Record("2-5", item, encode(item)), Record("3-0", None, b"?")])

    with pq.ParquetFile(path) as file:
        rows = file.read().drop_columns("payload").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (1, 0, "click", "s", 1),
        (2, 5, "item", None, 3),
        (3, 0, None, None, None),
    ]


def test_damaged_segment_is_noticed(tmp_path: Path) -> None:
    path = write_segment(tmp_path, clicks(1, 500))
    whole = path.read_bytes()
    assert len(list(records(ArchiveLog(tmp_path)))) == 499
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
        payload = group.column(group.num_columns - 1).data_page_offset
    flipped = bytearray(whole)
    flipped[payload + 200] ^= 1
    for damaged in (b"", whole[: len(whole) // 2], whole[:-1], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(CorruptState, match="expected a Parquet segment"):
            ArchiveLog(tmp_path).read(ORIGIN, 1_000)


def test_segment_that_is_gone_from_between_others_is_missed_until_it_is_said_to_be_lost(tmp_path: Path) -> None:
    write_segments(tmp_path, clicks(1, 13), size=3)
    for gone in segments(tmp_path)[1:3]:
        gone.path.unlink()
    archive = ArchiveLog(tmp_path)

    assert archive.read(ORIGIN, 10) == clicks(1, 4)
    for after in ("3-0", "4-0", "8-7"):
        with pytest.raises(CorruptState, match=r"records after 3-0 up to 9-0, received none: put it back") as missed:
            archive.read(after, 10)
    assert archive.read("9-0", 10) == archive.read("9-5", 10) == clicks(10, 13)

    (tmp_path / str(missed.value).split()[-2]).touch()
    assert list(records(ArchiveLog(tmp_path))) == [*clicks(1, 4), *clicks(10, 13)]


def test_archive_whose_beginning_lies_elsewhere_begins_later(tmp_path: Path) -> None:
    write_segments(tmp_path, clicks(1, 9), size=3)
    segments(tmp_path)[0].path.unlink()
    assert list(records(ArchiveLog(tmp_path))) == clicks(4, 9)


def test_segments_of_before_they_said_where_they_follow_are_read(tmp_path: Path) -> None:
    write_segments(tmp_path, clicks(1, 10), size=3)
    for segment in segments(tmp_path):
        with pq.ParquetFile(segment.path) as file:
            pq.write_table(file.read().replace_schema_metadata(), segment.path)
    segments(tmp_path)[1].path.unlink()
    assert list(records(ArchiveLog(tmp_path))) == [*clicks(1, 4), *clicks(7, 10)]


def test_segment_under_another_segments_name_is_noticed(tmp_path: Path) -> None:
    path = write_segment(tmp_path, clicks(1, 5))
    path.rename(path.with_name(path.name.replace("4-", "6-")))
    with pytest.raises(CorruptState, match="offsets in the name"):
        ArchiveLog(tmp_path).read(ORIGIN, 10)


def test_table_with_other_columns_is_noticed(tmp_path: Path) -> None:
    path = write_segment(tmp_path, clicks(1, 5))
    with pq.ParquetFile(path) as file:
        table = file.read()
    pq.write_table(table.drop_columns("payload"), path)
    with pytest.raises(CorruptState, match="columns of a segment"):
        ArchiveLog(tmp_path).read(ORIGIN, 10)


_WRITE_FOREVER = """
import sys
from pathlib import Path
from recsys.events import Click, encode
from recsys.log.archive import write_segment
from recsys.log.base import Record
start = int(sys.argv[2])
while True:
    events = [Click(event_time_ms=1, session="s", seq=0, item=str(n)) for n in range(start, start + 100)]
    write_segment(Path(sys.argv[1]), [Record(f"{event.item}-0", event, encode(event)) for event in events])
    start += 100
    print(start, flush=True)
"""


def test_killed_writer_leaves_whole_segments_only(tmp_path: Path) -> None:
    start = 1
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITE_FOREVER, str(tmp_path), str(start)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            for _ in range(3):
                start = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            written = [int(line) for line in writer.stdout.read().split()]
        end = int(ArchiveLog(tmp_path).end().partition("-")[0])
        assert end + 1 >= max(written, default=start)
        start = end + 1
        assert [record.offset for record in records(ArchiveLog(tmp_path))] == [f"{n}-0" for n in range(1, start)]


def test_only_folders_and_json_lines_are_recorded_logs(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("")
    for path in (tmp_path / "log.csv", tmp_path / "missing.jsonl"):
        with pytest.raises(DatasetError, match=r"expected a folder of Parquet segments, a \.parquet or a \.jsonl file"):
            open_log(path)
