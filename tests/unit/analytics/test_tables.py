"""The table kit over plain lists: one query string, one outcome."""

import csv
import importlib
import io
import pkgutil
from typing import NamedTuple

import pytest
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django.template.loader import render_to_string
from django.test import AsyncRequestFactory, RequestFactory

from webapp.analytics import views
from webapp.analytics.tables import (
    AT_LEAST,
    AT_MOST,
    CONTAINS,
    EXACTLY,
    SINCE,
    UNTIL,
    Column,
    Kind,
    Link,
    Listing,
    Table,
    respond,
)


class Film(NamedTuple):
    """A row."""

    title: str
    clicks: int
    rate: float | None = None
    seen_ms: int = 0
    simulated: bool = False


FILMS = [
    Film("Alien", 7, 0.25, 1_700_000_000_000),
    Film("brazil", 12, None, 1_700_000_100_000, True),
    Film("=Crash()", 3, 0.05, 1_700_000_200_000),
    Film("Diva", 12, 0.10, 1_700_000_300_000),
]
TABLE = Table(
    name="films",
    caption="Films",
    order="-clicks",
    empty="Films appear here when there are some.",
    per_page=2,
    columns=(
        Column("title", "Title", filters=(CONTAINS,), link=Link(lambda film: f"/film/{film.clicks}/")),
        Column("clicks", "Clicks", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        Column("rate", "Rate", Kind.SHARE, filters=(AT_LEAST,)),
        Column("seen_ms", "Seen", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("simulated", "Simulated", Kind.YES_NO, filters=(EXACTLY,)),
        Column("figure", "Figure", value=lambda film: None, sortable=False),
    ),
)


def listing(query: str = "", films: list[Film] = FILMS) -> Listing:
    return Listing(TABLE, films, QueryDict(query))


def titles(query: str = "") -> list[str]:
    return [film.title for film in listing(query).everything()]


def request(query: str, **headers: str) -> HttpRequest:
    return RequestFactory().get(f"/films/?{query}", headers=headers)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["brazil", "Diva", "Alien", "=Crash()"]),
        ("sort=clicks", ["=Crash()", "Alien", "brazil", "Diva"]),
        ("sort=title", ["=Crash()", "Alien", "brazil", "Diva"]),
        ("sort=rate", ["=Crash()", "Diva", "Alien", "brazil"]),
        ("sort=-rate", ["Alien", "Diva", "=Crash()", "brazil"]),
    ],
)
def test_rows_sort_either_way_ignoring_case_with_the_unknown_last(sort: str, expected: list[str]):
    assert titles(sort) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("title=A", ["brazil", "Diva", "Alien", "=Crash()"]),
        ("title=ali", ["Alien"]),
        ("clicks_min=7&clicks_max=11.5", ["Alien"]),
        ("rate_min=10", ["Diva", "Alien"]),
        ("simulated=yes", ["brazil"]),
        ("simulated=no&clicks_min=12", ["Diva"]),
        ("seen_ms_since=2023-11-14T22:15:00&seen_ms_until=2023-11-14T22:18:00", ["brazil", "=Crash()"]),
        ("title=&clicks_min=", ["brazil", "Diva", "Alien", "=Crash()"]),
    ],
)
def test_rows_are_kept_that_every_filter_keeps(query: str, expected: list[str]):
    assert titles(query) == expected


def test_query_that_makes_no_sense_is_named_and_left_out():
    found = listing("sort=colour&page=9&clicks_min=many&title=a")
    assert found.problems == [
        "Expected one of title, clicks, rate, seen_ms, simulated, -title, -clicks, -rate, -seen_ms, -simulated "
        "to sort by, received “colour”.",
        "Expected a page from 1 to 2, received “9”.",
    ]
    assert dict(found.form.errors) == {"clicks_min": ["Enter a number."]}
    assert found.total == 4


@pytest.mark.parametrize(
    ("page", "nearest"), [("0", 1), ("-1", 1), ("two", 1), ("²", 1), ("१", 1), ("", 1), ("9", 2), ("9" * 5_000, 2)]
)
def test_page_that_is_none_is_refused_and_the_nearest_is_shown(page: str, nearest: int):
    found = listing(f"page={page}")
    assert (len(found.problems), found.page.number) == (1, nearest)
    assert len(found.problems[0]) < 100


def test_every_link_keeps_what_else_the_address_says():
    found = listing("title=a&sort=-clicks&page=2&other=1")
    assert found.previous_url == "?title=a&sort=-clicks&other=1&page=1"
    assert found.next_url == ""
    assert found.csv_url == "?title=a&sort=-clicks&other=1&csv=films"
    assert found.clear_url == "?sort=-clicks&other=1"
    heads = {head.name: head for head in found.heads}
    assert (heads["clicks"].aria_sort, heads["clicks"].url) == ("descending", "?title=a&other=1&sort=clicks")
    assert (heads["title"].aria_sort, heads["title"].url) == ("", "?title=a&other=1&sort=title")
    assert heads["rate"].url == "?title=a&other=1&sort=-rate"
    assert heads["figure"].url == ""
    assert found.kept == [("sort", "-clicks"), ("other", "1")]


def test_two_tables_of_a_page_do_not_answer_to_each_other_s_query():
    other = Table(name="others", caption="", columns=TABLE.columns, order="title", empty="", prefix="o_")
    found = Listing(other, FILMS, QueryDict("title=ali&sort=colour&o_title=diva"))
    assert [film.title for film in found.everything()] == ["Diva"]
    assert found.problems == []
    assert found.heads[1].url == "?title=ali&sort=colour&o_title=diva&o_sort=-clicks"


def csv_of(query: str) -> list[list[str]]:
    response = respond(request(query), "unused.html", {}, listing(query))
    assert isinstance(response, StreamingHttpResponse)
    assert response["Content-Disposition"] == 'attachment; filename="films.csv"'
    return list(csv.reader(io.StringIO(b"".join(response).decode())))


def test_csv_has_all_pages_in_the_order_and_under_the_filters_asked_for():
    assert csv_of("csv=films&sort=title&clicks_min=7") == [
        ["title", "clicks", "rate", "seen_ms", "simulated", "figure"],
        ["Alien", "7", "0.25", "2023-11-14T22:13:20+00:00", "no", ""],
        ["brazil", "12", "", "2023-11-14T22:15:00+00:00", "yes", ""],
        ["Diva", "12", "0.1", "2023-11-14T22:18:20+00:00", "no", ""],
    ]


def test_csv_holds_nothing_that_a_spreadsheet_would_run():
    assert csv_of("csv=films&title=crash")[1][0] == "'=Crash()"


async def test_csv_is_sent_in_parts_on_an_event_loop_too():
    films = [Film(f"film {number}", number) for number in range(1_200)]
    response = respond(AsyncRequestFactory().get("/?csv=films"), "unused.html", {}, listing("", films))
    parts = [part async for part in response]
    assert len(parts) == 3
    assert b"".join(parts).count(b"\r\n") == 1_201


def test_csv_of_a_query_that_makes_no_sense_is_refused_with_the_page():
    found = listing("csv=films&clicks_min=many")
    response = respond(request("csv=films&clicks_min=many"), "analytics/table.html", {"listing": found}, found)
    assert response.status_code == 400
    assert "Enter a number." in response.content.decode()


def test_htmx_gets_the_table_that_it_asks_for_alone():
    found = listing("title=ali")
    answer = respond(
        request("title=ali", **{"HX-Request": "true", "HX-Target": "table-films"}), "unused.html", {}, found
    )
    html = answer.content.decode()
    assert (answer.status_code, html.lstrip().startswith("<section"), "Alien" in html) == (200, True, True)


def test_table_says_what_it_is_to_those_who_hear_it():
    html = " ".join(render_to_string("analytics/table.html", {"listing": listing()}).split())
    assert '<caption class="hidden">Films</caption>' in html
    assert 'aria-sort="descending"' in html
    assert '<th scope="row" class="words"> <a href="/film/12/" hx-boost="false">brazil</a>' in html
    assert "1\N{EN DASH}2 of 4" in html


def test_empty_table_says_what_will_appear_and_filtered_one_how_to_see_all():
    assert TABLE.empty in render_to_string("analytics/table.html", {"listing": listing("", [])})
    nothing = render_to_string("analytics/table.html", {"listing": listing("title=zardoz")})
    assert TABLE.empty not in nothing
    assert "Clear the filters" in nothing


def declared_tables() -> list[Table]:
    modules = [
        importlib.import_module(f"{views.__name__}.{each.name}") for each in pkgutil.iter_modules(views.__path__)
    ]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Table)]


def test_every_table_of_the_pages_can_be_filtered():
    found = {table.name: any(column.filters for column in table.columns) for table in declared_tables()}
    assert [name for name, is_filterable in found.items() if not is_filterable] == []
