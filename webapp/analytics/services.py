"""What tasks and commands ask of the writer of aggregates, which lives once in each process."""

import functools
from collections.abc import Callable
from typing import Final

from webapp import wiring
from webapp.analytics.aggregating import AggregateWriter
from webapp.training.services import whole_log

#: Most events that one task counts, so that the learner's fold, which shares its worker, need not wait long.
TASK_EVENTS: Final = 5_000
#: Events of one transaction when there is nobody to wait: fewer, larger ones write each row less often.
REBUILD_EVENTS: Final = 200_000


@functools.cache
def aggregate_writer() -> AggregateWriter:
    """Return this process's writer."""
    return AggregateWriter(whole_log(), wiring.config().session_gap_s * 1_000)


def aggregate() -> int:
    """Count what came in since the last time; return how many events."""
    return aggregate_writer().run(TASK_EVENTS)


def rebuild(progress: Callable[[int], None]) -> int:
    """Empty the tables and count the whole log; return how many events.

    Parameters
    ----------
    progress : callable
        Told how many events were counted since it was told last.
    """
    aggregate_writer().reset()
    counted = 0
    while folded := aggregate_writer().run(REBUILD_EVENTS):
        counted += folded
        progress(folded)
    return counted
