"""Beat and a worker as `make demo` runs them: the knob works at once, and nothing piles up."""

import datetime
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.beat import PersistentScheduler, ScheduleEntry
from structlog.testing import capture_logs

from tests.faults.learning import ROOT, Learning, learning
from webapp.analytics.tasks import aggregate
from webapp.celery import app
from webapp.training.schedule import LOOK_AGAIN_S, LOOK_EVERY_S, WAITING_LIMIT, BoundedScheduler, KnobSchedule
from webapp.training.tasks import fold
from webapp.wiring import KNOBS_KEY


def test_beat_and_worker_fold_what_comes_in_and_obey_the_knob(tmp_path: Path) -> None:
    with learning(tmp_path, FRESHET_FOLD_EVERY_MS="60000") as part:
        part.client.hset(KNOBS_KEY, "fold_every_ms", 50)
        part.start("worker")
        part.start("beat")
        part.wait_until(lambda: part.folded() == part.log.end(), "the catalogue to be folded")
        part.browse(20)
        part.wait_until(lambda: part.folded() == part.log.end(), "the visits to be folded")

        part.client.hset(KNOBS_KEY, "fold_every_ms", 60_000)
        part.wait_until(lambda: _visit_waits(part), "the knob to slow the fold down")
        part.client.hset(KNOBS_KEY, "fold_every_ms", 100)
        part.wait_until(lambda: part.folded() == part.log.end(), "the fold at its old pace")


def _visit_waits(part: Learning) -> bool:
    """Return whether a visit is not folded at the pace of before; a fold that was asked for by then is no sign."""
    part.browse(1, of=f"later at {time.monotonic()} ")
    time.sleep(2 * LOOK_EVERY_S)
    return part.folded() != part.log.end()


def test_status_says_what_was_folded_and_what_waits(tmp_path: Path) -> None:
    with learning(tmp_path, sessions=20) as part:
        part.start()
        part.fold_all()
        status = part.writer()

        assert status.lag_ms == 0
        assert status.log_end == status.offset == part.log.end()
        assert status.counters["clicks"] == 40
        assert status.log_length == part.log.length()


def test_beat_stops_adding_tasks_that_nobody_takes(tmp_path: Path) -> None:
    with learning(tmp_path, FRESHET_FOLD_EVERY_MS="50") as part:
        part.start("beat")
        part.wait_until(lambda: _waiting(part) == WAITING_LIMIT, "tasks to wait")
        time.sleep(0.5)

        assert _waiting(part) == WAITING_LIMIT


def test_knob_decides_when_the_fold_is_due() -> None:
    every = {"ms": 1_000}
    schedule = KnobSchedule(lambda: every["ms"])
    schedule.nowfun = lambda: datetime.datetime(2024, 1, 1, 0, 0, 2, tzinfo=datetime.UTC)
    last = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)

    assert schedule.is_due(last) == (True, LOOK_EVERY_S)
    every["ms"] = 2_200
    due, again_s = schedule.is_due(last)
    assert not due
    assert again_s == pytest.approx(0.2)
    every["ms"] = 60_000
    assert schedule.is_due(last) == (False, LOOK_EVERY_S)


def test_clock_that_was_set_back_does_not_put_the_fold_off() -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    assert KnobSchedule(lambda: 500).is_due(later) == (True, LOOK_EVERY_S)


def test_beat_goes_on_after_the_clock_was_set_back() -> None:
    now = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
    schedule = KnobSchedule(lambda: 50)
    schedule.nowfun = lambda: now
    beat = _NotingBeat(schedule, ["fold", "aggregate"])
    beat.tick_for(0.2)
    beat.sent.clear()

    now -= datetime.timedelta(hours=1)
    beat.tick_for(0.2)

    assert {"fold", "aggregate"} <= set(beat.sent)


class _NotingBeat(BoundedScheduler):
    """Notes what it would send."""

    def __init__(self, schedule: KnobSchedule, names: list[str]) -> None:
        super().__init__(app=app, lazy=True)
        self.data = {name: ScheduleEntry(name=name, task=name, schedule=schedule, app=app) for name in names}
        self.producer = None
        self.sent: list[str] = []

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        self.sent.append(entry.name)

    def tick_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(min(self.tick(), 0.05))


def test_beat_says_once_that_redis_takes_no_task_and_once_that_it_does_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Board:
        def beat(self, now_ms: int) -> None:
            pass

    class Unreachable:
        def beat(self, now_ms: int) -> None:
            raise redis.ConnectionError("expected an answer, received none")

    beat = BoundedScheduler(app=app, lazy=True)
    entry = ScheduleEntry(name="fold", task="fold", schedule=KnobSchedule(lambda: 500), app=app)
    monkeypatch.setattr("webapp.training.schedule.board", Unreachable)
    with capture_logs() as told:
        for _ in range(3):
            beat.apply_entry(entry)
        monkeypatch.setattr("webapp.training.schedule.board", Board)
        monkeypatch.setattr(BoundedScheduler, "_waiting", lambda *_: WAITING_LIMIT)
        for _ in range(3):
            beat.apply_entry(entry)
    assert [line["event"] for line in told] == ["beat_skips_tasks", "beat_goes_on"]


def test_beat_waits_while_the_knob_can_not_be_read() -> None:
    def unreachable() -> int:
        raise redis.ConnectionError("expected an answer, received none")

    assert KnobSchedule(unreachable).is_due(datetime.datetime.now(datetime.UTC)) == (False, LOOK_AGAIN_S)


def test_schedule_keeps_nothing_on_disk_and_names_its_tasks() -> None:
    entries = app.conf.beat_schedule

    assert not issubclass(BoundedScheduler, PersistentScheduler)
    assert {name: entry["task"] for name, entry in entries.items()} == {"fold": fold.name, "aggregate": aggregate.name}
    assert not any("expires" in entry["options"] for entry in entries.values()), "machines' clocks differ"
    assert app.conf.beat_scheduler.endswith(BoundedScheduler.__name__)


def test_worker_and_beat_never_give_up_on_redis() -> None:
    assert app.conf.broker_connection_retry_on_startup
    assert app.conf.broker_connection_max_retries is None


def test_worker_and_beat_wait_for_no_answer_without_end() -> None:
    told = app.conf.broker_transport_options
    assert told["socket_timeout"] == told["socket_connect_timeout"] == 5.0
    assert told["health_check_interval"] == 10, "a worker that waits for tasks looks for its connection"


def test_beat_stays_small_without_engine_and_compiler() -> None:
    code = (
        "import sys, webapp.celery as site; site.app.loader.import_default_modules(); site.app.finalize();"
        "print([name for name in ('numba', 'river', 'pyarrow', 'recsys.world') if name in sys.modules])"
    )
    environment = {**os.environ, "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please"}

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr


def _waiting(part: Learning) -> int:
    return int(part.client.llen("freshet:celery:fold"))
