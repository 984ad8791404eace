"""Writes down what the learner's books say at the end of each hour, for the staff's pages.

What is written is a function of the log's prefix, and is written over what stood there: writing it twice is writing it
once. A database that is away costs nothing but the page: what could not be written waits here.
"""

from typing import Final

import structlog
from django.db import DatabaseError

from recsys.clock import Clock, is_due
from recsys.learner import Learner, Mark
from recsys.offsets import ORIGIN
from webapp.training.models import LearnedHour

#: How often the hour that is under way is written.
_EVERY_MS: Final = 5_000
_HOUR_MS: Final = 3_600_000
#: Hours that wait while the database is away.
_WAITING: Final = 10_000

_logger = structlog.get_logger(__name__)


class ScoreBook:
    """The book of one version.

    Parameters
    ----------
    clock : Clock
    version : str
        `webapp.training.lineage.version`.
    """

    def __init__(self, clock: Clock, version: str) -> None:
        self._clock = clock
        self._version = version
        self._waiting: list[Mark] = []
        self._written_ms = 0
        self._took_over = False

    def note(self, learner: Learner) -> None:
        """Write the hours that ended, and from time to time the one that has not."""
        self._waiting = [*self._waiting, *learner.take_marks()][-_WAITING:]
        now_ms = self._clock.now_ms()
        # Ended hours never wait: a snapshot may follow, and who goes on from there is not told of them again.
        if not self._waiting and not is_due(self._written_ms, _EVERY_MS, now_ms):
            return
        self._written_ms = now_ms
        # The last one of an hour: after a restart the same hour may be told again.
        marks = {mark.hour_ms: mark for mark in [*self._waiting, learner.mark()] if mark.hour_ms}
        try:
            self._take_over(learner.began)
            LearnedHour.objects.bulk_create(
                [
                    LearnedHour(
                        version=self._version,
                        hour_ms=mark.hour_ms,
                        offset=mark.offset,
                        counters=mark.counters,
                        scores=mark.scores,
                    )
                    for mark in marks.values()
                ],
                update_conflicts=True,
                unique_fields=["version", "hour_ms"],
                update_fields=["offset", "counters", "scores"],
            )
        except DatabaseError as error:
            _logger.warning("scores_not_written", hours=len(marks), error=str(error))
        else:
            self._waiting = []

    def _take_over(self, began: Mark) -> None:
        """Write the books that this version began with, once, as those of the hour before.

        A version that has books of its own up to there, were it only of the hour under way, goes on with these.
        """
        if self._took_over:
            return
        known = LearnedHour.objects.filter(version=self._version, hour_ms__lte=began.hour_ms)
        if began.offset != ORIGIN and not known.exists():
            LearnedHour.objects.create(
                version=self._version,
                hour_ms=began.hour_ms - _HOUR_MS,
                offset=began.offset,
                counters=began.counters,
                scores=began.scores,
                begins=True,
            )
        self._took_over = True
