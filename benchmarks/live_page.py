"""The live page under load, for as long as you like: ``python -m benchmarks.live_page [--minutes 30] [--rate 200]``.

Starts the demo in a temporary folder, opens the live page in Chromium, appends events at a steady rate, and breaks the
connection from time to time. Prints, as JSON, how soon events were on screen, whether any was missed or repeated,
and how the memory of server and browser moved. Exits with 1 when a bound is not kept (`BOUNDS`).
"""

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Final

import redis
from playwright.async_api import CDPSession, Page, async_playwright

from benchmarks.running_demo import RunningDemo, temporary_demo
from recsys.arguments import above_zero
from recsys.events import Click, Event, Impression, SlateServed
from recsys.log.redis import RedisLog
from webapp.redis_server import free_port

SLATE: Final = 12
SESSIONS: Final = 40
CLICKS: Final = 0.08
LOOK_EVERY_S: Final = 5.0
DROP_EVERY_S: Final = 45.0
DROPPED_S: Final = 4.0
#: What is on screen within this time after a drop is catching up, not keeping up.
SETTLED_S: Final = 15.0
BOUNDS: Final = {"missed": 0, "repeated": 0, "event_to_screen_p95_ms": 1_000, "growth_percent": 10}


class Line:
    """A proxy that can be cut: every connection through it ends, and none begins until it is mended."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._cut = False

    async def open(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    def cut(self) -> None:
        """End everything that is under way."""
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Let connections through again."""
        self._cut = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._writers |= {writer, far_writer}
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            self._writers -= {writer, far_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
    writer.close()


class Visits:
    """Events as visitors would make them, marked as simulated, without end."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._open: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._seq: dict[str, int] = {}

    def next(self) -> Event:
        """Return the next event: a slate now and then, impressions, and some clicks."""
        session, now_ms = f"live-page-{self._random.randrange(SESSIONS)}", time.time_ns() // 1_000_000
        seq = self._seq.get(session, 0) + 1
        if session not in self._open or self._random.random() < 1 / SLATE:
            items = tuple(str(item) for item in self._random.sample(range(1, 1_600), SLATE))
            slate = f"{session}-{self._random.getrandbits(60):x}"
            self._open[session] = slate, items
            return SlateServed(
                event_time_ms=now_ms, session=session, slate=slate, surface="for_you", items=items, simulated=True
            )
        slate, items = self._open[session]
        self._seq[session] = seq
        position = self._random.randrange(SLATE)
        kind = Click if self._random.random() < CLICKS else Impression
        return kind(
            event_time_ms=now_ms, session=session, seq=seq, item=items[position], slate=slate, position=position,
            simulated=True,
        )  # fmt: skip


def main() -> None:
    """Measure, report, and judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_page", description=__doc__)
    parser.add_argument("--minutes", type=above_zero, default=30.0)
    parser.add_argument("--rate", type=above_zero, default=200.0, help="events a second")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    with temporary_demo("freshet-live-") as demo:
        report = asyncio.run(measure(demo, arguments.minutes * 60, arguments.rate))
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(f"{text}\n")
    broken = [name for name, bound in BOUNDS.items() if report[name] > bound]
    if broken:
        sys.exit(f"not kept: {', '.join(f'{name} at most {BOUNDS[name]}' for name in broken)}")


async def measure(demo: RunningDemo, seconds: float, rate: float) -> dict[str, Any]:
    """Watch the page for so long, and return all figures."""
    line = Line(int(demo.url.rpartition(":")[2]))
    await line.open()
    client = redis.Redis(port=int((demo.folder / "valkey" / "port").read_text()))
    log = RedisLog(client, max_length=10_000_000)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page()
        await _sign_in(page, f"http://127.0.0.1:{line.port}", demo.password)
        watched = asyncio.create_task(_watch(page, demo, line, seconds))
        appended = await asyncio.to_thread(_append, log, rate, seconds)
        samples, drops = await watched
        await _caught_up(page, log)
        shown = await _dataset(page)
        await browser.close()
    return _report(samples, drops, shown, appended, seconds)


def _append(log: RedisLog, rate: float, seconds: float) -> int:
    """Append at that rate, catching up when behind; return how many events the log took."""
    visits, started, sent, taken = Visits(seed=1), time.monotonic(), 0, 0
    while (passed := time.monotonic() - started) < seconds:
        due = int(passed * rate) - sent
        taken += sum(receipt.outcome == "accepted" for receipt in log.append([visits.next() for _ in range(due)]))
        sent += due
        time.sleep(0.02)
    return taken


async def _watch(page: Page, demo: RunningDemo, line: Line, seconds: float) -> tuple[list[dict[str, Any]], int]:
    """Look at page, server and browser from time to time, cutting the line in between."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable")
    started, samples, drops, dropped_at = time.monotonic(), [], 0, -SETTLED_S
    while (passed := time.monotonic() - started) < seconds:
        if passed > (drops + 1) * DROP_EVERY_S - DROP_EVERY_S / 2:
            line.cut()
            await asyncio.sleep(DROPPED_S)
            line.mend()
            drops, dropped_at = drops + 1, time.monotonic() - started
        await asyncio.sleep(LOOK_EVERY_S)
        passed = time.monotonic() - started
        sample = {"second": round(passed), "settled": passed - dropped_at > SETTLED_S}
        samples.append(sample | await _browser(devtools) | await _delays(page) | _server(demo))
    return samples, drops


async def _browser(devtools: CDPSession) -> dict[str, float]:
    """Return what the browser holds once it has thrown away what it does not need."""
    await devtools.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in (await devtools.send("Performance.getMetrics"))["metrics"]}
    return {"browser_heap_mb": round(found["JSHeapUsedSize"] / 2**20, 2), "browser_nodes": found["Nodes"]}


async def _delays(page: Page) -> dict[str, float]:
    dataset = await _dataset(page)
    return {name: float(dataset[name]) for name in ("p50", "p95", "p99") if name in dataset}


async def _dataset(page: Page) -> dict[str, str]:
    found: dict[str, str] = await page.locator("[data-stream]").evaluate("element => ({...element.dataset})")
    return found


def _server(demo: RunningDemo) -> dict[str, float]:
    return {f"{role}_mb": resident for role, resident in demo.resident_mb().items()}


async def _sign_in(page: Page, url: str, password: str) -> None:
    await page.goto(f"{url}/staff/login/?next=/staff/live/")
    await page.get_by_label("Username").fill("staff")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_text("Following the log.").wait_for()
    await page.mouse.move(0, 0)  # the tail holds still under the pointer


async def _caught_up(page: Page, log: RedisLog) -> None:
    deadline = time.monotonic() + 30
    while (await _dataset(page)).get("last") != log.end() and time.monotonic() < deadline:
        await asyncio.sleep(0.2)


def _report(
    samples: list[dict[str, Any]], drops: int, shown: dict[str, str], appended: int, seconds: float
) -> dict[str, Any]:
    settled = [sample for sample in samples if sample["settled"] and "p95" in sample]
    half = [sample for sample in samples if sample["second"] >= seconds / 2]
    growth = {
        name: _growth([sample[name] for sample in half]) for name in ("browser_heap_mb", "browser_nodes", "web_mb")
    }
    return {
        "seconds": round(seconds),
        "events": appended,
        "events_per_s": round(appended / seconds, 1),
        "connection_cut": drops,
        "shown": int(shown["received"]),
        "missed": appended - int(shown["received"]),
        "repeated": int(shown["repeats"]),
        "event_to_screen_p50_ms": round(statistics.median(sample["p50"] for sample in settled)),
        "event_to_screen_p95_ms": round(max(sample["p95"] for sample in settled)),
        "growth_percent": max(growth.values()),
        "growth_by": growth,
        "first": samples[0],
        "last": samples[-1],
    }


def _growth(values: list[float]) -> float:
    """Return by how many percent the last third of the second half lies above its first third."""
    third = max(len(values) // 3, 1)
    before, after = statistics.mean(values[:third]), statistics.mean(values[-third:])
    return round(100 * (after / before - 1), 1)


if __name__ == "__main__":
    main()
