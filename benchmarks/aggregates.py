"""The staff pages' counts, and how long pages take that read them: ``python -m benchmarks.aggregates --events N``.

Simulated visitors write a log of N events as Parquet; it is counted into a database of its own (SQLite in a temporary
folder, or the one that --database names and that is empty), and each page is asked for every period. Prints JSON:
events counted a second, memory, rows by table, and the server's time for each page in milliseconds, by the clock and of
the processor (on a busy machine only the latter says something). Exits with 1 when a page takes more than `BOUND_MS`.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.simulated import set_up_django, simulated_log
from recsys.arguments import whole_number

BOUND_MS: Final = 200
ASKED: Final = 12
#: Events of sessions that the learner's books are filled from; the books have a row for each hour, however many.
LEARNED_EVENTS: Final = 60_000
_SIMULATED: Final = ("--start", "2026-01-01", "--control-share", "0.3")
#: Pages made of charts.
_CHARTED: Final = ("overview", "learning", "labels")


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.aggregates", description=__doc__)
    parser.add_argument("--events", type=whole_number(1), default=1_000_000)
    parser.add_argument("--days", type=whole_number(1), default=90, help="over which time they happen")
    parser.add_argument("--log", type=Path, help="a folder of segments, in place of a log made for this")
    parser.add_argument(
        "--movielens", type=Path, help="the history that visitors' tastes come from; see recsys.simulation"
    )
    parser.add_argument("--database", help="FRESHET_DATABASE_URL of an empty database")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freshet-aggregates-") as folder:
        report = measure(Path(folder), arguments)
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    return int(max(min(page["median_ms"], page["cpu_ms"]) for page in report["pages"].values()) > BOUND_MS)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    log = arguments.log or simulated_log(folder / "log", arguments, *_SIMULATED)
    _set_up(folder, arguments.database)
    from recsys.log.archive import ArchiveLog
    from webapp.analytics.models import TABLES

    counting = _count(ArchiveLog(log))
    _fill_books(ArchiveLog(log))
    return {
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        **counting,
        "rows": {table.__name__: table._default_manager.count() for table in TABLES},
        "database_mb": round(sum(file.stat().st_size for file in folder.glob("db.sqlite3*")) / 1e6, 1),
        "pages": dict(_pages(ArchiveLog(log).end())),
    }


def _set_up(folder: Path, database: str | None) -> None:
    """Let Django run on a folder and a database of its own."""
    if database:
        os.environ["FRESHET_DATABASE_URL"] = database
    set_up_django(folder)
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def _count(log: Any) -> dict[str, Any]:
    """Count the log, and put its items into the catalogue."""
    from recsys.events import ItemUpserted
    from webapp.analytics.aggregating import AggregateWriter
    from webapp.analytics.services import REBUILD_EVENTS
    from webapp.catalog.models import Item

    films = {
        record.event.item: record.event for record in log.read("0-0", 50_000) if isinstance(record.event, ItemUpserted)
    }
    Item.objects.bulk_create(map(Item.from_event, films.values()))
    writer, events = AggregateWriter(log, 1_800_000), 0
    wall, cpu = time.perf_counter(), time.process_time()
    while counted := writer.run(REBUILD_EVENTS):
        events += counted
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "events": events,
        "counted_s": round(wall, 1),
        "events_per_s": round(events / wall),
        "events_per_cpu_s": round(events / cpu),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024),
    }


def _fill_books(log: Any) -> None:
    """Let a learner fold some of the sessions of the whole time, and write its books down."""
    from recsys.clock import ManualClock
    from recsys.learner import Learner
    from recsys.log.base import records
    from webapp import wiring
    from webapp.analytics.models import AggregateProgress
    from webapp.training import lineage
    from webapp.training.scorebook import ScoreBook

    every = max(AggregateProgress.objects.get().events // LEARNED_EVENTS, 1)

    def some() -> Iterator[Any]:
        for record in records(log, batch=10_000):
            session = getattr(record.event, "session", None)
            if session is None or zlib.crc32(session.encode()) % every == 0:
                yield record

    learner = Learner(wiring.config())
    learner.fold(some())
    ScoreBook(ManualClock(1), lineage.version(wiring.config())).note(learner)


def _pages(end: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the server's time for each page and period, asked for again and again in this process."""
    from datetime import UTC, datetime

    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from webapp.catalog.models import Item

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.create_superuser("measuring", password="unused"))
    until = datetime.fromtimestamp(int(end.partition("-")[0]) / 1_000, tz=UTC).date()
    item = Item.objects.order_by("item_id")[0].item_id
    for period in ("24h", "7d", "30d", "90d"):
        window = f"period={period}&until={until}"
        for address in (*(f"/staff/{page}/?{window}" for page in _CHARTED), f"/staff/items/{item}/?{window}"):
            yield address, _timed(client, address, b"<svg")
        for query in ("", "&sort=-click_through&impressions_min=100"):
            yield f"/staff/items/?{window}{query}", _timed(client, f"/staff/items/?{window}{query}", b"table-items")
    for query in ("", "?sort=-events", "?simulated=yes&clicks_min=3&page=9", "?session=a1"):
        yield f"/staff/sessions/{query}", _timed(client, f"/staff/sessions/{query}", b"listing")


def _timed(client: Any, address: str, expected: bytes) -> dict[str, float]:
    """Return the server's time for one address, asked for again and again."""
    times, spent = [], []
    for _ in range(ASKED):
        started, cpu = time.perf_counter(), time.process_time()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1_000)
        spent.append((time.process_time() - cpu) * 1_000)
        if response.status_code != 200 or expected not in response.content:
            raise SystemExit(f"expected a page with {expected!r} from {address}, received {response.status_code}")
    return {
        "median_ms": round(statistics.median(times), 1),
        "slowest_ms": round(max(times), 1),
        "cpu_ms": round(statistics.median(spent), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
