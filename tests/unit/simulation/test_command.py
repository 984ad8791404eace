"""`python -m recsys.simulation` writes an archive that reads back, and says what it holds."""

import json
from pathlib import Path

import pytest

from recsys.events import Click, ItemUpserted
from recsys.log.archive import ArchiveLog
from recsys.log.base import records
from recsys.simulation import __main__ as command
from tests.unit.datasets.conftest import ReadMovieLens, read_movielens
from tests.unit.simulation.histories import FILMS, history

__all__ = ["read_movielens"]


@pytest.mark.parametrize("ranked_by", ["stand-in", "engine"])
def test_command_writes_catalogue_and_visitors(
    ranked_by: str, read_movielens: ReadMovieLens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    films = "".join(f"{number}\tFilm {number}\t1990\tDrama\n" for number in range(FILMS))
    rated = [
        f"{event.session[1:]}\t{event.item}\t3\t{at}" for at, event in enumerate(history()) if event.tag() != "click"
    ]
    liked = [
        f"{event.session[1:]}\t{event.item}\t5\t{at}" for at, event in enumerate(history()) if isinstance(event, Click)
    ]
    read_movielens(films, "\n".join([*rated, *liked]))
    wheel = next(tmp_path.glob("*.whl"))
    arguments = ["--out", str(tmp_path / "log"), "--events", "1500", "--days", "0.2", "--ranked-by", ranked_by]
    assert command.main([*arguments, "--movielens", str(wheel)]) == 0
    told = json.loads(capsys.readouterr().out)
    found = [record.event for record in records(ArchiveLog(tmp_path / "log"))]
    items = [event for event in found if isinstance(event, ItemUpserted)]
    simulated = [event for event in found if getattr(event, "simulated", False)]
    assert (len(items), len(simulated), told["events"]) == (FILMS, 1_500, 1_500)
    assert sum(isinstance(event, Click) for event in simulated) <= sum(arm["clicks"] for arm in told["arms"].values())


@pytest.mark.parametrize("option", ["--events=-5", "--days=0", "--days=inf", "--days=nan", "--days=soon", "--seed=-1"])
def test_number_that_nobody_can_work_with_is_told_and_nothing_is_written(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit, match="2"):
        command.main(["--out", str(tmp_path / "log"), option])
    assert option.partition("=")[0] in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_folder_that_holds_something_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "notes").write_text("mine")
    for out in (tmp_path, tmp_path / "notes"):
        with pytest.raises(SystemExit, match="2"):
            command.main(["--out", str(out)])
        assert "expected a folder that is empty or new" in capsys.readouterr().err
