"""`prepare`: whatever it finds broken, it says so in one line, which is what the demo passes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command

from recsys.events import ItemUpserted, encode
from recsys.log.archive import write_segment
from recsys.log.base import Record
from tests.faults.learning import ROOT
from webapp import wiring
from webapp.catalog import loading

FILM = ItemUpserted(event_time_ms=1, item="a", title="Alien")


@pytest.mark.django_db
def test_note_of_an_earlier_run_that_is_damaged_is_named(wired: redis.Redis) -> None:
    note = loading.manifest_path(wiring.data_path(), "tabular")
    note.parent.mkdir()
    note.write_text("{")
    with pytest.raises(CommandError, match=f"{note}: expected what an earlier run wrote"):
        call_command("prepare", dataset="movielens")


@pytest.mark.django_db
def test_damaged_archive_is_named(wired: redis.Redis) -> None:
    segment = write_segment(wiring.archive_path(), [Record("1-0", FILM, encode(FILM))])
    segment.write_bytes(b"not what was written")
    with pytest.raises(CommandError, match=f"expected a Parquet segment in {segment}"):
        call_command("prepare", dataset="none")


@pytest.mark.django_db
def test_data_set_that_a_log_in_use_does_not_take_is_named(
    wired: redis.Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "items.csv").write_text("item,title\na,Alien\n")
    for _ in range(2):
        call_command("prepare", dataset=str(tmp_path / "own"))
    assert "not loaded" not in capsys.readouterr().err
    call_command("prepare", dataset="movielens")
    assert "movielens is not loaded: the log has the history of tabular already" in capsys.readouterr().err


@pytest.mark.django_db
def test_broken_data_set_is_named(wired: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    with pytest.raises(CommandError, match="expected a folder with one of items"):
        call_command("prepare", dataset=str(tmp_path / "own"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "file is not a database"),
        ("sqlite:////dev/null/none.db", "unable to open database file"),
        ("postgresql://me:secret@127.0.0.1:1/site", "Connection refused"),
    ],
)
def test_database_that_is_none_gets_one_line(tmp_path: Path, url: str, reason: str) -> None:
    (tmp_path / "db.sqlite3").write_bytes(b"not what was written" * 100)
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "prepare", "--dataset", "none"],
        env={**os.environ, "FRESHET_SECRET_KEY": "x" * 32, "FRESHET_VAR": str(tmp_path), "FRESHET_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    line = done.stderr.splitlines()[-1]
    assert "FRESHET_DATABASE_URL can't be used (" in line and reason in line
    assert "Traceback" not in done.stderr and "secret" not in line
