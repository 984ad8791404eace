"""What tasks and commands ask of the writer of aggregates, which lives once in each process."""

import contextlib
import functools
from collections.abc import Callable
from typing import Final

from recsys.errors import FreshetError
from recsys.log.archive import ArchiveLog
from recsys.log.redis_client import log_errors
from webapp import wiring
from webapp.analytics.aggregating import AggregateWriter, Overtaken
from webapp.analytics.models import AggregateProgress
from webapp.training.services import whole_log

#: Most events that one task counts, so that the learner's fold, which shares its worker, need not wait long.
TASK_EVENTS: Final = 5_000
#: Events of one transaction when there is nobody to wait: fewer, larger ones write each row less often.
REBUILD_EVENTS: Final = 200_000
#: There while the whole log is counted anew, and after whoever did was killed for as long as one transaction may take.
_REBUILDING_KEY: Final = "freshet:staff:rebuilding"
_REBUILDING_MS: Final = 60_000


class RebuildUnderWay(FreshetError):
    """The whole log is being counted anew already."""


@functools.cache
def aggregate_writer() -> AggregateWriter:
    """Return this process's writer."""
    return AggregateWriter(whole_log(), wiring.config().session_gap_s * 1_000)


def aggregate() -> int:
    """Count what came in since the last time; return how many events. While the whole log is counted anew, none."""
    with log_errors():
        if wiring.redis_client().exists(_REBUILDING_KEY):
            return 0
    try:
        return aggregate_writer().run_if_well(TASK_EVENTS)
    except Overtaken:
        return 0


def rebuild(progress: Callable[[int], None]) -> int:
    """Empty the tables and count the whole log, as far as it goes by then; return how many events.

    Tasks leave the counting to it meanwhile.

    Parameters
    ----------
    progress : callable
        Told how many events were counted since it was told last.

    Raises
    ------
    RebuildUnderWay
        When somebody else does.
    CorruptState
        When a segment of the archive is damaged or gone: before anything is emptied.
    """
    ArchiveLog(wiring.archive_path()).check()
    client, folded = wiring.redis_client(), REBUILD_EVENTS
    with log_errors():
        if not client.set(_REBUILDING_KEY, 1, nx=True, px=_REBUILDING_MS):
            raise RebuildUnderWay(
                "expected to be the only one who counts the whole log anew: somebody does, or was killed lately; "
                "try again in a minute"
            )
        try:
            aggregate_writer().reset()
            while folded == REBUILD_EVENTS:
                client.set(_REBUILDING_KEY, 1, px=_REBUILDING_MS)
                # A task that had begun before may have counted the first stretch.
                with contextlib.suppress(Overtaken):
                    folded = aggregate_writer().run(REBUILD_EVENTS)
                    progress(folded)
        finally:
            client.delete(_REBUILDING_KEY)
    return AggregateProgress.objects.defer("state").get().events
