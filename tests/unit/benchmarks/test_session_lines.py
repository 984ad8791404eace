"""Session files: what can be read is, what can't is counted by line, and a file that is none says what was expected."""

import gzip
from pathlib import Path

import pytest

from benchmarks.quality.session_lines import MAX_LINE_BYTES, SessionLines, click_ms
from recsys.errors import DatasetError
from recsys.events import MAX_ID_LENGTH


def written(folder: Path, content: bytes, name: str = "sessions.txt") -> SessionLines:
    path = folder / name
    path.write_bytes(content)
    return SessionLines(path)


def test_lines_become_sessions_with_their_numbers(tmp_path: Path) -> None:
    lines = written(tmp_path, b"1 2 3\n\n  \nx  y\r\nalone")
    assert [(line.number, line.items) for line in lines] == [(1, ["1", "2", "3"]), (4, ["x", "y"]), (5, ["alone"])]
    assert (lines.lines, lines.bad) == (5, 0)


def test_gzip_gives_the_same(tmp_path: Path) -> None:
    content = "7 8\n9 ø 7\n".encode()
    packed = written(tmp_path, gzip.compress(content), "sessions.txt.gz")
    assert list(packed) == list(written(tmp_path, content))


def test_byte_order_mark_is_no_part_of_the_first_id(tmp_path: Path) -> None:
    assert [line.items for line in written(tmp_path, b"\xef\xbb\xbf1 2\n")] == [["1", "2"]]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"1 \xff 2", "not UTF-8"),
        (b"1 \x00 2", "not text"),
        (b"1 " + b"9" * (MAX_ID_LENGTH + 1), "id too long"),
        (b"1 " * MAX_LINE_BYTES, "line too long"),
    ],
)
def test_bad_line_is_set_aside_by_number(tmp_path: Path, bad: bytes, reason: str) -> None:
    lines = written(tmp_path, b"1 2\n" + bad + b"\n3 4\n")
    assert [line.number for line in lines] == [1, 3]
    assert lines.bad == 1
    assert [(row.line, row.reason.partition(":")[0]) for row in lines.rejected] == [(2, reason)]


def test_longest_id_counts_in_letters_not_in_bytes(tmp_path: Path) -> None:
    lines = written(tmp_path, ("ø" * MAX_ID_LENGTH + " 1\n").encode())
    assert len(list(lines)) == 1


def test_reading_again_counts_again(tmp_path: Path) -> None:
    lines = written(tmp_path, b"1 2\n\xff\n")
    assert [list(lines), lines.bad] == [list(lines), lines.bad]
    assert lines.bad == 1


def test_file_without_any_session_line_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected one session a line.*line 1: not UTF-8"):
        list(written(tmp_path, b"\xff\n\xfe\n"))


@pytest.mark.parametrize("name", ["missing.txt", "missing.txt.gz", "."])
def test_missing_file_says_what_was_expected(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="expected one session a line, item ids separated by spaces"):
        list(SessionLines(tmp_path / name))


def test_half_a_gzip_file_is_no_file(tmp_path: Path) -> None:
    half = gzip.compress(b"1 2\n" * 10_000)[:40]
    with pytest.raises(DatasetError, match="expected one session a line"):
        list(written(tmp_path, half, "half.txt.gz"))


def test_empty_file_has_no_sessions(tmp_path: Path) -> None:
    assert list(written(tmp_path, b"")) == []


def test_time_of_a_click_does_not_tell_how_many_follow() -> None:
    assert [click_ms(3, place) for place in (0, 1, 500)] == [180_000, 180_500, 239_999]
    assert click_ms(4, 0) > click_ms(3, 10_000)
