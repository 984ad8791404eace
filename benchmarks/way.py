"""The way of a click, measured on the running demo: ``python -m benchmarks.way [--json FILE]``.

Starts the demo in a temporary folder with MovieLens 100K, and stops it. Times are of one visitor on an otherwise idle
site, over a loopback websocket, browser and paint not included.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.browser import Visitor, version_of
from benchmarks.running_demo import ROOT, RunningDemo
from recsys.arguments import whole_number
from recsys.clock import SystemClock
from recsys.config import EngineConfig
from recsys.events import Click, Impression, ItemUpserted
from recsys.learner import Learner
from recsys.log.memory import MemoryLog
from recsys.offsets import offset_key

_FOLD_SESSIONS = 2_000

#: Pace and length of a visit: faster or longer ones meet the rate limit, which is made for people.
PAUSE_S = 0.4
VISIT_CLICKS = 20


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.way", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--clicks", type=whole_number(1), default=300, help="clicks of the one visitor")
    parser.add_argument("--effects", type=whole_number(1), default=10, help="clicks whose effect on another is awaited")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="freshet-way-") as folder:
        report = measure(Path(folder), arguments.clicks, arguments.effects)
    for name, value in report.items():
        print(f"{name:>32}  {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def measure(folder: Path, clicks: int, effects: int) -> dict[str, Any]:
    """Return all figures."""
    fetched = ROOT / "var" / "data"
    if fetched.is_dir():
        shutil.copytree(fetched, folder / "data", ignore=shutil.ignore_patterns("*.json*"))
    with RunningDemo(folder) as demo:
        acknowledged, changed = asyncio.run(clicking(demo.url, clicks))
        without, beside, lens = asyncio.run(with_the_lens(demo.url, clicks // 2))
        others = asyncio.run(effect_on_others(demo.url, effects))
        resident = demo.resident_mb()
        first_start_s = demo.ready_s
    with RunningDemo(folder) as demo:
        second_start_s = demo.ready_s
    replayed = replay(folder / "archive")
    return {
        "machine": f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}",
        "click_to_acknowledged_ms": percentiles(acknowledged),
        "click_to_changed_slate_ms": percentiles(changed),
        "the_same_by_turns_without_the_lens_ms": percentiles(without),
        "the_same_by_turns_with_the_lens_ms": percentiles(beside),
        "drawing_the_lens_ms": percentiles(lens),
        "click_to_effect_on_another_ms": percentiles(others),
        "events_folded_per_s": round(fold_rate()),
        "replay_events": replayed["events"],
        "replay_s": replayed["seconds"],
        "first_start_s": round(first_start_s, 1),
        "second_start_s": round(second_start_s, 1),
        "resident_mb": resident,
        **lines_of_code(),
    }


async def clicking(url: str, clicks: int) -> tuple[list[float], list[float]]:
    """Return the times to acknowledgement and to the changed slate of each click, in ms, the first ten left out."""
    acknowledged, changed = [], []
    done = 0
    while done < clicks + 10:
        async with Visitor(url) as visitor:
            for _ in range(VISIT_CLICKS):
                shelf = visitor.shelf("for_you")
                times = await visitor.click(shelf, shelf.items[done % len(shelf.items)])
                done += 1
                if done > 10:
                    acknowledged.append(times[0])
                    changed.append(times[1])
                await asyncio.sleep(PAUSE_S)
    return acknowledged[:clicks], changed[:clicks]


async def with_the_lens(url: str, pairs: int) -> tuple[list[float], list[float], list[float]]:
    """Return the times to the changed slate without and with the lens, by turns, and what drawing it took, in ms."""
    without, beside, drawing = [], [], []
    while len(drawing) < pairs + 5:
        async with Visitor(url) as visitor:
            for number in range(VISIT_CLICKS):
                shelf, lens = visitor.shelf("for_you"), number % 2 == 1
                _, changed_ms = await visitor.click(shelf, shelf.items[number % len(shelf.items)], lens=lens)
                (beside if lens else without).append(changed_ms)
                if lens:
                    drawing.append(visitor.laps["lens"])
                await asyncio.sleep(PAUSE_S)
    return without[5 : pairs + 5], beside[5 : pairs + 5], drawing[5 : pairs + 5]


async def effect_on_others(url: str, effects: int) -> list[float]:
    """Return how long after a click another visitor's new page was made by a world that had learned from it, in ms."""
    times = []
    async with Visitor(url) as visitor:
        other = Visitor(url)
        for number in range(effects):
            shelf = visitor.shelf("for_you")
            clicked_ms = time.time() * 1_000
            await visitor.click(shelf, shelf.items[number % len(shelf.items)])
            while True:
                await asyncio.to_thread(other.load)
                version = version_of(other.shelf("for_you").token)
                if offset_key(version)[0] >= clicked_ms:
                    break
            times.append(time.time() * 1_000 - clicked_ms)
    return times


def fold_rate() -> float:
    """Return how many records a second one learner folds: sessions of ten impressions and three clicks, in memory."""
    log = MemoryLog(SystemClock(), max_length=10_000_000)
    learner = Learner(EngineConfig())
    now_ms = SystemClock().now_ms()
    log.append([_film(number, now_ms) for number in range(1_682)])
    for session in range(_FOLD_SESSIONS):
        name = f"s{session}"
        seen = [str((session * 37 + step * 101) % 1_682) for step in range(10)]
        log.append([Impression(event_time_ms=now_ms, session=name, item=item) for item in seen])
        log.append([Click(event_time_ms=now_ms, session=name, item=item) for item in seen[:3]])
    found = log.read("0-0", 10_000_000)
    learner.fold(found[:3_000])
    started = time.perf_counter()
    folded = learner.fold(found[3_000:])
    return folded / (time.perf_counter() - started)


def _film(number: int, now_ms: int) -> ItemUpserted:
    genres = ("Drama", "Comedy", "Horror", "Western", "Musical", "Crime")
    return ItemUpserted(
        event_time_ms=now_ms, item=str(number), title=f"Film {number}", categories=(genres[number % 6],), year=1990
    )


def replay(archive: Path) -> dict[str, Any]:
    """Return the last line of `manage.py replay` over the demo's archive."""
    done = subprocess.run(
        [sys.executable, "manage.py", "replay", str(archive)],
        cwd=ROOT,
        env={**os.environ, "FRESHET_SECRET_KEY": "only for this measurement, and long enough"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def percentiles(values: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and number of the values."""
    ranked = sorted(values)
    return {
        "p50": round(statistics.median(ranked), 2),
        "p99": round(ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))], 2),
        "n": len(ranked),
    }


def lines_of_code() -> dict[str, int]:
    """Return lines of Python (source, tests) and the number of test functions."""
    source = [path for folder in ("recsys", "webapp") for path in (ROOT / folder).rglob("*.py")]
    tests = list((ROOT / "tests").rglob("*.py"))
    texts = [path.read_text() for path in tests]
    return {
        "lines_of_source": sum(len(path.read_text().splitlines()) for path in source),
        "lines_of_tests": sum(len(text.splitlines()) for text in texts),
        "test_functions": sum(len(re.findall(r"^\s*(?:async )?def test_", text, re.MULTILINE)) for text in texts),
    }


if __name__ == "__main__":
    main()
