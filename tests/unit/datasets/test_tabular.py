"""Anyone's own tables: three formats, one meaning."""

import datetime as dt
import decimal
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recsys.datasets import tabular
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Impression,
    ItemUpserted,
    SessionBegan,
    SlateServed,
)
from tests.unit.datasets.tables import happened, read, write_table

DOCUMENT = Path(__file__).parents[3] / "docs" / "data-format.md"


def test_items_alone_are_a_catalogue(tmp_path: Path) -> None:
    dataset = read(tmp_path)
    assert dataset.items[0] == ItemUpserted(
        event_time_ms=0, item="a", title="Alien", categories=("horror", "sci-fi"), tags=("ridley scott",), year=1979
    )
    assert dataset.items[1].year is None
    assert not dataset.rejected


def test_every_type_becomes_its_event(tmp_path: Path) -> None:
    rows = [
        "impression,1,a,,",
        "click,2,a,,",
        "rating,3,b,5,",
        "rating,4,b,1,",
        "dwell,5,a,,900",
        "dismissal,6,b,,",
        "dismissal_undone,7,b,,",
    ]
    dataset = read(tmp_path, "type,time_ms,item,rating,dwell_ms,session\n" + "".join(f"{row},s\n" for row in rows))
    assert happened(dataset) == [
        Impression(event_time_ms=1, session="s", item="a"),
        Click(event_time_ms=2, session="s", item="a"),
        Impression(event_time_ms=3, session="s", item="b"),
        Click(event_time_ms=3, session="s", item="b"),
        Impression(event_time_ms=4, session="s", item="b"),
        Dwell(event_time_ms=5, session="s", item="a", dwell_ms=900),
        Dismissal(event_time_ms=6, session="s", item="b"),
        DismissalUndone(event_time_ms=7, session="s", item="b"),
    ]


def test_how_a_session_came_stands_before_its_first_list_and_what_is_not_said_is_unknown(tmp_path: Path) -> None:
    rows = ["slate,5,s,l1,a|b,,,", "session_began,5,s,l1,,search,,phone", "session_began,7,t,,,,home,"]
    heading = "type,time_ms,session,slate,items,referrer,page,device\n"
    dataset = read(tmp_path, heading + "".join(f"{row}\n" for row in rows))
    assert happened(dataset) == [
        SessionBegan(event_time_ms=5, session="s", referrer="search", device="phone"),
        SlateServed(event_time_ms=5, session="s", slate="l1", surface="history", items=("a", "b")),
        SessionBegan(event_time_ms=7, session="t", page="home"),
    ]


def test_threshold_of_ratings_can_be_chosen(tmp_path: Path) -> None:
    dataset = read(tmp_path, "type,time_ms,item,rating,session\nrating,1,a,3,s\n", click_from_rating=3.0)
    assert any(isinstance(event, Click) for event in dataset.events)


def test_users_get_sessions_by_inactivity(tmp_path: Path) -> None:
    rows = "impression,0,a,ann\nimpression,60,a,ann\nimpression,121,a,ann\nimpression,121,a,bob\n"
    dataset = read(tmp_path, "type,time_s,item,user\n" + rows)
    sessions = [event.session for event in happened(dataset) if isinstance(event, Impression)]
    assert sessions == ["ann#1", "ann#1", "ann#2", "bob#1"]


def test_slate_row_gives_positions(tmp_path: Path) -> None:
    rows = "slate,5,s1,,b|a,trending\nclick,6,s1,a,,\n"
    dataset = read(tmp_path, "type,time_ms,slate,item,items,surface,session\n" + rows.replace("\n", ",s\n"))
    assert happened(dataset) == [
        SlateServed(event_time_ms=5, session="s", slate="s1", surface="trending", items=("b", "a")),
        Click(event_time_ms=6, session="s", slate="s1", item="a", position=1),
    ]


def test_slate_without_a_row_is_put_together_from_positions(tmp_path: Path) -> None:
    rows = "impression,6,s1,a,1,s\nimpression,7,s1,b,0,s\nclick,8,s1,a,,s\n"
    dataset = read(tmp_path, "type,time_ms,slate,item,position,session\n" + rows)
    assert happened(dataset)[0] == SlateServed(
        event_time_ms=6, session="s", slate="s1", surface="history", items=("b", "a")
    )
    assert [event.position for event in happened(dataset) if isinstance(event, Impression | Click)] == [1, 0, 1]


@pytest.mark.parametrize("time", ["1970-01-01T00:00:01.5Z", "1970-01-01T02:00:01.500+02:00", "1970-01-01 00:00:01.500"])
def test_time_may_be_iso_8601(tmp_path: Path, time: str) -> None:
    assert happened(read(tmp_path, f"type,time,item,session\nclick,{time},a,s\n"))[0].event_time_ms == 1_500


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_what_an_item_repeats_of_its_lists_counts_once(tmp_path: Path, ending: str) -> None:
    words = ["horror", "sci-fi", " horror", "", "horror"]
    write_table(tmp_path / f"items.{ending}", [{"item": "a", "title": "A", "categories": words, "tags": words}])
    (item,) = tabular.read(tmp_path, 60).items
    assert item.categories == item.tags == ("horror", "sci-fi")


def test_items_may_enter_later(tmp_path: Path) -> None:
    items = "item,title,time_ms\na,Early,\nb,Late,50\n"
    dataset = read(tmp_path, "type,time_ms,item,session\nclick,10,a,s\n", items)
    assert [(event.event_time_ms, type(event).__name__) for event in dataset.events] == [
        (10, "ItemUpserted"),
        (10, "Click"),
        (50, "ItemUpserted"),
    ]


def test_item_enters_no_later_than_it_was_first_shown_or_clicked_and_that_is_noted(tmp_path: Path) -> None:
    items = "item,title,time_ms\na,A,50\nb,B,50\nc,C,50\n"
    rows = "click,20,a,s,,\nslate,10,,s,p,b|x\nclick,60,c,s,,\n"
    dataset = read(tmp_path, "type,time_ms,item,session,slate,items\n" + rows, items)
    assert {item.item: item.event_time_ms for item in dataset.items} == {"a": 20, "b": 10, "c": 50}
    assert [type(event) for event in dataset.events[:2]] == [ItemUpserted, SlateServed]
    assert "2 items were shown or clicked before their time; they enter when they first were" in dataset.notes


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    dataset = read(tmp_path, items="item,title,director\na,Alien,ridley scott\n")
    assert "items.csv: columns that are not used: director" in dataset.notes


def test_number_columns_are_numbers_by_name(tmp_path: Path) -> None:
    dataset = read(
        tmp_path, items="item,title,number:price,number:size in cm\na,Alien,9.5,-1e2\nb,Brazil,,3\nc,Cube,,\n"
    )
    assert [item.numbers for item in dataset.items] == [{"price": 9.5, "size in cm": -100.0}, {"size in cm": 3.0}, {}]
    assert not dataset.rejected
    assert not any("not used" in note for note in dataset.notes)


def test_number_columns_without_a_name_or_of_events_are_not_used(tmp_path: Path) -> None:
    rows = "type,time_ms,item,session,number:x\nclick,1,a,s,2\n"
    dataset = read(tmp_path, rows, items="item,title,number:,numbers\na,Alien,1,2\n")
    assert dataset.items[0].numbers == {}
    assert dataset.notes == [
        "items.csv: columns that are not used: number:, numbers",
        "events.csv: columns that are not used: number:x",
    ]


def test_three_formats_say_the_same(tmp_path: Path) -> None:
    items: list[dict[str, Any]] = [
        {"item": "1", "title": "One", "categories": ["x", "y"], "year": 1999, "number:price": 9.5},
        {"item": "2", "title": "Two"},
    ]
    rows = [
        {"type": "slate", "time_s": 1.5, "session": "s", "slate": "l", "items": ["1", "2"]},
        {"type": "click", "time_s": 2.0, "session": "s", "slate": "l", "item": "2"},
    ]
    read_as = {}
    for form in ("csv", "jsonl", "jsonl.gz", "parquet"):
        folder = tmp_path / form
        folder.mkdir()
        write_table(folder / f"items.{form}", items)
        write_table(folder / f"events.{form}", rows)
        read_as[form] = tabular.read(folder, 60)
    assert not any(dataset.rejected for dataset in read_as.values())
    assert all(list(dataset.events) == list(read_as["csv"].events) for dataset in read_as.values())
    assert len(read_as["csv"].events) == 4


def test_parquet_decimals_are_numbers_and_nan_is_missing(tmp_path: Path) -> None:
    prices = pa.array([decimal.Decimal("9.50"), None])
    sizes = pa.array([float("nan"), 2.0])
    table = {"item": ["a", "b"], "title": ["A", "B"], "number:price": prices, "number:size": sizes}
    pq.write_table(pa.table(table), tmp_path / "items.parquet")
    dataset = tabular.read(tmp_path, 60)
    assert [item.numbers for item in dataset.items] == [{"price": 9.5}, {"size": 2.0}]


def test_parquet_timestamps_and_numeric_ids_are_understood(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"item": [7, 8], "title": ["Seven", "Eight"], "year": [1995.0, None]}), tmp_path / "items.parquet"
    )
    moment = dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)
    events = {"type": ["click"], "time": pa.array([moment], pa.timestamp("ns", "UTC")), "item": [7.0], "user": [3]}
    pq.write_table(pa.table(events), tmp_path / "events.parquet")
    dataset = tabular.read(tmp_path, 60)
    assert not dataset.rejected
    assert happened(dataset) == [Click(event_time_ms=1_000, session="3#1", item="7")]


def test_parquet_dates_are_their_midnights_as_dates_in_text_are(tmp_path: Path) -> None:
    day = dt.date(1970, 1, 3)
    for name, days in (("date", pa.array([day])), ("text", pa.array([day.isoformat()]))):
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"item": ["a"], "title": ["A"], "time": days}), tmp_path / name / "items.parquet")
        assert tabular.read(tmp_path / name, 60).items[0].event_time_ms == 2 * 86_400_000


def test_document_names_every_column_and_type() -> None:
    named = set(re.findall(r"`(\w+)`", DOCUMENT.read_text()))
    columns = {*tabular.ItemRow.__struct_fields__, *tabular.EventRow.__struct_fields__}
    types = set(tabular.EventRow.__annotations__["type"].__args__)
    assert columns | types <= named


def test_example_of_the_document_loads(tmp_path: Path) -> None:
    for name, block in re.findall(r"`(\w+\.csv)`\n\n((?:    .*\n)+)", DOCUMENT.read_text()):
        (tmp_path / name).write_text(re.sub(r"(?m)^    ", "", block))
    dataset = tabular.read(tmp_path, 1_800)
    assert not dataset.rejected
    assert [type(event).__name__ for event in happened(dataset)] == ["SlateServed", "Impression", "Impression", "Click"]
