"""What is written of the learner hour by hour, and how long clicks took to be served."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import redis
from django.db import DatabaseError, connection

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.learner import Learner
from recsys.log.base import Record
from tests.unit.streams import stream
from webapp import learning_lag, replication, wiring
from webapp.analytics.reports.books import Books
from webapp.analytics.reports.window import Window
from webapp.learning_lag import EDGES_MS, Lags
from webapp.training.models import LearnedHour
from webapp.training.scorebook import ScoreBook

NOW_MS = 1_700_000_000_000
LOG = stream(seed=4, events=300)
CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)


def written(*cuts: int) -> list[tuple[int, str, int, bytes]]:
    """Fold the log in runs, each noted; return what was written."""
    LearnedHour.objects.all().delete()
    learner, clock = Learner(CONFIG), ManualClock(NOW_MS)
    book = ScoreBook(clock, "v")
    start = 0
    for end in (*cuts, len(LOG)):
        learner.fold(LOG[start:end])
        clock.advance(10_000)
        book.note(learner)
        start = end
    return [
        (hour.hour_ms, hour.offset, hour.counters["records"], bytes(hour.scores))
        for hour in LearnedHour.objects.order_by("hour_ms")
    ]


@pytest.mark.django_db(transaction=True)
def test_hours_are_written_the_same_however_often_the_fold_ran() -> None:
    once = written()
    assert len(once) > 5
    assert written(10, 20, 100, 101, 250) == once
    assert once[-1][1] == LOG[-1].offset


@pytest.mark.django_db(transaction=True)
def test_hours_that_ended_are_written_at_once_and_the_one_under_way_from_time_to_time() -> None:
    learner, clock = Learner(CONFIG), ManualClock(NOW_MS)
    book = ScoreBook(clock, "v")
    offsets = []
    for record in LOG:
        learner.fold([record])
        book.note(learner)
        offsets.append(LearnedHour.objects.order_by("-hour_ms").values_list("offset", flat=True).first())
    ended = [earlier for earlier, later in pairwise(LOG) if _hour(earlier) != _hour(later)]
    assert set(LearnedHour.objects.values_list("offset", flat=True)) >= {record.offset for record in ended[:-1]}
    assert len(set(offsets)) < len(LOG) / 2


@pytest.mark.django_db(transaction=True)
def test_version_that_goes_on_from_a_snapshot_answers_for_what_it_learned_itself_alone() -> None:
    whole = Learner(CONFIG)
    whole.fold(LOG)
    older = Learner(CONFIG)
    older.fold(LOG[:150])
    newer = Learner.from_snapshot(CONFIG, older.snapshot())
    for first, last in ((150, 170), (170, len(LOG))):
        newer.fold(LOG[first:last])
        ScoreBook(ManualClock(NOW_MS), "newer").note(newer)
        newer = Learner.from_snapshot(CONFIG, newer.snapshot())
    window = Window(
        "90d", LOG[0].received_ms - 86_400_000, LOG[-1].received_ms + 1, LOG[-1].received_ms + 1, 86_400_000
    )
    records = Books(["newer"], window).whole.counters["records"]
    assert records == len(LOG) - 150
    assert LearnedHour.objects.filter(begins=True).count() == 1


@pytest.mark.parametrize(("choices", "known"), [([10] * 5, True), ([1, 1, 1, 1, 96], False), ([10, 10], False)])
def test_score_that_few_hours_made_nearly_alone_has_no_interval(choices: list[int], known: bool) -> None:
    books = Books(["v"], Window("24h", 0, 1, 1, 3_600_000))
    scores = [{"choices": count, "log_loss": 1.0 + place} for place, count in enumerate(choices)]
    pages = [SimpleNamespace(metrics=score) for score in scores]
    vars(books).update(pages=pages, whole=SimpleNamespace(metrics={"choices": sum(choices), "log_loss": 2.0}))
    assert (books.estimate("log_loss").interval is not None) == known


@pytest.mark.django_db(transaction=True)
def test_version_that_restarts_within_its_first_hour_keeps_what_it_learned_before() -> None:
    hour = [record for record in LOG if _hour(record) == _hour(LOG[0])]
    assert len(hour) > 1
    learner = Learner(CONFIG)
    for record in hour:
        learner.fold([record])
        ScoreBook(ManualClock(NOW_MS), "v").note(learner)
        learner = Learner.from_snapshot(CONFIG, learner.snapshot())
    window = Window("24h", 0, LOG[-1].received_ms + 1, LOG[-1].received_ms + 1, 3_600_000)
    assert Books(["v"], window).whole.counters["records"] == len(hour)


def _hour(record: Record) -> int:
    return record.received_ms // 3_600_000


@pytest.mark.django_db(transaction=True)
def test_hours_wait_while_the_database_is_away() -> None:
    def away(execute: object, sql: str, *more: object) -> None:
        raise DatabaseError("expected an answer, received none")

    whole = written()
    LearnedHour.objects.all().delete()
    learner, clock = Learner(CONFIG), ManualClock(NOW_MS)
    book = ScoreBook(clock, "v")
    learner.fold(LOG[:200])
    with connection.execute_wrapper(away):
        book.note(learner)
    clock.advance(10_000)
    learner.fold(LOG[200:])
    book.note(learner)
    assert [hour.offset for hour in LearnedHour.objects.order_by("hour_ms")] == [offset for _, offset, *_ in whole]


def test_lag_is_counted_by_process_and_day(wired: redis.Redis) -> None:
    lags = Lags()
    lags.note([NOW_MS - 20, NOW_MS - 350, NOW_MS - 10_000_000, NOW_MS + 5], NOW_MS)
    for later_ms, name in enumerate(("web-1", "web-1", "web-2"), start=NOW_MS + 100):
        lags.post(wired, name, NOW_MS)
        lags.note([later_ms - 60], later_ms)
    found = learning_lag.histogram(wired, NOW_MS, days=1)
    assert {process: sum(counts) for process, counts in found.items()} == {"web-1": 5, "web-2": 1}
    assert found["web-1"][0] == 2
    assert found["web-1"][-1] == 1
    assert len(found["web-1"]) == len(EDGES_MS) + 1
    assert learning_lag.histogram(wired, NOW_MS + 8 * 86_400_000, days=8) == {}


def test_what_could_not_be_told_is_told_the_next_time(wired: redis.Redis) -> None:
    lags = Lags()
    lags.note([NOW_MS], NOW_MS)
    with pytest.raises(redis.RedisError):
        lags.post(redis.Redis.from_url("redis://127.0.0.1:1/0"), "web", NOW_MS)
    lags.post(wired, "web", NOW_MS)
    assert sum(learning_lag.histogram(wired, NOW_MS, days=1)["web"]) == 1


def test_learner_that_begins_anew_makes_no_click_late_that_was_served(wired: redis.Redis) -> None:
    lags = Lags(since_ms=NOW_MS - 500)
    lags.note([NOW_MS - 400, NOW_MS - 40], NOW_MS)
    lags.note([NOW_MS - 900_000, NOW_MS - 400, NOW_MS - 40, NOW_MS + 9_000], NOW_MS + 9_020)
    lags.post(wired, "web", NOW_MS)
    (counts,) = learning_lag.histogram(wired, NOW_MS, days=1).values()
    assert {edge: count for edge, count in zip(EDGES_MS, counts, strict=False) if count} == {50: 2, 500: 1}


async def test_replica_counts_the_clicks_that_deltas_bring(wired: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    lags = Lags()
    monkeypatch.setattr(learning_lag, "lags", lambda: lags)
    learner = Learner(wiring.config())
    learner.fold(stream(seed=1, events=60))
    wiring.deltas().publish(learner.delta(), fence=1)
    await replication.replication().refresh()
    lags.post(wired, "web", NOW_MS)
    (counts,) = learning_lag.histogram(wired, NOW_MS, days=1).values()
    assert sum(counts) == counts[-1] == learner.counters()["clicks"] + _refused_clicks(learner)


def _refused_clicks(learner: Learner) -> int:
    """Return clicks of the log that the fold did not count: late, repeated, or about nothing."""
    clicks = sum(type(record.event).__name__ == "Click" for record in stream(seed=1, events=60))
    return clicks - learner.counters()["clicks"]
