"""The speed command measures every stage, on generated data and on a file."""

import itertools
import json
from pathlib import Path

import pytest

from benchmarks.quality import speed
from benchmarks.quality.cli import main

STAGES = ("index_us_a_click", "fold_us_a_click", "fold_one_us_p50", "query_us_p50", "query_us_p99", "observe_us_p50")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SINGLE", 20)
    monkeypatch.setattr(speed, "ASKED", 20)
    monkeypatch.setattr(speed, "BATCH", 10)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("given", ["file", "nothing"])
def test_every_stage_has_its_time(tmp_path: Path, given: str) -> None:
    (tmp_path / "train").write_text("".join(f"{' '.join(items)}\n" for items in itertools.islice(sessions(), 200)))
    arguments = [str(tmp_path / "train")] if given == "file" else ["--items", "50", "--clicks", "500"]
    assert main(["speed", *arguments, "--learn", "100", "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert all(figures[stage] > 0.0 for stage in STAGES)
    assert figures["clicks_learned"] >= 100
    assert figures["snapshot_mb"] > 0.0
    assert figures["calibration"]["before_ms"] > 0.0


@pytest.mark.parametrize("given", ["few", "none", "nothing"])
def test_too_few_clicks_are_told_and_not_timed(tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "few").write_text("a b\n" * 50)
    (tmp_path / "none").write_text("")
    arguments = ["--items", "5", "--clicks", "9"] if given == "nothing" else [str(tmp_path / given)]
    assert main(["speed", *arguments]) == 2
    assert "expected more than the" in capsys.readouterr().err


def test_generated_sessions_stay_in_the_catalogue_and_repeat_themselves() -> None:
    first, second = (list(itertools.islice(sessions(), 100)) for _ in range(2))
    assert first == second
    assert {int(item) for items in first for item in items} <= set(range(50))
    assert min(map(len, first)) >= 2


def sessions() -> "itertools.chain[list[str]]":
    return itertools.chain(speed.generated(speed.Sizes(items=50), seed=1))
