"""How long time travel takes, by age, and what its snapshots cost: ``python -m benchmarks.past [--json FILE]``.

MovieLens' history and the simulated visitors that came after it (served by the engine, so that their lists name the
worlds that made them) are folded as the site's learner does, in event time: a snapshot each minute that brought
anything, and the store pruned after each. Then sessions of several ages are travelled to on a thread beside an event
loop, as a web process does, each from nothing in memory. Prints JSON; `from_start` is the oldest of these sessions
without any snapshot, the history folded anew.
"""

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks.simulated import set_up_django, simulated_log
from recsys.arguments import above_zero, whole_number
from recsys.clock import ManualClock
from recsys.events import SlateServed
from recsys.log.archive import ArchiveLog
from recsys.log.base import Record, records
from recsys.offsets import Offset, offset_key
from recsys.store.base import Keeping, Manifest
from recsys.store.files import FileSnapshots
from recsys.store.memory import MemoryDeltas, MemoryLease, MemorySnapshots

SAVE_EVERY_S: Final = 60
NEWEST: Final = 5
#: Ages of the sessions travelled to, as shares of what was served.
AGES: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
#: Steps that a session has at least: some are one look.
LEAST_STEPS: Final = 20
_TICK_S: Final = 0.002


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.past", description=__doc__)
    parser.add_argument("--events", type=whole_number(1), default=200_000, help="of simulated visitors, after history")
    parser.add_argument("--days", type=above_zero, default=0.5, help="over which time they happen")
    parser.add_argument("--log", type=Path, help="a folder of segments made so, in place of making one")
    parser.add_argument("--movielens", type=Path, help="the history; see recsys.simulation")
    parser.add_argument("--max-mb", type=whole_number(1), default=1_000, help="FRESHET_SNAPSHOTS_MAX_MB")
    parser.add_argument("--without-start", action="store_true", help="leave out `from_start`, which takes minutes")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freshet-past-") as folder:
        report = measure(Path(folder), arguments)
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    set_up_django(folder)
    log = ArchiveLog(arguments.log or simulated_log(folder / "log", arguments, "--ranked-by", "engine"))
    store = FileSnapshots(folder / "store")
    keeping = Keeping(NEWEST, arguments.max_mb * 1_000_000)
    opened, saving = _lived(log, store, keeping)
    sessions = _sessions(log, opened)
    if not sessions:
        raise SystemExit("expected sessions that were served for long enough to travel to, found none: more --events")
    chosen = [sessions[min(int(age * len(sessions)), len(sessions) - 1)] for age in AGES]
    report = {
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        "served_events": arguments.events,
        "served_days": arguments.days,
        **saving,
        **_held(store, folder / "store"),
        "loop_late_ms": asyncio.run(_lateness(lambda: time.sleep(2))),
        "travels": [_travel(session, log, store) for session in chosen],
    }
    if not arguments.without_start:
        report["from_start"] = _travel(chosen[-1], log, MemorySnapshots())
    return report


class _Until:
    """A log of which only what has happened by now can be read (`recsys.log.base.Reader`)."""

    def __init__(self, log: ArchiveLog, clock: ManualClock) -> None:
        self._log, self._clock = log, clock

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        return [each for each in self._log.read(after, limit) if each.received_ms <= self._clock.now_ms()]

    def end(self) -> Offset:
        return self._log.end()


def _lived(log: ArchiveLog, store: FileSnapshots, keeping: Keeping) -> tuple[Offset, dict[str, Any]]:
    """Let a learner live through the log; return where the site opened, and what saving took."""
    opening = next(each for each in records(log) if isinstance(each.event, SlateServed))
    clock = ManualClock(opening.received_ms - 1)
    writer = _writer(log, store, clock, keeping)
    while (tenure := writer.run(publish=False)) is not None and tenure.oldest_ms:
        pass
    writer.save()
    opened, saved, took = store.manifests()[0].offsets["0"], set[str](), []
    ends_ms = offset_key(log.end())[0]
    while clock.now_ms() <= ends_ms:
        clock.advance(SAVE_EVERY_S * 1_000)
        started = time.process_time()
        tenure = writer.run()
        if tenure is not None and tenure.parent is not None and tenure.parent.sha256 not in saved:
            saved.add(tenure.parent.sha256)
            took.append(time.process_time() - started)
    return opened, {"snapshots_taken": len(saved), "fold_and_save_cpu_ms_p50": round(statistics.median(took) * 1e3, 1)}


def _writer(log: ArchiveLog, store: FileSnapshots, clock: ManualClock, keeping: Keeping) -> Any:
    """Return the site's writer, in event time."""
    from webapp import wiring
    from webapp.training.writer import Limits, WorldWriter

    limits = Limits(
        run_events=50_000,
        lease_ms=3_600_000,
        snapshot_every_s=SAVE_EVERY_S,
        snapshot_every_events=50_000,
        keeping=keeping,
    )
    lease = MemoryLease(clock)
    return WorldWriter(wiring.config(), _Until(log, clock), store, MemoryDeltas(), lease, clock, limits, "benchmark")


def _sessions(log: ArchiveLog, opened: Offset) -> list[tuple[str, int]]:
    """Return the sessions that looked at some lists, newest first, with the records that followed their first."""
    began: dict[str, int] = {}
    steps: dict[str, int] = {}
    number = 0
    for each in records(log, after=opened):
        number += 1
        session = getattr(each.event, "session", None)
        if session is not None:
            began.setdefault(session, number)
            steps[session] = steps.get(session, 0) + 1
    return [(name, number - began[name]) for name in reversed(began) if steps[name] >= LEAST_STEPS]


def _held(store: FileSnapshots, folder: Path) -> dict[str, Any]:
    held: Sequence[Manifest] = store.manifests()
    served = [each.records for each in held]
    return {
        "snapshots_kept": len(held),
        "widest_gap_events": max((newer - older for newer, older in pairwise(served)), default=0),
        "newest_snapshot_mb": round(held[0].bytes / 1e6, 1),
        "all_snapshots_mb": round(sum(each.bytes for each in held) / 1e6, 1),
        "on_disk_mb": round(sum(path.stat().st_size for path in folder.glob("*.state")) / 1e6, 1),
    }


def _travel(session: tuple[str, int], log: ArchiveLog, store: Any) -> dict[str, Any]:
    """Travel to a session as a web process does that has never been asked; return what it took."""
    from recsys.past import Past
    from webapp import wiring
    from webapp.feed.lens.journeys import Journeys
    from webapp.feed.lens.rebuilding import Gone, steps
    from webapp.training.lineage import code_version

    name, age = session
    looked = time.perf_counter()
    events = log.session_events(name)
    found_s = time.perf_counter() - looked
    past = Past(wiring.config(), code_version(), store, log, 1_000_000)
    journeys, wanted, first_s = Journeys(lambda: past), len(steps(events)), list[float]()
    cpu, started = time.process_time(), time.perf_counter()

    def travel() -> None:
        while (beliefs := journeys.beliefs(name, events)).working or len(beliefs.portraits) < wanted:
            if beliefs.portraits and not first_s:
                first_s.append(time.perf_counter() - started)
            time.sleep(0.01)

    late = asyncio.run(_lateness(travel))
    took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    beliefs = journeys.beliefs(name, events)
    journeys.close()
    if any(isinstance(each, Gone) for each in beliefs.portraits):
        raise SystemExit(f"expected the beliefs of {name}, received {beliefs.portraits}")
    return {
        "age_events": age,
        "steps": wanted,
        "folded_events": beliefs.folded,
        "session_found_s": round(found_s, 2),
        "first_step_s": round((first_s or [took_s])[0], 2),
        "all_steps_s": round(took_s, 2),
        "cpu_s": round(cpu_s, 2),
        "loop_late_ms": late,
    }


async def _lateness(work: Any) -> dict[str, float]:
    """Return how much later than asked for an event loop wakes while `work` runs on another thread, in ms."""
    late: list[float] = []
    working = asyncio.ensure_future(asyncio.to_thread(work))
    while not working.done():
        asked = time.perf_counter() + _TICK_S
        await asyncio.sleep(_TICK_S)
        late.append((time.perf_counter() - asked) * 1e3)
    await working
    ranked = sorted(late)
    return {"p50": round(statistics.median(ranked), 2), "p99": round(ranked[int(0.99 * (len(ranked) - 1))], 2)}


if __name__ == "__main__":
    main()
