"""What tasks and commands ask of the writer, which lives once in each process."""

import functools
import time
from collections.abc import Callable
from typing import Final

import redis
import structlog
from django.conf import settings

from recsys.errors import FreshetError
from recsys.log.archive import ArchiveLog
from recsys.log.base import BeginningReader
from recsys.log.resting import Resting
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN, Offset
from recsys.store.base import Keeping
from webapp import wiring
from webapp.pause import Pause
from webapp.training import lineage
from webapp.training.retention import Retention
from webapp.training.scorebook import ScoreBook
from webapp.training.status import FoldStatus, board
from webapp.training.writer import LeaseHeld, Limits, Tenure, WorldWriter, new_holder

#: How long tasks leave a fold alone that has failed.
AGAIN_AFTER_S: Final = 5.0

_pause: Final = Pause(structlog.get_logger(__name__), "not_folded", AGAIN_AFTER_S)


@functools.cache
def whole_log() -> BeginningReader:
    """Return everything that ever happened: the archive, then the live log."""
    return WholeLog(ArchiveLog(wiring.archive_path()), wiring.event_log())


@functools.cache
def writer() -> WorldWriter:
    """Return this process's writer."""
    return WorldWriter(
        wiring.config(),
        whole_log(),
        wiring.snapshots(),
        wiring.deltas(),
        wiring.lease(),
        wiring.clock(),
        Limits(
            run_events=settings.FRESHET_FOLD_MAX_EVENTS,
            lease_ms=settings.FRESHET_LEASE_MS,
            snapshot_every_s=settings.FRESHET_SNAPSHOT_EVERY_S,
            snapshot_every_events=settings.FRESHET_SNAPSHOT_EVERY_EVENTS,
            keeping=Keeping(settings.FRESHET_SNAPSHOTS_KEPT, settings.FRESHET_SNAPSHOTS_MAX_MB * 1_000_000),
        ),
        new_holder(),
        ScoreBook(wiring.clock(), lineage.version(wiring.config())).note,
    )


@functools.cache
def resting() -> Resting:
    """Return what lets the lists of sessions rest."""
    return Resting(wiring.redis_client(), settings.FRESHET_SESSION_REST_S)


@functools.cache
def retention() -> Retention:
    """Return the keeper of the live log's length."""
    status = board().read()
    return Retention(
        wiring.event_log(),
        wiring.archive_path(),
        keep_events=settings.FRESHET_LOG_KEEP_EVENTS,
        every_s=settings.FRESHET_ARCHIVE_EVERY_S,
        archived=status.archived if status is not None else ORIGIN,
    )


def fold() -> FoldStatus | None:
    """Fold what came in, move it to the archive, let sessions rest that it has, and post the status.

    Returns
    -------
    FoldStatus or None
        None while another worker is the writer.
    """
    started_ms = wiring.clock().now_ms()
    tenure = writer().run()
    if tenure is None:
        return None
    retention().run(tenure.learner.world.offset, tenure.snapshot, started_ms)
    archived = retention().archived
    resting().run(archived, started_ms)
    status = _status(tenure, archived, started_ms)
    board().post(status)
    return status


def fold_if_well() -> None:
    """Do as `fold`, for who asks again and again; nothing where it fails, or did lately."""
    if _pause.is_over():
        with _pause.after(FreshetError, redis.RedisError):
            fold()


def catch_up(progress: Callable[[int], None]) -> Offset:
    """Fold everything that there is, save it, and give the lease back: before the site opens.

    Parameters
    ----------
    progress : callable
        Told how many records were folded since it was told last.

    Raises
    ------
    LeaseHeld
        When a worker is folding already.
    """
    told = 0
    try:
        while (tenure := writer().run(publish=False)) is not None:
            progress(tenure.folded - told)
            if tenure.folded == told:
                writer().save()
                return tenure.learner.world.offset
            told = tenure.folded
    finally:
        release()
    raise LeaseHeld("expected to be the only writer; a worker is folding already: it catches up by itself")


def release() -> None:
    """Give the lease back if this process has it."""
    if writer.cache_info().currsize:
        writer().release()


def _status(tenure: Tenure, archived: Offset, started_ms: int) -> FoldStatus:
    learner, now_ms = tenure.learner, wiring.clock().now_ms()
    waiting = whole_log().read(learner.world.offset, 1)
    return FoldStatus(
        holder=writer().holder,
        fence=tenure.fence,
        ran_ms=now_ms,
        took_ms=now_ms - started_ms,
        offset=learner.world.offset,
        log_end=whole_log().end(),
        lag_ms=max(0, now_ms - waiting[0].received_ms) if waiting else 0,
        log_length=wiring.event_log().length(),
        folded=tenure.folded,
        counters=learner.counters(),
        metrics=learner.metrics(),
        snapshot=tenure.snapshot,
        archived=archived,
        snapshot_ms=tenure.saved_ms,
        waited_ms=max(0, now_ms - tenure.oldest_ms) if tenure.oldest_ms else 0,
        cpu_ms=round(time.process_time() * 1_000),
        losses=retention().losses,
    )
