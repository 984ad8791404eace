"""Overview: its figures are those of the log, for every period and all visitors that are asked for."""

import csv
import datetime
import io
from collections.abc import Sequence
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from recsys.events import Click
from recsys.log.base import Record
from tests.integration.reports.reading import FIRST_DAY, GAP_MS, LAST_DAY, rows_of
from tests.integration.staff_pages import text
from tests.integration.test_aggregates import Listed
from tests.unit.aggregates.recount import recount
from tests.unit.aggregates.visits import START_MS, append
from webapp.analytics.aggregating import AggregateWriter
from webapp.analytics.reports.bucket import rate_of
from webapp.analytics.templatetags import figures
from webapp.catalog.models import Item

pytestmark = pytest.mark.django_db


def test_overview_says_what_the_log_holds(client: Client, staff: User, counted: Sequence[Record]) -> None:
    slow = recount(counted, GAP_MS)
    (impressions, clicks) = (
        sum(n for key, n in slow.traffic.items() if key[-1] == column and key[3] not in ("history", "unknown"))
        for column in ("impressions", "clicks")
    )
    rows = rows_of(client, "overview", "time")
    assert len(rows) == 90
    assert sum(int(row["sessions"]) for row in rows) == len(slow.sittings)
    assert sum(int(row["impressions"]) for row in rows) == impressions
    assert sum(int(row["clicks"]) for row in rows) == clicks
    page = text(client.get(f"/staff/overview/?until={LAST_DAY}&period=90d"))
    looked = sum(sat.impressions > 0 for sat in slow.sittings)
    assert 0 < looked < len(slow.sittings)
    assert f" {impressions:,} up from 0 in {looked:,} sessions that saw any " in page
    assert f" {clicks:,} up from 0 in {looked:,} sessions that saw any " in page
    assert f"{sum(sat.simulated for sat in slow.sittings):,} of {len(slow.sittings):,} sessions were simulated" in page


def test_rate_stands_on_sessions_that_saw_a_list_of_ours() -> None:
    seen = {"impressions": 20, "clicks": 5, "impressions_squared": 400, "clicks_squared": 25}
    seen["impressions_times_clicks"] = 100
    alone, among_imported = (rate_of({**seen, "sessions": sessions, "looked": 1}) for sessions in (1, 85))
    assert among_imported == alone
    assert alone.sessions == 1
    assert alone.interval.high - alone.interval.low > 0.8


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("&simulated=yes", lambda sat: sat.simulated),
        ("&simulated=no", lambda sat: not sat.simulated),
        ("&arm=control", lambda sat: sat.arm == "control"),
        ("&arm=none&simulated=no", lambda sat: sat.arm == "" and not sat.simulated),
    ],
)
def test_visitors_can_be_left_out_of_every_figure(
    client: Client, staff: User, counted: Sequence[Record], query: str, keeps: Any
) -> None:
    kept = [sat for sat in recount(counted, GAP_MS).sittings if keeps(sat)]
    rows = rows_of(client, "overview", "time", query)
    assert sum(int(row["sessions"]) for row in rows) == len(kept) > 0
    assert sum(int(row["sessions"]) for row in rows_of(client, "overview", "ends", query)) == len(kept)


def test_period_is_compared_with_one_as_long(client: Client, staff: User, counted: Sequence[Record]) -> None:
    """The log has some days, so the day of its end has one before it."""
    after, before = (int(row["sessions"]) for row in rows_of(client, "overview", "time")[:2])
    page = text(client.get(f"/staff/overview/?until={LAST_DAY}&period=24h"))
    assert before > 0
    change = " ".join(figures.change(float(after), float(before)).split())
    assert f" {after:,} {change} that began" in page


def test_hours_add_up_to_the_day(client: Client, staff: User, counted: Sequence[Record]) -> None:
    response = client.get(f"/staff/overview/?until={FIRST_DAY}&period=24h&csv=time")
    hours = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    day = next(row for row in rows_of(client, "overview", "time") if row["at_ms"].startswith(FIRST_DAY))
    assert len(hours) == 24
    for name in ("sessions", "impressions", "clicks"):
        assert sum(int(row[name]) for row in hours) == int(day[name])


def test_top_items_are_those_with_the_most_clicks(client: Client, staff: User, counted: Sequence[Record]) -> None:
    slow = recount(counted, GAP_MS)
    clicks: dict[str, int] = {}
    for (_, item, *_rest, column), n in slow.items.items():
        if column == "clicks" and n:
            clicks[item] = clicks.get(item, 0) + n
    rows = rows_of(client, "overview", "top")
    assert {row["title"].removeprefix("Film "): int(row["clicks"]) for row in rows} == clicks
    assert [int(row["clicks"]) for row in rows] == sorted(clicks.values(), reverse=True)


def test_top_items_clicks_add_up_to_the_figure_and_none_has_more_than_impressions(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    for query in ("", "&simulated=no", "&arm=control"):
        rows = rows_of(client, "overview", "top", query)
        clicks = sum(int(row["clicks"]) for row in rows)
        assert clicks == sum(int(row["clicks"]) for row in rows_of(client, "overview", "time", query)) > 0
        assert all(0 <= float(row["click_through"] or 0) <= 1 for row in rows)
    loose = sum(int(row["opened"]) - int(row["clicks"]) for row in rows_of(client, "overview", "top"))
    page = text(client.get(f"/staff/overview/?until={LAST_DAY}&period=90d"))
    assert f" impressions and {loose:,} clicks. " in page
    assert "“Opened in all” counts every click, also those left out above" in page


def test_history_alone_has_items_that_were_opened_but_no_clicks_and_no_rate(
    client: Client, staff: User, wired: redis.Redis
) -> None:
    log: list[Record] = []
    for number in range(5):
        append(log, START_MS + number, Click(event_time_ms=START_MS, session=f"h{number}", item="7"))
    AggregateWriter(Listed(log), GAP_MS).run(10)
    response = client.get(f"/staff/overview/?until={FIRST_DAY}&csv=top")
    (row,) = csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode()))
    assert (row["clicks"], row["impressions"], row["click_through"], row["opened"]) == ("0", "0", "", "5")
    assert client.get(f"/staff/overview/?until={FIRST_DAY}").context["overview"].now.clicks == 0


def test_first_day_has_nothing_to_compare_with_and_hours_have_no_line_of_what_is_counted_by_the_day(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    found = {each.title: each for each in client.get(f"/staff/overview/?until={FIRST_DAY}").context["multiples"]}
    assert {name for name, each in found.items() if each.change == "nothing before to compare with"} == {
        "Click-through", "Coverage", "Concentration", "Novelty", "Explored",
    }  # fmt: skip
    assert all("<circle" in found[name].svg for name in ("Click-through", "Coverage", "Novelty"))
    page = client.get(f"/staff/overview/?until={FIRST_DAY}&period=24h")
    assert {each.title for each in page.context["multiples"] if not each.svg} == {"Coverage", "Concentration"}
    assert text(page).count("Counted by the day") == 2


def test_never_shown_items_are_listed(client: Client, staff: User, counted: Sequence[Record]) -> None:
    Item.objects.create(item_id="hidden", title="Shown to nobody")
    Item.objects.create(item_id="gone", title="Removed", removed=True)
    rows = rows_of(client, "overview", "never")
    assert [row["title"] for row in rows] == ["Shown to nobody"]
    assert "1 of 31 items that could be shown" in text(client.get(f"/staff/overview/?until={LAST_DAY}&period=90d"))


def test_time_without_sessions_leads_to_where_there_are_some(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    response = client.get("/staff/overview/?until=2000-01-01")
    assert "No visit in this time is counted" in text(response)
    assert f'href="?period=7d&amp;until={LAST_DAY}"' in response.content.decode()


def test_page_of_now_leads_to_an_address_that_shows_the_same_days_later(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    content = client.get("/staff/overview/?period=30d&simulated=no").content.decode()
    assert f'href="?period=30d&amp;simulated=no&amp;until={today}"' in content
    assert "to keep</a>" not in client.get(f"/staff/overview/?until={today}").content.decode()
