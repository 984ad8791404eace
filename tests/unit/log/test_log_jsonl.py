"""Recorded logs as JSON lines, those written by hand included."""

import codecs
import io
from pathlib import Path

import pytest

from recsys.errors import DatasetError
from recsys.events import Click, encode
from recsys.log.base import Record, records
from recsys.log.jsonl import JsonlLog, export_jsonl
from recsys.offsets import ORIGIN

CLICK = b'{"type":"click","event_time_ms":%d,"session":"s","item":"7"}'


def read(tmp_path: Path, lines: bytes) -> list[Record]:
    (tmp_path / "log.jsonl").write_bytes(lines)
    return list(records(JsonlLog(tmp_path / "log.jsonl"), batch=2))


def test_line_is_the_event_with_its_offset() -> None:
    file = io.BytesIO()
    event = Click(event_time_ms=5, session="s", seq=3, item="7")
    export_jsonl([Record("17-3", event, encode(event)), Record("18-0", None, b"\xff")], file)

    assert file.getvalue().splitlines() == [
        b'{"offset":"17-3","type":"click","event_time_ms":5,"session":"s","seq":3,"item":"7"}',
        b'{"offset":"18-0","dead":"/w=="}',
    ]


def test_line_without_an_offset_stands_at_its_event_time_but_never_before_the_line_before(tmp_path: Path) -> None:
    found = read(tmp_path, b"\n".join([CLICK % 5, CLICK % 5, b"", CLICK % 9, CLICK % 4, CLICK % 10]))

    assert [record.offset for record in found] == ["5-0", "5-1", "9-0", "9-1", "10-0"]
    assert all(record.event and record.payload == encode(record.event) for record in found)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"type":"unheard of"}',
        b'{"offset":"x","type":"click"}',
        b"\xff",
        b'{"offset":"\xff"}',
        CLICK.replace(b'"7"', b'"\xff"') % 5,
        CLICK % 10**25,
        b'{"offset":"%d-0",' % 10**25 + (CLICK % 5)[1:],
        b'{"more":' + b"[" * 100_000,
    ],
)
def test_line_that_is_no_event_becomes_a_record_without_one(tmp_path: Path, line: bytes) -> None:
    found = read(tmp_path, b"\n".join([CLICK % 5, line, CLICK % 6]))

    assert [(record.offset, record.event is None) for record in found] == [
        ("5-0", False),
        ("5-1", True),
        ("6-0", False),
    ]
    assert found[1].payload == line


def test_mark_before_the_first_line_is_none_of_it(tmp_path: Path) -> None:
    found = read(tmp_path, codecs.BOM_UTF8 + CLICK % 5 + b"\r\n" + CLICK % 6 + b"\r\n")
    assert [(record.offset, record.event is None) for record in found] == [("5-0", False), ("6-0", False)]


def test_event_of_a_time_that_no_offset_has_stands_after_the_line_before(tmp_path: Path) -> None:
    found = read(tmp_path, b"\n".join([CLICK % 5, CLICK % 10**18, CLICK % 6]))

    assert [(record.offset, record.event is None) for record in found] == [
        ("5-0", False),
        ("5-1", False),
        ("6-0", False),
    ]


def test_offsets_that_do_not_grow_are_refused_by_line(tmp_path: Path) -> None:
    line = b'{"offset":"%d-0",' + (CLICK % 5)[1:]
    with pytest.raises(DatasetError, match="line 3: expected an offset after 8-0, received 7-0"):
        read(tmp_path, b"\n".join([line % 6, line % 8, line % 7]))


def test_empty_file_is_an_empty_log(tmp_path: Path) -> None:
    assert read(tmp_path, b"") == []
    assert JsonlLog(tmp_path / "log.jsonl").end() == ORIGIN
