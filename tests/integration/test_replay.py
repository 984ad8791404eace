"""``manage.py replay``: the same hash on every run, in every process, wherever it was cut."""

import io
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recsys.log.archive import write_segments
from recsys.log.base import Record
from recsys.log.jsonl import export_jsonl
from tests.faults.learning import ROOT
from tests.unit.streams import stream


@pytest.fixture(scope="module")
def history() -> list[Record]:
    return stream(seed=5, events=400)


@pytest.fixture(scope="module")
def folder(history: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history in several segments."""
    folder = tmp_path_factory.mktemp("archive")
    write_segments(folder, history, size=150)
    return folder


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, Any]:
    """What one run over everything says."""
    return replay(folder)


def replay(log: Path, *options: str) -> dict[str, Any]:
    """Replay here; return what is said in the end."""
    said = io.StringIO()
    call_command("replay", str(log), *options, stdout=said)
    report: dict[str, Any] = json.loads(said.getvalue())
    return report


def replay_elsewhere(log: Path, hash_seed: str) -> dict[str, Any]:
    """Replay in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "replay", str(log)],
        env={
            **os.environ,
            "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please",
            "PYTHONHASHSEED": hash_seed,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def test_replay_tells_what_it_folded(whole: dict[str, Any], history: list[Record]) -> None:
    assert whole["events"] == len(history)
    assert whole["offset"] == history[-1].offset
    assert whole["seconds"] > 0
    assert len(whole["state_sha256"]) == 64


def test_hash_is_the_same_in_another_process_under_another_hash_seed(whole: dict[str, Any], folder: Path) -> None:
    assert replay_elsewhere(folder, hash_seed="4711")["state_sha256"] == whole["state_sha256"]


def test_json_lines_and_one_parquet_file_give_the_hash_of_the_folder(
    whole: dict[str, Any], history: list[Record], tmp_path: Path
) -> None:
    with (tmp_path / "log.jsonl").open("wb") as file:
        export_jsonl(history, file)
    write_segments(tmp_path / "one", history)
    (segment,) = (tmp_path / "one").glob("*.parquet")
    single = segment.rename(tmp_path / "log.parquet")

    for log in (tmp_path / "log.jsonl", single):
        assert replay(log)["state_sha256"] == whole["state_sha256"]


def test_run_that_was_cut_and_resumed_gives_the_hash_of_one_run(
    whole: dict[str, Any], history: list[Record], folder: Path, tmp_path: Path, settings: Any
) -> None:
    settings.FRESHET_VAR = tmp_path
    until = history[len(history) // 3].offset

    first = replay(folder, "--until", until)
    second = replay(folder, "--from-snapshot", first["snapshot"])

    assert first["offset"] == until
    assert first["events"] + second["events"] == whole["events"]
    assert second["state_sha256"] == whole["state_sha256"]


def test_snapshot_that_can_not_be_kept_gets_one_line_before_anything_is_folded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.training.management.commands.replay.replay", pytest.fail)
    for place in (Path("/dev/null/here"), folder):
        with pytest.raises(CommandError, match=f"can't write {place} .*: make room, or name another file"):
            call_command("replay", folder, save_snapshot=place)


def test_snapshot_for_which_the_disk_has_no_room_is_said_to_be_that(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"can't write /dev/full \(No space left on device\): make room"):
        call_command("replay", folder, save_snapshot=Path("/dev/full"))


def test_records_that_are_no_events_are_counted(tmp_path: Path) -> None:
    log, told = tmp_path / "log.jsonl", StringIO()
    log.write_text("neither\nnor\n")
    call_command("replay", log, stdout=StringIO(), stderr=told)
    assert "2 of the 2 records are no events and taught nothing" in told.getvalue()


def test_log_that_is_not_there_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="expected a folder of Parquet segments"):
        call_command("replay", tmp_path / "nothing")
