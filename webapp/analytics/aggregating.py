"""Counts the log into the tables of `webapp.analytics.models`, each event exactly once, whatever dies and when.

What a stretch of the log adds, and the offset at its end, go into the database in one transaction, which only takes
place while the offset there is the one at the stretch's beginning: of two workers that count the same stretch, one
writes. What the fold holds open (sittings, slates) is stored from time to time; after a restart the log since then is
folded again and what it adds is thrown away, because it has been added.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from django.db import DatabaseError, connection, models, transaction

from recsys.aggregates.buckets import DAY_MS, HOUR_MS, WEEK_MS, day_of, week_of
from recsys.aggregates.fold import AggregateFold
from recsys.aggregates.increments import (
    DELAYS,
    ENDS,
    ITEMS,
    NTH,
    POSITIONS,
    SITTINGS,
    TRAFFIC,
    Increments,
    ShownRow,
    SittingRow,
)
from recsys.errors import CorruptState, FreshetError
from recsys.log.base import Reader
from recsys.offsets import ORIGIN, Offset, offset_key
from webapp.analytics.models import (
    TABLES,
    AggregateProgress,
    Bucket,
    ClickDelay,
    ItemPosition,
    ItemTraffic,
    NthMoments,
    SessionEnd,
    SessionSitting,
    ShownDay,
    SittingMoments,
    Traffic,
)
from webapp.pause import Pause

#: Names what the counts mean; another revision counts everything anew.
REVISION: Final = "6"

HOUR: Final = 1
DAY: Final = DAY_MS // HOUR_MS
WEEK: Final = WEEK_MS // HOUR_MS

_BATCH: Final = 10_000
#: How long tasks leave log and database alone that have failed: each try folds again what is not in the stored state.
AGAIN_AFTER_S: Final = 10.0
#: Events after which what is open is stored (20 MB at most, a quarter of a second): the most that is folded again after
#: a restart, in some three seconds.
STATE_EVERY_EVENTS: Final = 250_000

_logger = structlog.get_logger(__name__)


class Overtaken(Exception):
    """Another worker has counted this stretch of the log."""


class AggregateWriter:
    """Counts what has come in since the last time.

    Parameters
    ----------
    reader : Reader
        The whole log.
    session_gap_ms : int
        Inactivity that ends a sitting.
    state_every_events : int
    """

    def __init__(self, reader: Reader, session_gap_ms: int, state_every_events: int = STATE_EVERY_EVENTS) -> None:
        self._reader = reader
        self._gap_ms = session_gap_ms
        self._state_every_events = state_every_events
        self._fold: AggregateFold | None = None
        self._offset: Offset = ORIGIN
        self._unsaved = 0
        self._pause = Pause(_logger, "events_not_counted", AGAIN_AFTER_S)

    def run_if_well(self, limit: int) -> int:
        """Do as `run`, for who asks again and again; 0 where log or database fail, as on a full disk, or did lately."""
        if self._pause.is_over():
            with self._pause.after(DatabaseError, FreshetError):
                return self.run(limit)
        return 0

    def run(self, limit: int) -> int:
        """Count up to `limit` records in one transaction; return how many. Blocks.

        After any error the next run begins with what the database says.

        Raises
        ------
        Overtaken
            When another worker counted this stretch meanwhile; nothing was added.
        """
        try:
            return self._run(limit)
        except BaseException:
            self._fold = None
            raise

    def reset(self) -> None:
        """Empty all tables, to count everything anew."""
        self._fold = None
        with transaction.atomic():
            for table in TABLES:
                table._default_manager.all().delete()
            AggregateProgress.objects.update_or_create(
                id=1,
                defaults={"revision": REVISION, "offset": ORIGIN, "events": 0, "state_offset": ORIGIN, "state": b""},
            )

    def _run(self, limit: int) -> int:
        progress = self._progress()
        if self._fold is None or progress.offset != self._offset:
            self._fold = self._recover(progress)
        folded, offset = _take(self._fold, self._reader, progress.offset, None, limit)
        if not folded:
            return 0
        due = self._unsaved + folded >= self._state_every_events
        with transaction.atomic():
            self._move_on(progress.offset, offset, folded)
            write(self._fold.drain())
            if due:
                AggregateProgress.objects.filter(id=1).update(state=self._fold.state(), state_offset=offset)
        self._offset, self._unsaved = offset, 0 if due else self._unsaved + folded
        return folded

    def _progress(self) -> AggregateProgress:
        progress = AggregateProgress.so_far()
        if progress is None or progress.revision != REVISION:
            self.reset()
            return AggregateProgress.objects.get(id=1)
        return progress

    def _recover(self, progress: AggregateProgress) -> AggregateFold:
        """Return a fold that is where the database is.

        Where another worker has counted on since, this process's own is led there; else the stored one is.
        """
        fold, offset, again = self._fold, self._offset, self._unsaved
        if fold is None or offset_key(offset) > offset_key(progress.offset):
            # Read at once: another worker may store a newer state at any moment.
            progress.refresh_from_db(fields=("offset", "state_offset", "state"))
            fold, offset, again = AggregateFold(self._gap_ms), progress.state_offset, 0
            if offset != ORIGIN:
                fold.restore(bytes(progress.state))
        while offset != progress.offset:
            folded, offset = _take(fold, self._reader, offset, progress.offset, _BATCH)
            if not folded:
                raise CorruptState(
                    f"expected the log to hold {progress.offset}, which is counted; run rebuild_aggregates"
                )
            again += folded
            fold.drain()
        self._offset, self._unsaved = progress.offset, again
        if fold is not self._fold:
            _logger.info("aggregates_recovered", offset=progress.offset, folded_again=again)
        return fold

    def _move_on(self, before: Offset, after: Offset, folded: int) -> None:
        """Say that the log is counted up to `after`. Raises `Overtaken` when it is not at `before` any more."""
        here = AggregateProgress.objects.filter(id=1, revision=REVISION, offset=before)
        if not here.update(offset=after, events=models.F("events") + folded):
            raise Overtaken


def _take(fold: AggregateFold, reader: Reader, after: Offset, until: Offset | None, limit: int) -> tuple[int, Offset]:
    """Fold up to `limit` records after `after`, up to and including `until`; return how many, and the last offset."""
    last = None if until is None else offset_key(until)
    folded = 0
    while folded < limit:
        records = reader.read(after, min(limit - folded, _BATCH))
        if last is not None:
            records = [record for record in records if offset_key(record.offset) <= last]
        if not records:
            break
        for record in records:
            fold.take(record.event, record.offset, record.received_ms)
        folded += len(records)
        after = records[-1].offset
    return folded, after


def write(out: Increments) -> None:
    """Add increments to the tables. Within the caller's transaction."""
    hourly = [((HOUR, *key), row) for key, row in out.traffic.items()]
    _add(Traffic, TRAFFIC, hourly + _wider(hourly, DAY, day_of))
    hourly_sittings = [((HOUR, *key), row) for key, row in out.sittings.items()]
    _add(SittingMoments, SITTINGS, hourly_sittings + _wider(hourly_sittings, DAY, day_of))
    daily = [((DAY, *key), row) for key, row in out.items.items()]
    _add(ItemTraffic, ITEMS, daily + _wider(daily, WEEK, week_of))
    _add(ItemPosition, POSITIONS, out.positions.items())
    _add(NthMoments, NTH, out.nth.items())
    _add(SessionEnd, ENDS, [(key, row) for key, row in out.ends.items() if row[0]])
    _add(ClickDelay, DELAYS, out.delays.items())
    if out.forgotten:
        SessionSitting.objects.filter(session__in=list(out.forgotten)).delete()
    _replace(SessionSitting, SittingRow._fields, out.sessions.values())
    _replace(ShownDay, ShownRow._fields, out.shown.values())


def _wider(
    rows: list[tuple[tuple[Any, ...], list[int]]], hours: int, start_of: Callable[[int], int]
) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Return the rows added up in buckets of `hours`."""
    wide: dict[tuple[Any, ...], list[int]] = {}
    for (_, start_ms, *rest), row in rows:
        key = (hours, start_of(start_ms), *rest)
        there = wide.get(key)
        wide[key] = row if there is None else [mine + more for mine, more in zip(there, row, strict=True)]
    return list(wide.items())


def _add(table: type[Bucket], counts: tuple[str, ...], rows: Iterable[tuple[tuple[Any, ...], list[int]]]) -> None:
    """Add each row's counts to what stands under its key."""
    name = _quoted(table._meta.db_table)
    sums = ", ".join(f"{_quoted(count)} = {name}.{_quoted(count)} + excluded.{_quoted(count)}" for count in counts)
    _upsert(table, (*table.KEY, *counts), table.KEY, sums, [(*key, *row) for key, row in rows])


def _replace(table: type[SessionSitting] | type[ShownDay], columns: tuple[str, ...], rows: Iterable[Any]) -> None:
    """Write rows over those that stand under their keys."""
    values = ", ".join(
        f"{_quoted(column)} = excluded.{_quoted(column)}" for column in columns if column not in table.KEY
    )
    _upsert(table, columns, table.KEY, values, list(rows))


def _upsert(
    table: type[models.Model], columns: tuple[str, ...], key: tuple[str, ...], changes: str, rows: list[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    # Django's own upsert can replace but not add. Names come from the models, values are parameters.
    statement = (
        f"INSERT INTO {_quoted(table._meta.db_table)} ({', '.join(map(_quoted, columns))}) "
        f"VALUES ({', '.join(['%s'] * len(columns))}) "
        f"ON CONFLICT ({', '.join(map(_quoted, key))}) DO UPDATE SET {changes}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
