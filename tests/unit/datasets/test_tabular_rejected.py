"""Rows of anyone's own tables that can't be used are set aside: never fatal, and never silent."""

import codecs
import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.datasets import tabular
from recsys.errors import DatasetError
from recsys.events import Click, SlateServed, encode
from tests.unit.datasets.tables import ITEMS, happened, kinds, read, write_table


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


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_item_whose_title_or_id_is_blank_is_set_aside(tmp_path: Path, kind: str) -> None:
    rows = [{"item": "a", "title": "A"}, {"item": "b", "title": " \t"}, {"item": "c", "title": "\u00a0"}]
    write_table(tmp_path / f"items.{kind}", [*rows, {"item": "  ", "title": "D"}])
    dataset = tabular.read(tmp_path, 60)
    assert [item.item for item in dataset.items] == ["a"]
    assert [row.reason for row in dataset.rejected] == [
        "missing value: expected title, received 'item'",
        "missing value: expected title, received 'item'",
        "missing value: expected item, received 'title'",
    ]


def test_sessions_cut_from_a_user_are_no_longer_than_ids_may_be(tmp_path: Path) -> None:
    rows = [f"click,{at},a,{'u' * length}" for at, length in ((1, 120), (2, 121), (10**7, 120))]
    dataset = read(tmp_path, "type,time_ms,item,user\n" + "\n".join(rows) + "\n")
    assert kinds(dataset) == [(3, "bad value")]
    assert [len(event.session) for event in happened(dataset)] == [122, 122]


def test_class_of_entry_that_there_is_not_sets_the_row_aside_and_says_what_there_is(tmp_path: Path) -> None:
    dataset = read(tmp_path, "type,time_ms,session,item,device\nsession_began,1,s,,watch\nclick,2,s,a,\n")
    assert kinds(dataset) == [(2, "bad value")]
    assert "expected device to be one of" in dataset.rejected[0].reason
    assert "phone, tablet, desktop" in dataset.rejected[0].reason
    assert "received 'watch'" in dataset.rejected[0].reason


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


def test_id_that_could_be_one_of_the_engines_own_sets_the_row_aside(tmp_path: Path) -> None:
    rows = ["click,1,a,s,", "click,2,a,s,s\x1fa\x1f1", "click,3,a,s\x1ft,"]
    dataset = read(tmp_path, "type,time_ms,item,session,slate\n" + "\n".join(rows) + "\n")
    assert happened(dataset) == [Click(event_time_ms=1, session="s", item="a")]
    assert kinds(dataset) == [(3, "bad value"), (4, "bad value")]


@pytest.mark.parametrize("item", [".", "..", "a/../b", "./a", "a/."])
def test_id_that_browsers_take_for_steps_in_an_address_sets_the_row_aside(tmp_path: Path, item: str) -> None:
    assert urljoin("http://site/", f"/item/{item}/") != f"http://site/item/{item}/"
    items = f"item,title\n{item},A\n...,B\n.a,C\n..a/b.,D\n"
    dataset = read(tmp_path, f"type,time_ms,item,session\nclick,1,...,s\nclick,2,...,{item}\n", items)
    assert [row.item for row in dataset.items] == ["...", ".a", "..a/b."]
    assert kinds(dataset) == [(2, "bad value"), (3, "bad value")]


def test_id_that_no_address_holds_sets_the_row_aside(tmp_path: Path) -> None:
    items = 'item,title\na,A\n"a\nb",B\n'
    dataset = read(tmp_path, 'type,time_ms,item,session\nclick,1,a,s\nclick,2,a,"s\nt"\n', items)
    assert [item.item for item in dataset.items] == ["a"]
    assert kinds(dataset) == [(4, "bad value"), (4, "bad value")]


@pytest.mark.parametrize("row", ["click,1e306,s,a,", "click,inf,s,a,", "dwell,1,s,a," + "9" * 30])
def test_numbers_that_no_event_holds_set_the_row_aside(tmp_path: Path, row: str) -> None:
    dataset = read(tmp_path, f"type,time_s,session,item,dwell_ms\n{row}\nclick,1,s,b,\n")
    assert [row.line for row in dataset.rejected] == [2]
    assert encode(happened(dataset)[0])


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


def test_quote_that_nothing_closes_is_told_with_where_it_begins_and_what_it_took(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text('item,title\na,"Alien, ""again"""\nb,"Brazil\nc,Cube\nd,Dune\n')
    dataset = tabular.read(tmp_path, 60)
    assert [item.title for item in dataset.items] == ['Alien, "again"']
    (row,) = dataset.rejected
    assert (row.line, row.reason) == (3, "not CSV: unexpected end of data; read up to line 5")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "expected a folder with one of items.csv"),
        ({"items.csv": ITEMS, "items.jsonl": ""}, "expected one file for items, found items.csv, items.jsonl"),
        ({"items.csv": ""}, r"items\.csv: expected at least one usable item, received none$"),
        ({"items.csv": "item,title\na,\n", "events.csv": "type,time_ms,item,session\nclick,1,a,s\n"}, r"items\.csv: "),
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


def test_parquet_with_two_columns_of_one_name_is_told_not_halved(tmp_path: Path) -> None:
    columns = [pa.array(["a"]), pa.array(["Alien"]), pa.array(["Aliens"])]
    pq.write_table(pa.Table.from_arrays(columns, names=["item", "title", "title"]), tmp_path / "items.parquet")
    with pytest.raises(DatasetError, match="different names in the heading, received item, title, title"):
        tabular.read(tmp_path, 60)


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
