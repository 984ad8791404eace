"""The command: errors say what was expected and leave with 2, figures go where they were asked for."""

import doctest
import importlib
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from benchmarks.quality import registry
from benchmarks.quality.cli import main
from benchmarks.quality.contenders import MissingLibrary


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "train.txt").write_text("1 2 3\n" * 30 + "\n")
    (tmp_path / "test.txt").write_bytes(b"1 2 3\n2\n3 1\n\xff\n")
    return [str(tmp_path / "train.txt"), str(tmp_path / "test.txt")]


def test_figures_are_printed_and_written(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    quick = ["--engines", "none", "--peers", "popularity,co-counts", "--json", str(file)]
    assert main(["next-item", *files, "--mode", "learning", *quick]) == 0
    whole = json.loads(file.read_text())
    assert list(whole["contenders"]) == ["popularity", "co-counts"]
    assert whole["contenders"]["co-counts"]["predictions"] == 3
    assert whole["contenders"]["co-counts"]["hit_rate_at_20"] == 1.0
    assert {"seconds", "cpu_seconds", "peak_rss_mb", "query_us_p50", "query_us_p99", "configuration"} <= set(
        whole["contenders"]["popularity"]
    )
    assert whole["bad_lines"] == {"train.txt": 0, "test.txt": 1}
    assert whole["machine"]["numba"]
    assert whole["calibration"]["before_ms"] > 0
    printed = capsys.readouterr().out
    assert "HR@20 %" in printed
    assert "test.txt line 4: not UTF-8" in printed


def test_bad_lines_of_two_files_of_one_name_are_all_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, content in (("train", b"1 2\n\xff\n"), ("test", b"1 2\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sessions").write_bytes(content)
    files = [str(tmp_path / folder / "sessions") for folder in ("train", "test")]
    assert main(["next-item", *files, "--mode", "frozen", "--engines", "none", "--peers", "popularity"]) == 0
    assert "sessions: 1 bad lines were set aside" in capsys.readouterr().out


def test_notes_on_a_history_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "items.csv").write_text("item,title,colour\na,A,red\nb,B,blue\n")
    (tmp_path / "events.csv").write_text("type,time_s,session,item\nclick,1,s,a\nclick,2,s,b\n")
    assert main(["history", str(tmp_path), "--engines", "none", "--peers", "popularity"]) == 0
    assert "note: items.csv: columns that are not used: colour" in capsys.readouterr().out


def test_figures_of_the_engine_stand_at_the_top(files: list[str], tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    assert main(["next-item", *files, "--mode", "frozen", "--markdown", "--json", str(file)]) == 0
    whole = json.loads(file.read_text())
    figures = {"hit_rate_at_20", "mrr_at_20", "predictions", "seconds", "peak_rss_mb", "query_us_p50", "query_us_p99"}
    assert figures | {"state_sha256", "configuration"} <= set(whole)
    assert whole["hit_rate_at_20"] == whole["contenders"][whole["engine"]]["hit_rate_at_20"]
    assert len(whole["state_sha256"]) == 64


def test_missing_file_says_what_was_expected(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--engines", "none", "--peers", "popularity"]
    assert main(["next-item", files[0] + ".missing", files[1], "--mode", "frozen", *quick]) == 2
    said = capsys.readouterr().err
    assert "expected one session a line, item ids separated by spaces" in said
    assert "Traceback" not in said


def test_missing_folder_says_what_was_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(tmp_path / "none"), "--engines", "none", "--peers", "popularity"]) == 2
    assert "expected the name movielens, or a folder with items and events" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["next-item", "a", "b"], "--mode"),
        (["next-item", "a", "--mode", "frozen"], "either a TEST file or --tail"),
        (["next-item", "a", "b", "--tail", "3", "--mode", "frozen"], "either a TEST file or --tail"),
        (["next-item", "a", "b", "--mode", "frozen", "--limit", "0"], "expected a whole number from 1"),
        (["next-item", "a", "b", "--mode", "frozen", "--peers", "oracle"], "expected a peer of popularity"),
        (["next-item", "a", "b", "--mode", "frozen", "--engines", "none"], "expected something to measure"),
        (["slates", "a", "--from", "0.5", "--to", "0.5"], "expected --from below --to"),
        (["slates", "a", "--from", "2"], "expected a number from 0 to 1"),
        (["slates", "a", "--label-delay-s", "-1"], "expected a number from 0"),
        (["slates", "a", "--json", "/nowhere/at/all.json"], "folder that exists"),
    ],
)
def test_wrong_argument_is_refused_before_anything_runs(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert said in capsys.readouterr().err


def test_missing_library_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.delitem(sys.modules, "benchmarks.quality.peers.lightgbm_ranker", raising=False)
    with pytest.raises(MissingLibrary, match=r"lightgbm-1min needs the library lightgbm.*make setup-bench"):
        registry.make(registry.SLATES, "lightgbm-1min")


def test_every_contender_has_a_module() -> None:
    entries = [
        entry for kinds in (registry.ENGINES, registry.PEERS) for kind in kinds.values() for entry in kind.values()
    ]
    assert all(importlib.util.find_spec(entry.module) for entry in entries)


@pytest.mark.parametrize(
    "name", ["history", "measuring", "peers.base", "ranking_metrics", "registry", "session_lines", "slate_metrics"]
)
def test_examples_in_docstrings_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"benchmarks.quality.{name}"))
    assert found.attempted
    assert not found.failed
