"""Overview, Learning and Labels: what they say is what the log holds, and they say something when it holds nothing."""

import csv
import datetime
import io
import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import strip_tags

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, Impression, ItemUpserted
from recsys.learner import Learner
from recsys.log.base import Record
from tests.integration.test_aggregates import Listed
from tests.unit.aggregates.recount import recount
from tests.unit.aggregates.visits import START_MS, append, visits
from webapp import learning_lag, wiring
from webapp.analytics.aggregating import AggregateWriter
from webapp.analytics.models import SittingMoments, Traffic
from webapp.analytics.templatetags import figures
from webapp.catalog.models import Item
from webapp.training import lineage
from webapp.training.models import LearnedHour
from webapp.training.scorebook import ScoreBook

pytestmark = pytest.mark.django_db

PAGES = ("overview", "learning", "labels")
GAP_MS = 1_800_000
LOG = visits(seed=5, events=2_500)
LAST_DAY = datetime.datetime.fromtimestamp(LOG[-1].received_ms / 1_000, tz=datetime.UTC).date().isoformat()
FIRST_DAY = datetime.datetime.fromtimestamp(START_MS / 1_000, tz=datetime.UTC).date().isoformat()


@pytest.fixture
def staff(client: Client) -> User:
    user = User.objects.create_user("ada", password="countess", is_staff=True)
    names = [f"view_{page}" for page in PAGES]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="analytics", codename__in=names))
    client.force_login(user)
    return user


@pytest.fixture
def counted(wired: redis.Redis) -> Sequence[Record]:
    """The log, counted and learned."""
    AggregateWriter(Listed(LOG), GAP_MS).run(10_000)
    Item.objects.bulk_create(Item.from_event(record.event) for record in LOG if isinstance(record.event, ItemUpserted))
    learner = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True))
    learner.fold(LOG)
    ScoreBook(ManualClock(START_MS), lineage.version(wiring.config())).note(learner)
    return LOG


def text(response: Any) -> str:
    """Return what a reader of the page sees, in single spaces."""
    return " ".join(unescape(strip_tags(response.content.decode())).split())


def rows_of(client: Client, page: str, table: str, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/staff/{page}/?until={LAST_DAY}&period=90d&csv={table}{query}")
    assert response.status_code == 200, response.content[:300]
    content = b"".join(response.streaming_content).decode()  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(content)))


@pytest.mark.parametrize("page", PAGES)
def test_page_asks_who_you_are_and_whether_you_may(client: Client, wired: redis.Redis, page: str) -> None:
    assert client.get(f"/staff/{page}/").url.startswith("/staff/login/")  # type: ignore[attr-defined]
    client.force_login(User.objects.create_user("eve", password="x", is_staff=True))
    assert client.get(f"/staff/{page}/").status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_page_without_any_data_says_what_will_be_there(
    client: Client, staff: User, wired: redis.Redis, page: str
) -> None:
    response = client.get(f"/staff/{page}/")
    assert response.status_code == 200
    assert "Nothing is counted yet" in text(response)
    assert "<svg class" not in response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_page_without_redis_still_shows_what_is_counted(
    client: Client, staff: User, counted: Sequence[Record], without_redis: None, page: str
) -> None:
    response = client.get(f"/staff/{page}/?until={LAST_DAY}&period=90d")
    assert response.status_code == 200
    if page != "overview":
        assert "Redis can't be reached" in text(response)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "query", ["period=9d", "until=yesterday", "arm=nobody", "simulated=perhaps", "until=99999-01-01", "period=<b>"]
)
def test_bad_values_are_said_and_the_page_is_shown_without_them(
    client: Client, staff: User, counted: Sequence[Record], page: str, query: str
) -> None:
    if page == "learning" and query.startswith("arm"):
        query += "&simulated=perhaps"  # this page compares the arms
    response = client.get(f"/staff/{page}/?{query}")
    assert response.status_code == 400
    assert "errorlist" in response.content.decode()


def test_unknown_version_is_said(client: Client, staff: User, counted: Sequence[Record]) -> None:
    response = client.get("/staff/learning/?version=of-old")
    assert response.status_code == 400
    assert "received “of-old”" in text(response)


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
    assert f" {impressions:,} up from 0 {len(slow.sittings):,} sessions " in page
    assert f" {clicks:,} up from 0 {len(slow.sittings):,} sessions " in page
    assert f"{sum(sat.simulated for sat in slow.sittings):,} of {len(slow.sittings):,} sessions were simulated" in page


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
    change = figures.change(float(after), float(before))
    assert f" {after:,} {change} that began" in page


def test_hours_add_up_to_the_day(client: Client, staff: User, counted: Sequence[Record]) -> None:
    response = client.get(f"/staff/overview/?until={FIRST_DAY}&period=24h&csv=time")
    hours = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[arg-type]
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
    (row,) = csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode()))  # type: ignore[arg-type]
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
    assert "No sessions in this time" in text(response)
    assert f'href="?period=7d&amp;until={LAST_DAY}"' in response.content.decode()


def test_page_of_now_leads_to_an_address_that_shows_the_same_days_later(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    content = client.get("/staff/overview/?period=30d&simulated=no").content.decode()
    assert f'href="?period=30d&amp;simulated=no&amp;until={today}"' in content
    assert "to keep</a>" not in client.get(f"/staff/overview/?until={today}").content.decode()


def test_cold_start_curve_compares_the_arms(client: Client, staff: User, counted: Sequence[Record]) -> None:
    slow = recount(counted, GAP_MS)
    rows = {row["first"]: row for row in rows_of(client, "learning", "cold_start")}
    for arm in ("adaptive", "control"):
        firsts = [next(iter(sat.numbered.values())) for sat in slow.sittings if sat.arm == arm and sat.numbered]
        assert int(rows["1"][f"{arm}_sessions"]) == len(firsts)
        assert float(rows["1"][arm]) == pytest.approx(sum(firsts) / len(firsts))
        assert float(rows["1"][f"{arm}_low"]) <= float(rows["1"][arm]) <= float(rows["1"][f"{arm}_high"])
    assert float(rows["1"]["gain"]) == pytest.approx(float(rows["1"]["adaptive"]) - float(rows["1"]["control"]))


def test_few_sessions_draw_no_curve_but_say_how_many_there_are_to_be(
    client: Client, staff: User, wired: redis.Redis
) -> None:
    log = visits(seed=5, events=150)
    AggregateWriter(Listed(log), GAP_MS).run(10_000)
    response = client.get(f"/staff/learning/?until={FIRST_DAY}")
    arms = response.context["arms"]
    assert 0 < max(arms.values()) < 30
    assert (response.context["curve"], response.context["gain"]) == (None, None)
    assert all(f"{arm.capitalize()} {sessions} of 30 sessions" in text(response) for arm, sessions in arms.items())
    assert "<svg class" not in response.content.decode()


def test_arm_is_drawn_as_far_as_enough_of_its_sessions_came(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    rows = rows_of(client, "learning", "cold_start")
    reached = [row for row in rows if max(int(row["adaptive_sessions"]), int(row["control_sessions"])) >= 30]
    assert 0 < len(reached) < len(rows)
    chart = client.get(f"/staff/learning/?until={LAST_DAY}&period=90d").context["curve"]
    assert re.findall(r">(\d+)</text>", str(chart.svg)) == [row["first"] for row in reached]


def test_scores_are_those_of_the_learner(client: Client, staff: User, counted: Sequence[Record]) -> None:
    learner = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True))
    learner.fold(counted)
    (row,) = rows_of(client, "learning", "versions")
    assert row["version"] == lineage.version(wiring.config())
    assert int(row["choices"]) == learner.metrics()["choices"]
    assert float(row["log_loss"]) == pytest.approx(learner.metrics()["log_loss"])
    assert float(row["auc"]) == pytest.approx(learner.metrics()["auc"])
    for score in ("log_loss", "auc", "calibration"):
        assert float(row[f"{score}_low"]) < float(row[score]) < float(row[f"{score}_high"])
    page = text(client.get(f"/staff/learning/?until={LAST_DAY}&period=90d"))
    assert page.count("from how the times in it differ") == 3
    days = rows_of(client, "learning", "scores")
    assert sum(int(day["choices"]) for day in days) == learner.metrics()["choices"]


def test_two_versions_are_compared_over_the_same_time(client: Client, staff: User, counted: Sequence[Record]) -> None:
    other = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True, forgetting_half_life_s=60))
    other.fold(counted)
    ScoreBook(ManualClock(START_MS), "other").note(other)
    rows = {row["version"]: row for row in rows_of(client, "learning", "versions")}
    assert set(rows) == {"other", lineage.version(wiring.config())}
    assert len({row["choices"] for row in rows.values()}) == 1
    assert len({row["log_loss"] for row in rows.values()}) == 2
    assert "By version other alone" in text(client.get(f"/staff/learning/?until={LAST_DAY}&period=90d&version=other"))


def test_versions_that_took_over_from_each_other_make_one_ledger(
    client: Client, staff: User, wired: redis.Redis
) -> None:
    config = EngineConfig(attribution_window_s=120, learn_from_simulated=True)
    first, current = Learner(config), lineage.version(wiring.config())
    first.fold(LOG[:1_200])
    ScoreBook(ManualClock(START_MS), f"earlier-{wiring.config().digest()}").note(first)
    second = Learner.from_snapshot(config, first.snapshot())
    second.fold(LOG[1_200:])
    ScoreBook(ManualClock(START_MS), current).note(second)
    AggregateWriter(Listed(LOG), GAP_MS).run(10_000)
    rows = {row["name"]: int(row["times"]) for row in rows_of(client, "labels", "outcomes")}
    assert rows["joined"] == second.counters()["labels_joined"]
    scores = rows_of(client, "learning", "scores")
    assert sum(int(row["choices"]) for row in scores) == second.metrics()["choices"]
    alone = {row["version"]: int(row["choices"]) for row in rows_of(client, "learning", "versions")}
    assert sum(alone.values()) == second.metrics()["choices"]
    assert all(alone.values())


def test_learning_lag_is_told_by_process(client: Client, staff: User, wired: redis.Redis) -> None:
    now_ms = wiring.clock().now_ms()
    lags = learning_lag.Lags()
    lags.note([now_ms - 90] * 30 + [now_ms - 900] * 10, now_ms)
    lags.post(wired, "web-1", now_ms)
    page = text(client.get("/staff/learning/"))
    assert "Of 40 clicks served by 1 web processes, half took less than 100 ms, 95 % less than 1 s" in page
    assert "web-1 40 100 ms 1 s" in page


def test_labels_are_the_learners_own_counts(client: Client, staff: User, counted: Sequence[Record]) -> None:
    learner = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True))
    learner.fold(counted)
    counters = learner.counters()
    rows = {row["name"]: int(row["times"]) for row in rows_of(client, "labels", "outcomes")}
    assert rows == {name: counters[f"labels_{name}"] for name in rows}
    assert {"slates", "joined", "expired", "late"} <= set(rows)
    times = rows_of(client, "labels", "times")
    assert sum(int(row["labels_joined"]) for row in times) == counters["labels_joined"]


def test_another_window_would_have_joined_the_clicks_within_it(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    slow = recount(counted, GAP_MS)
    rows = {int(row["minutes"]): row for row in rows_of(client, "labels", "attributions")}
    edges = {1: 7, 5: 9, 10: 10, 30: 12, 60: 13}
    for minutes, buckets in edges.items():
        joined = sum(n for (*_, bucket, name), n in slow.delays.items() if name == "clicks" and bucket < buckets)
        assert int(rows[minutes]["joined"]) == joined
    assert int(rows[10]["change"]) == 0
    assert int(rows[60]["change"]) == int(rows[60]["joined"]) - int(rows[10]["joined"])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_brings_no_style_attributes_and_no_handlers(
    client: Client, staff: User, counted: Sequence[Record], page: str
) -> None:
    content = client.get(f"/staff/{page}/?until={LAST_DAY}&period=90d").content.decode()
    assert "<svg" in content
    assert not re.search(r"<[^>]+\sstyle=", content)
    assert not re.search(r"<[^>]+\son[a-z]+=", content)


def test_sorting_one_table_gets_that_table_alone(client: Client, staff: User, counted: Sequence[Record]) -> None:
    url = f"/staff/overview/?until={LAST_DAY}&period=90d&time_sort=clicks"
    fragment = client.get(url, headers={"HX-Request": "true", "HX-Target": "table-time"}).content.decode()
    assert "<html" not in fragment
    assert 'aria-sort="ascending"' in fragment
    assert "<details open>" in client.get(url).content.decode()


def test_numbers_of_events_do_not_change_how_many_rows_a_page_reads(counted: Sequence[Record]) -> None:
    hours = {record.received_ms // 3_600_000 for record in counted}
    assert SittingMoments.objects.filter(hours=1).count() <= len(hours) * 2 * 3
    assert Traffic.objects.filter(hours=24).count() <= Traffic.objects.filter(hours=1).count()
    assert any(isinstance(record.event, Click | Impression) for record in counted)
    assert LearnedHour.objects.count() <= len(hours)
