"""Whole files: what dies while it writes leaves what was there before, and one writes at a time."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys import durable
from recsys.durable import UNFINISHED, sole_writer, write_whole


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.binary(max_size=40), after=st.binary(max_size=40), portion=st.integers(1, 9))
def test_file_has_what_was_written_last_however_it_is_cut(tmp_path: Path, before: bytes, after: bytes, portion: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable, "_PORTION", portion)
        for content in (before, memoryview(after)):
            write_whole(tmp_path / "file", content)
            assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_file_stays_as_it_was_when_the_disk_fails_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_whole(tmp_path / "file", b"before")

    def fail(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(tmp_path / "file", b"after")
    assert (tmp_path / "file").read_bytes() == b"before"


def test_what_fails_gives_its_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    for name in ("one", "other"):
        with pytest.raises(OSError, match="no space"):
            write_whole(tmp_path / name, b"after")
    assert not list(tmp_path.iterdir())


def test_what_a_dead_writer_left_is_written_over_whatever_is_written_next(tmp_path: Path):
    (tmp_path / UNFINISHED).write_bytes(b"half of something else")
    write_whole(tmp_path / "file", b"whole")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"whole")]


def _write_forever(path: Path) -> None:
    for number in range(1_000_000):
        with sole_writer(path.parent):
            write_whole(path, b"%07d" % number * 300_000)


def test_writers_that_are_killed_leave_a_whole_file_and_their_turn(tmp_path: Path):
    path = tmp_path / "folder" / "file"
    for _ in range(3):
        path.unlink(missing_ok=True)
        writers = [multiprocessing.get_context("spawn").Process(target=_write_forever, args=(path,)) for _ in range(2)]
        for writer in writers:
            writer.start()
        while not path.exists():
            time.sleep(0.01)
        for writer in writers:
            os.kill(writer.pid or 0, signal.SIGKILL)
            writer.join()
        content = path.read_bytes()
        assert content == content[:7] * 300_000
    with sole_writer(path.parent):
        assert {each.name for each in path.parent.iterdir()} <= {"file", UNFINISHED, "lock"}
