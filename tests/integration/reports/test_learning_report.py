"""Learning: scores, arms and delays are what was learned, and few sessions draw no curve."""

import re
from collections.abc import Sequence

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.learner import Learner
from recsys.log.base import Record
from tests.integration.reports.reading import FIRST_DAY, GAP_MS, LAST_DAY, LOG, rows_of
from tests.integration.staff_pages import text
from tests.integration.test_aggregates import Listed
from tests.unit.aggregates.recount import recount
from tests.unit.aggregates.visits import START_MS, visits
from webapp import learning_lag, wiring
from webapp.analytics.aggregating import AggregateWriter
from webapp.analytics.reports.learning import ColdStart
from webapp.training import lineage
from webapp.training.scorebook import ScoreBook

pytestmark = pytest.mark.django_db


def test_cold_start_curve_compares_the_arms(client: Client, staff: User, counted: Sequence[Record]) -> None:
    slow = recount(counted, GAP_MS)
    rows = {row["first"]: row for row in rows_of(client, "learning", "cold_start")}
    for arm in ("adaptive", "control"):
        firsts = [next(iter(sat.numbered.values())) for sat in slow.sittings if sat.arm == arm and sat.numbered]
        assert int(rows["1"][f"{arm}_sessions"]) == len(firsts)
        assert float(rows["1"][arm]) == pytest.approx(sum(firsts) / len(firsts))
        assert float(rows["1"][f"{arm}_low"]) <= float(rows["1"][arm]) <= float(rows["1"][f"{arm}_high"])
    assert float(rows["1"]["gain"]) == pytest.approx(float(rows["1"]["adaptive"]) - float(rows["1"]["control"]))


def test_arms_are_compared_over_the_sessions_that_saw_anything(
    client: Client, staff: User, counted: Sequence[Record]
) -> None:
    sittings = recount(counted, GAP_MS).sittings
    whole = ColdStart(client.get(f"/staff/learning/?until={LAST_DAY}&period=90d").context["window"]).whole
    for arm in ("adaptive", "control"):
        looked = [sat for sat in sittings if sat.arm == arm and sat.impressions]
        assert 0 < len(looked) < sum(sat.arm == arm for sat in sittings)
        assert whole[arm].sessions == len(looked)
        assert whole[arm].value == sum(sat.clicks for sat in looked) / sum(sat.impressions for sat in looked)


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
    assert "Of 40 clicks served by 1 web process, half took less than 100 ms, 95 % less than 1 s" in page
    assert "web-1 40 100 ms 1 s" in page
