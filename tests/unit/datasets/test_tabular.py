"""Anyone's own tables: three formats, one meaning; bad rows are set aside, never fatal and never silent."""

import codecs
import datetime as dt
import decimal
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.datasets import tabular
from recsys.datasets.base import Dataset
from recsys.errors import DatasetError
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemUpserted,
    SessionBegan,
    SlateServed,
    encode,
)

ITEMS = "item,title,categories,tags,year\na,Alien,horror|sci-fi,ridley scott,1979\nb,Brazil,,,\n"
DOCUMENT = Path(__file__).parents[3] / "docs" / "data-format.md"


def read(folder: Path, events: str | None = None, items: str = ITEMS, **options: Any) -> Dataset:
    (folder / "items.csv").write_text(items)
    if events is not None:
        (folder / "events.csv").write_text(events)
    return tabular.read(folder, session_gap_s=60, **options)


def happened(dataset: Dataset) -> list[Event]:
    return [event for event in dataset.events if not isinstance(event, ItemUpserted)]


def kinds(dataset: Dataset) -> list[tuple[int, str]]:
    return [(row.line, row.reason.partition(":")[0]) for row in dataset.rejected]


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


def test_class_of_entry_that_there_is_not_sets_the_row_aside_and_says_what_there_is(tmp_path: Path) -> None:
    dataset = read(tmp_path, "type,time_ms,session,item,device\nsession_began,1,s,,watch\nclick,2,s,a,\n")
    assert kinds(dataset) == [(2, "bad value")]
    assert "expected device to be one of" in dataset.rejected[0].reason
    assert "phone, tablet, desktop" in dataset.rejected[0].reason
    assert "received 'watch'" in dataset.rejected[0].reason


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


def test_bad_rows_are_set_aside_by_line_and_reason(tmp_path: Path) -> None:
    rows = [
        "click,1,a,s",
        "click,1,zzz,s",
        "clack,1,a,s",
        "click,soon,a,s",
        "click,,a,s",
        "click,1,a,",
        "click,1,,s",
        "rating,1,a,s",
        "click,1,a,s,extra",
        "click,-1,a,s",
        "slate,1,,s",
        '"click",1,"a","s"',
    ]
    dataset = read(tmp_path, "type,time_ms,item,session\n" + "\n".join(rows) + "\n")
    assert len(happened(dataset)) == 2
    assert kinds(dataset) == [
        (3, "unknown item"),
        (4, "bad value"),
        (5, "bad value"),
        (6, "missing value"),
        (7, "missing value"),
        (8, "missing value"),
        (9, "missing value"),
        (10, "wrong columns"),
        (11, "bad time"),
        (12, "missing value"),
    ]
    assert dataset.rejected[0].file == "events.csv"
    assert dataset.rejected[0].row == {"type": "click", "time_ms": "1", "item": "zzz", "session": "s"}


def test_bad_items_are_set_aside_and_so_is_what_happened_to_them(tmp_path: Path) -> None:
    items = "item,title,year\na,Alien,1979\na,Again,\nb,,1999\nc,Cube,next year\n"
    dataset = read(tmp_path, "type,time_ms,item,session\nclick,1,a,s\nclick,1,b,s\n", items)
    assert [row.line for row in dataset.rejected] == [3, 4, 5, 3]
    assert [item.item for item in dataset.items] == ["a"]


def test_click_outside_its_slate_is_set_aside(tmp_path: Path) -> None:
    rows = "slate,5,s1,,a,s\nclick,6,s1,b,,s\nslate,7,s1,,b,s\n"
    dataset = read(tmp_path, "type,time_ms,slate,item,items,session\n" + rows)
    assert kinds(dataset) == [(3, "not shown"), (4, "repeated slate")]


def test_what_happened_before_its_slate_is_set_aside(tmp_path: Path) -> None:
    rows = "slate,5,p,,a|b,s\nclick,4,p,a,,s\nclick,5,p,b,,s\n"
    dataset = read(tmp_path, "type,time_ms,slate,item,items,session\n" + rows)
    assert kinds(dataset) == [(3, "before its slate")]
    assert [type(event) for event in happened(dataset)] == [SlateServed, Click]


def test_what_happened_on_another_sessions_slate_is_set_aside_and_not_put_into_it(tmp_path: Path) -> None:
    implied = "impression,1,p1,a,,s\nclick,2,p1,b,,t\nclick,3,p1,a,,s\n"
    told = "slate,5,p2,,a|b,s\nclick,6,p2,b,,t\n"
    dataset = read(tmp_path, "type,time_ms,slate,item,items,session\n" + implied + told)
    assert kinds(dataset) == [(3, "another session's slate"), (6, "another session's slate")]
    assert [event.items for event in happened(dataset) if isinstance(event, SlateServed)] == [("a",), ("a", "b")]


def test_text_that_no_database_holds_sets_the_row_aside(tmp_path: Path) -> None:
    rows = [{"item": "a", "title": "A"}, {"item": "b\0", "title": "B"}, {"item": "c", "title": "\0C"}]
    rows += [{"item": "d", "title": "D", "tags": ["x", "y\0"]}, {"item": "e", "title": "E", "categories": "x|\0"}]
    (tmp_path / "items.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["a"]
    assert kinds(dataset) == [(line, "bad value") for line in (2, 3, 4, 5)]


@pytest.mark.parametrize("row", ["click,1e306,s,a,", "click,inf,s,a,", "dwell,1,s,a," + "9" * 30])
def test_numbers_that_no_event_holds_set_the_row_aside(tmp_path: Path, row: str) -> None:
    dataset = read(tmp_path, f"type,time_s,session,item,dwell_ms\n{row}\nclick,1,s,b,\n")
    assert [row.line for row in dataset.rejected] == [2]
    assert encode(happened(dataset)[0])


def test_parquet_values_that_python_does_not_have_set_the_row_aside(tmp_path: Path) -> None:
    texts = pa.Array.from_buffers(pa.string(), 3, pa.array([b"a", b"\xff", b"c"]).buffers())
    times = pa.array([1, 2, 10**17], pa.timestamp("ms"))
    pq.write_table(pa.table({"item": texts, "title": ["A", "B", "C"], "time": times}), tmp_path / "items.parquet")
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["a"]
    assert kinds(dataset) == [(2, "bad value"), (3, "bad value")]


def test_id_that_is_a_number_without_end_sets_the_row_aside(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item": [1.0, float("inf"), 2.5], "title": ["A", "B", "C"]}), tmp_path / "items.parquet")
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["1", "2.5"]
    assert kinds(dataset) == [(2, "bad value")]


def test_json_lines_may_begin_with_a_byte_order_mark_and_hold_no_endless_nesting(tmp_path: Path) -> None:
    nested = b'{"item":"b","title":' + b"[" * 100_000
    (tmp_path / "items.jsonl").write_bytes(codecs.BOM_UTF8 + b'{"item":"a","title":"A"}\r\n' + nested)
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["a"]
    assert kinds(dataset) == [(2, "not JSON")]


def test_rows_that_are_not_utf8_or_json_do_not_end_the_reading(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_bytes(b"item,title\na,Alien\nb,Am\xe9lie\nc,Cube\n")
    (tmp_path / "events.jsonl").write_bytes(
        b'{"type": "click", "time_ms": 1, "item": "a", "session": "s"}\n{cut\n\n[1]\n'
        b'{"type": "click", "time_ms": 2, "item": "c", "session": "s"}\n\xff\n'
    )
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["a", "c"]
    assert kinds(dataset) == [(3, "not UTF-8"), (2, "not JSON"), (4, "not JSON"), (6, "not JSON")]
    assert len(happened(dataset)) == 2


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


@pytest.mark.parametrize("number", ["cheap", "inf", "nan", "1e31", "1_000", "9" * 400])
def test_bad_number_sets_the_row_aside(tmp_path: Path, number: str) -> None:
    dataset = read(tmp_path, items=f"item,title,number:price\na,Alien,{number}\nb,Brazil,1\na,Alien,2\n")
    assert kinds(dataset) == [(2, "bad value")]
    assert "number:price" in dataset.rejected[0].reason
    assert [item.numbers for item in dataset.items] == [{"price": 1.0}, {"price": 2.0}]


@pytest.mark.parametrize("number", [True, [1], {"is": 1}, 10**400])
def test_bad_number_in_json_sets_the_row_aside(tmp_path: Path, number: object) -> None:
    items: list[dict[str, Any]] = [{"item": "a", "title": "A", "number:x": number}, {"item": "b", "title": "B"}]
    write_table(tmp_path / "items.jsonl", items)
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["b"]


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
    assert all(dataset.events == read_as["csv"].events for dataset in read_as.values())
    assert len(read_as["csv"].events) == 4


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows]), path)
    elif path.suffix == ".csv":
        cells = [[row.get(name, "") for name in names] for row in rows]
        lines = [names, *([str("|".join(cell) if isinstance(cell, list) else cell) for cell in row] for row in cells)]
        path.write_text("".join(",".join(line) + "\n" for line in lines))
    else:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


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


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "expected a folder with one of items.csv"),
        ({"items.csv": ITEMS, "items.jsonl": ""}, "expected one file for items, found items.csv, items.jsonl"),
        ({"items.csv": ""}, "at least one usable item"),
        ({"items.csv": "id,name\n1,x\n"}, "line 2: missing value: expected item, received 'id', 'name'"),
        ({"items.csv": "item;title\na;Alien\n"}, "line 2: missing value: expected item, received 'item;title'"),
        ({"items.csv": "item,item\n1,x\n"}, "different names in the heading"),
        ({"items.csv": ITEMS, "events.csv": "kind\nclick\n"}, r"events\.csv: expected at least one usable row"),
        ({"items.csv": "x" * 200_000}, "CSV with a heading line: field larger"),
        ({"items.csv": "item,title,t\udced\n1,x,y\n"}, "a heading in UTF-8"),
        ({"items.parquet": "not parquet"}, "expected Parquet"),
        ({"items.jsonl.gz": "not gzip"}, "one JSON object a line"),
    ],
)
def test_what_cannot_be_used_at_all_is_one_clear_line(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, errors="surrogateescape")
    with pytest.raises(DatasetError, match=message) as raised:
        tabular.read(tmp_path, 60)
    assert "\n" not in str(raised.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from(["csv", "jsonl"]))
def test_no_bytes_in_a_row_end_the_reading(tmp_path: Path, lines: list[bytes], form: str) -> None:
    good = {
        "csv": b"type,time_ms,item,session\nclick,1,a,s\n",
        "jsonl": b'{"type":"click","time_ms":1,"item":"a","session":"s"}\n',
    }
    (tmp_path / "items.csv").write_text(ITEMS)
    for other in good:
        (tmp_path / f"events.{other}").unlink(missing_ok=True)
    (tmp_path / f"events.{form}").write_bytes(good[form] + b"\n".join(lines))
    assert happened(tabular.read(tmp_path, 60))[0] == Click(event_time_ms=1, session="s", item="a")


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
