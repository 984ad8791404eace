"""The staff pages' counts are right although the worker that writes them is killed again and again."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from recsys.events import Click, Impression, SlateServed
from recsys.log.base import records
from recsys.log.whole import WholeLog
from recsys.offsets import ORIGIN, offset_key
from tests.faults.learning import ROOT, Learning, kill, learning


def test_killed_workers_count_each_event_once_and_write_the_books_of_each_hour(tmp_path: Path) -> None:
    with learning(tmp_path, FRESHET_FOLD_EVERY_MS="50", FRESHET_AGGREGATE_EVERY_MS="100") as part:
        _migrate(part)
        part.start("beat")
        for round_ in range(3):
            part.browse(150, of=f"r{round_}-")
            worker = part.start("worker")
            before = _counted(part)
            part.wait_until(lambda before=before: _counted(part) > before, "some events to be counted")
            kill(worker)
        part.start("worker")
        part.browse(20, of="last-")
        part.wait_until(lambda: _offset(part) == part.log.end(), "the rest to be counted")

        events = [record.event for record in records(WholeLog(part.archive(), part.log))]
        assert _rows(part, "select events from analytics_aggregateprogress") == [(len(events),)]
        assert _rows(
            part, "select sum(slates), sum(impressions), sum(clicks) from analytics_traffic where hours = 1"
        ) == [tuple(sum(isinstance(event, kind) for event in events) for kind in (SlateServed, Impression, Click))]
        assert _rows(part, "select count(*), sum(events) from analytics_sessionsitting") == [
            (len({event.session for event in events if isinstance(event, SlateServed)}), len(events) - 30)
        ]
        # In log order, the books never go back: what an hour added is never less than nothing.
        books = [
            offset_key(offset) for (offset,) in _rows(part, "select offset from training_learnedhour order by hour_ms")
        ]
        assert books == sorted(books)
        assert books


def _migrate(part: Learning) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=part.environment, check=True
    )


def _rows(part: Learning, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(part.folder / "db.sqlite3", timeout=20)) as database:
        return database.execute(query).fetchall()


def _counted(part: Learning) -> int:
    (events,) = next(iter(_rows(part, "select events from analytics_aggregateprogress")), (0,))
    return int(str(events))


def _offset(part: Learning) -> str:
    (offset,) = next(iter(_rows(part, "select offset from analytics_aggregateprogress")), (ORIGIN,))
    return str(offset)
