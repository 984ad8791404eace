"""RankLens: lists become slates with impressions, and clicks know their place in them."""

import codecs
import gzip
import math
from pathlib import Path
from typing import Any

import pytest

from recsys.datasets import ranklens
from recsys.errors import DatasetError
from recsys.events import Click, Impression, ItemUpserted, SlateServed
from tests.unit.datasets.conftest import WriteLines


def item(item_id: str, **fields: Any) -> dict[str, Any]:
    values = {"title": f"Film {item_id}", **fields}
    return {
        "event": "item",
        "id": f"i{item_id}",
        "item": item_id,
        "timestamp": "1000",
        "fields": [{"name": name, "value": value} for name, value in values.items()],
    }


def ranking(ranking_id: str, *items: str, at_ms: int = 2_000, session: str = "s") -> dict[str, Any]:
    shown = [{"id": shown, "fields": [{"name": "relevancy", "value": 0.0}]} for shown in items]
    return {"event": "ranking", "id": ranking_id, "session": session, "timestamp": str(at_ms), "items": shown}


def click(ranking_id: str, item_id: str, at_ms: int = 7_000, session: str = "s") -> dict[str, Any]:
    return {
        "event": "interaction",
        "id": "x",
        "type": "click",
        "ranking": ranking_id,
        "item": item_id,
        "session": session,
        "timestamp": str(at_ms),
    }


def test_list_is_a_slate_its_impressions_and_its_clicks(write_lines: WriteLines) -> None:
    path = write_lines("r.jsonl", item("1"), item("2"), ranking("r", "2", "1"), click("r", "1"))
    assert ranklens.read(path).events[2:] == [
        SlateServed(event_time_ms=2_000, session="rl-s", slate="r", surface="history", items=("2", "1")),
        Impression(event_time_ms=2_000, session="rl-s", item="2", slate="r", position=0),
        Impression(event_time_ms=2_000, session="rl-s", item="1", slate="r", position=1),
        Click(event_time_ms=7_000, session="rl-s", item="1", slate="r", position=1),
    ]


def test_film_without_metadata_keeps_its_place_and_is_noted(write_lines: WriteLines) -> None:
    dataset = ranklens.read(write_lines("r.jsonl", item("1"), ranking("r", "404", "1")))
    slate = next(event for event in dataset.events if isinstance(event, SlateServed))
    assert slate.items == ("404", "1")
    assert "404" in dataset.notes[0]


def test_note_names_a_few_films_of_many(write_lines: WriteLines) -> None:
    (note,) = ranklens.read(write_lines("r.jsonl", item("1"), ranking("r", *map(str, range(500))))).notes
    assert note.startswith("499 films")
    assert len(note) < 200


@pytest.mark.parametrize("bad", ["a\0", "a\x1fb", "a\nb", "a" * 129])
def test_ids_that_nothing_else_could_hold_are_set_aside(write_lines: WriteLines, bad: str) -> None:
    path = write_lines(
        "r.jsonl", item("1"), item(bad), ranking(bad, "1"), ranking("r", bad), ranking("q", "1", session=bad)
    )
    dataset = ranklens.read(path)
    assert [row.line for row in dataset.rejected] == [2, 3, 4, 5]
    assert len(dataset.events) == 1


def test_sessions_are_no_longer_than_ids_may_be(write_lines: WriteLines) -> None:
    long = [ranking(str(length), "1", session="s" * length) for length in (125, 126)]
    dataset = ranklens.read(write_lines("r.jsonl", item("1"), *long))
    assert [row.line for row in dataset.rejected] == [3]
    assert {len(event.session) for event in dataset.events if isinstance(event, SlateServed)} == {128}


@pytest.mark.parametrize("fields", [{"title": "a\0b"}, {"genres": ["a\0"]}, {"tags": ["a\0"]}])
def test_text_with_zero_bytes_is_set_aside(write_lines: WriteLines, fields: dict[str, Any]) -> None:
    (row,) = ranklens.read(write_lines("r.jsonl", item("1"), item("2", **fields))).rejected
    assert row.reason == "bad value: expected text without zero bytes about '2'"


def test_tags_put_people_first_and_leave_out_what_is_not_content(write_lines: WriteLines) -> None:
    described = item(
        "1",
        genres=["drama"],
        tags=["aliens", "nudity (topless)", "clv", "own", "oscar (best picture)", "ann director", "x" * 31],
        actors=["bob actor"],
        director="ann director",
        release_date=-315_619_200.0,
    )
    (film,) = ranklens.read(write_lines("r.jsonl", described)).items
    assert film == ItemUpserted(
        event_time_ms=1_000,
        item="1",
        title="Film 1",
        categories=("drama",),
        tags=("ann director", "bob actor", "aliens"),
        year=1960,
    )


def test_votes_and_rating_become_numbers(write_lines: WriteLines) -> None:
    (film,) = ranklens.read(write_lines("r.jsonl", item("1", vote_cnt=99, vote_avg=7.5))).items
    assert film.numbers == {"votes": pytest.approx(math.log(100)), "rating": 7.5}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"vote_avg": 7.5},
        {"vote_cnt": 0, "vote_avg": 7.5},
        {"vote_cnt": -3},
        {"vote_cnt": "9"},
        {"vote_cnt": 10**400},
    ],
)
def test_film_without_votes_has_no_numbers(write_lines: WriteLines, fields: dict[str, Any]) -> None:
    (film,) = ranklens.read(write_lines("r.jsonl", item("1", **fields))).items
    assert film.numbers == {}


def test_votes_without_a_usable_rating_stand_alone(write_lines: WriteLines) -> None:
    (film,) = ranklens.read(write_lines("r.jsonl", item("1", vote_cnt=1, vote_avg=True))).items
    assert film.numbers.keys() == {"votes"}


def test_events_are_in_order_of_time_whatever_the_order_of_lines(write_lines: WriteLines) -> None:
    path = write_lines("r.jsonl", item("1"), ranking("b", "1", at_ms=9_000), ranking("a", "1", at_ms=3_000))
    events = ranklens.read(path).events
    assert [event.slate for event in events if isinstance(event, SlateServed)] == ["a", "b"]
    assert sorted(event.event_time_ms for event in events) == [event.event_time_ms for event in events]


def test_broken_lines_are_set_aside_with_line_and_reason(write_lines: WriteLines) -> None:
    path = write_lines(
        "r.jsonl",
        item("1"),
        ranking("r", "1"),
        "{cut off",
        {"event": "ranking", "timestamp": "1"},
        ranking("r", "1"),
        click("r", "2"),
        click("r", "1", session="another"),
        click("r", "1", at_ms=1_999),
        {**click("r", "1"), "timestamp": "soon"},
        {"event": "user", "timestamp": "1"},
        ranking("q", "1", "1"),
        item(""),
        {**item("2"), "timestamp": "9" * 5_000},
        {**item("2"), "fields": [{"name": ["title"], "value": "x"}]},
        {**item("2"), "fields": [{"name": "title", "value": " "}]},
        '{"event": "item", "timestamp": "1", "fields": [{"name": ' + "[" * 100_000,
    )
    rejected = ranklens.read(path).rejected
    assert [row.line for row in rejected] == list(range(3, 17))
    assert [row.reason.partition(":")[0] for row in rejected[1:-1]] == [
        "missing value",
        "repeated ranking",
        "not shown",
        "another session's ranking",
        "before its ranking",
        "bad timestamp",
        "unknown event",
        "repeated item",
        "missing value",
        "bad timestamp",
        "missing value",
        "missing value",
    ]


def test_film_is_there_from_its_first_description_on_and_as_the_last_one_says(write_lines: WriteLines) -> None:
    again = item("1") | {"timestamp": "9000", "fields": [{"name": "title", "value": "Again"}]}
    path = write_lines("r.jsonl", item("1"), ranking("r", "1"), click("r", "1"), again)
    dataset = ranklens.read(path)
    assert [type(event) for event in dataset.events] == [ItemUpserted, SlateServed, Impression, Click]
    assert [film.title for film in dataset.items] == ["Again"]


def test_film_that_is_described_after_it_was_shown_enters_when_it_was_and_that_is_noted(
    write_lines: WriteLines,
) -> None:
    dataset = ranklens.read(
        write_lines("r.jsonl", ranking("r", "1"), click("r", "1"), item("1") | {"timestamp": "9000"})
    )
    assert [type(event) for event in dataset.events] == [ItemUpserted, SlateServed, Impression, Click]
    assert "1 items were shown or clicked before their time; they enter when they first were" in dataset.notes


def test_byte_order_mark_and_blank_lines_are_no_broken_lines(tmp_path: Path, write_lines: WriteLines) -> None:
    path = tmp_path / "marked.jsonl"
    path.write_bytes(codecs.BOM_UTF8 + write_lines("r.jsonl", item("1"), "", item("2"), " ").read_bytes())
    dataset = ranklens.read(path)
    assert (len(dataset.items), dataset.rejected) == (2, [])


def test_gzip_is_read(tmp_path: Path, write_lines: WriteLines) -> None:
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(gzip.compress(write_lines("r.jsonl", item("1")).read_bytes()))
    assert len(ranklens.read(packed).items) == 1


@pytest.mark.parametrize("content", [b"", b"not gzip"])
def test_unusable_file_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(DatasetError):
        ranklens.read(path)


def test_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.jsonl: expected RankLens events"):
        ranklens.read(tmp_path / "nowhere.jsonl")
