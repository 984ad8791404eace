"""Beat: when fold and counts are due, and a scheduler that keeps nothing on disk.

The fold's interval is a knob that staff turn while everything runs; beat looks at it each time, so no restart is
needed.
"""

import datetime
import time
from collections.abc import Callable
from typing import Any, Final, cast

import redis
import structlog
from celery import schedules
from celery.beat import ScheduleEntry, Scheduler
from django.conf import settings
from kombu.exceptions import OperationalError

from webapp import wiring
from webapp.training.status import board

FOLD_QUEUE: Final = "fold"

#: What may wait behind the fold.
OTHER_QUEUE: Final = "celery"

#: Beat looks at the knob at least this often, and less often while Redis can't be reached.
LOOK_EVERY_S: Final = 0.5
LOOK_AGAIN_S: Final = 5.0

#: Tasks that may wait before beat stops adding to them. They wait for as long as it takes: a time by which they expire
#: would be told by one machine's clock and read by another's.
WAITING_LIMIT: Final = 3

_logger = structlog.get_logger(__name__)


class KnobSchedule(schedules.BaseSchedule):
    """Due each time as many milliseconds have passed as `every_ms` says at that moment."""

    def __init__(self, every_ms: Callable[[], int]) -> None:
        super().__init__()
        self.every_ms = every_ms

    def is_due(self, last_run_at: datetime.datetime) -> schedules.schedstate:
        """Return whether it is due, and in how many seconds to ask again."""
        try:
            every_s = self.every_ms() / 1_000
        except redis.RedisError as error:
            _logger.warning("knob_unreadable", error=str(error), again_in_s=LOOK_AGAIN_S)
            return schedules.schedstate(is_due=False, next=LOOK_AGAIN_S)
        passed_s = (self.now() - last_run_at).total_seconds()
        # A last run in the future: the clock was set back since, which must not put the next one off.
        remaining_s = every_s - passed_s if passed_s >= 0 else 0.0
        due = remaining_s <= 0
        return schedules.schedstate(is_due=due, next=min(every_s if due else remaining_s, LOOK_EVERY_S))


class BoundedScheduler(Scheduler):
    """Keeps its entries in memory, and adds no task to a queue that nobody empties, or that can't be reached."""

    _skips = False

    def adjust(self, n: float, drift: float = 0.0) -> float:
        """Return the delay as it is: waking up early would mean asking in a loop until it is due."""
        return n

    def _when(self, entry: ScheduleEntry, next_time_to_run: float, mktime: Any = None) -> float:
        """Return when to look at an entry again, by a clock that nobody sets back."""
        return time.monotonic() + next_time_to_run

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send the entry's task, unless `WAITING_LIMIT` tasks wait in its queue already, or can't be told."""
        try:
            board().beat(wiring.clock().now_ms())
            waiting = self._waiting(entry)
        except (redis.RedisError, OperationalError) as error:
            if not self._skips:
                _logger.warning("beat_skips_tasks", error=str(error), until="Redis takes them")
            self._skips = True
            return
        if self._skips:
            _logger.info("beat_goes_on")
        self._skips = False
        if waiting < WAITING_LIMIT:
            super().apply_entry(entry, producer=producer)

    def _waiting(self, entry: ScheduleEntry) -> int:
        # Declared as the worker declares it. A passive declaration would not see a queue behind a key prefix.
        options, channel = cast(dict[str, Any], entry.options), cast(Any, self.connection.default_channel)
        return int(channel.queue_declare(options["queue"], durable=True, auto_delete=False).message_count)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Return Celery's ``beat_schedule``."""
    return {
        "fold": {
            "task": "webapp.training.tasks.fold",
            "schedule": KnobSchedule(lambda: wiring.knobs().fold_every_ms),
            "options": {"queue": FOLD_QUEUE},
        },
        "aggregate": {
            "task": "webapp.analytics.tasks.aggregate",
            "schedule": KnobSchedule(lambda: settings.FRESHET_AGGREGATE_EVERY_MS),
            "options": {"queue": OTHER_QUEUE},
        },
    }
