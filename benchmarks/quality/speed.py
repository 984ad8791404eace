"""How long a click and a query take, and how much memory the world needs, on a file of sessions or on generated ones.

Most clicks are only indexed, the last ones are folded as the learner does, and then the recommender is asked. A
catalogue of any size can so be had in minutes; what a query costs depends on the index, not on how it was filled.
"""

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.quality.freshet import Engine
from benchmarks.quality.measuring import Latencies, peak_rss_mb, resident_mb
from benchmarks.quality.ranking_metrics import LENGTH
from benchmarks.quality.session_lines import SessionLines, click_ms
from recsys.errors import DatasetError
from recsys.events import Click, ItemUpserted
from recsys.eviction import evict
from recsys.log.base import Record
from recsys.retrieval.neighbours import NO_SERIAL, index_click
from recsys.sessions import SessionContext

#: Sessions of one batch of records, and clicks that are folded one by one.
BATCH: Final = 500
SINGLE: Final = 2_000
#: Sessions that the recommender is asked about; they are not learned.
ASKED: Final = 3_000
#: Sessions generated at once; clicks of a session, and how far its items lie apart in the catalogue.
CHUNK: Final = 10_000
MEAN_CLICKS: Final = 5.0
NEARBY: Final = 12.0


class Sizes(NamedTuple):
    """What is generated where no file is given, and how many of the clicks are folded rather than only indexed."""

    items: int = 43_000
    clicks: int = 900_000
    learned: int = 100_000


def generated(sizes: Sizes, seed: int) -> Iterator[list[str]]:
    """Yield sessions without end: walks among neighbours in a catalogue where some are far more popular than others."""
    random = np.random.default_rng(seed)
    while True:
        lengths = 1 + random.geometric(1.0 / (MEAN_CLICKS - 1.0), CHUNK)
        starts = (sizes.items * random.random(CHUNK) ** 3).astype(np.int64)
        steps = np.rint(random.laplace(0.0, NEARBY, lengths.sum())).astype(np.int64)
        ends = np.cumsum(lengths)
        for start, end, length in zip(starts.tolist(), ends.tolist(), lengths.tolist(), strict=True):
            walk = (start + np.cumsum(steps[end - length : end])) % sizes.items
            yield [str(item) for item in walk.tolist()]


def measure(train: Path | None, sizes: Sizes, seed: int) -> dict[str, Any]:
    """Return the figures; times are the CPU time of the one thread, so other processes do not count.

    Raises
    ------
    DatasetError
        When the file can't be read, or there are too few clicks to fold any of them in a batch that counts.
    """
    if train is None:
        lines, clicks = generated(sizes, seed), sizes.clicks
    else:
        lines = (line.items for line in SessionLines(train))
        lengths = [len(line.items) for line in SessionLines(train)]
        clicks = sum(lengths[:-ASKED])
    run = _Run()
    before_mb = resident_mb()
    first = run.warm_up(lines) + SINGLE
    if clicks <= first:
        beside = f" before the last {ASKED} sessions of {train}" if train else ""
        raise DatasetError(f"expected more than the {first} clicks that are folded first{beside}, received {clicks}")
    clicks -= first
    indexed = run.index(lines, max(clicks - sizes.learned, 0))
    learned = run.fold(lines, clicks - indexed)
    single = run.fold_singly(lines)
    query, observed = run.ask(itertools.islice(lines, ASKED))
    began = time.thread_time()
    payload = run.engine.learner.snapshot()
    snapshot_s = time.thread_time() - began
    world = run.engine.learner.world
    items, began = len(world.catalogue), time.thread_time()
    evict(world)
    return {
        "task": "speed",
        "data": train.name if train else f"generated, seed {seed}",
        "items": items,
        "clicks": run.clicks,
        "clicks_learned": learned,
        "index_us_a_click": round(run.index_ns / 1_000 / max(indexed, 1), 2),
        "fold_us_a_click": round(run.fold_ns / 1_000 / max(learned, 1), 1),
        **_named(single, "fold_one"),
        **_named(query, "query"),
        **_named(observed, "observe"),
        "snapshot_s": round(snapshot_s, 2),
        "evict_us_an_item": round(1e6 * (time.thread_time() - began) / max(items - len(world.catalogue), 1), 1),
        "snapshot_mb": round(len(payload) / 2**20, 1),
        "resident_mb": run.resident_mb,
        "resident_mb_without_world": before_mb,
        "peak_rss_mb": peak_rss_mb(),
    }


def _named(latencies: Latencies, name: str) -> dict[str, float]:
    return {figure.replace("query", name): value for figure, value in latencies.figures().items()}


class _Run:
    """One engine, filled and then asked."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.clicks = 0
        self.index_ns = 0
        self.fold_ns = 0
        self.resident_mb = 0.0
        self._number = 0
        self._sequence = 0

    def index(self, lines: Iterator[list[str]], clicks: int) -> int:
        """Index sessions until there are so many clicks; return how many."""
        world, done = self.engine.learner.world, 0
        while done < clicks and (items := next(lines, None)) is not None:
            session = self._next(items)
            rows, key = [world.rows[item] for item in items], SessionContext(session).key
            began = time.thread_time_ns()
            serial = NO_SERIAL
            for row in rows:
                serial = index_click(world, serial, key, row)
            self.index_ns += time.thread_time_ns() - began
            done += len(items)
        return done

    def warm_up(self, lines: Iterator[list[str]]) -> int:
        """Fold a batch whose time does not count, so that what learning runs is there; return its clicks."""
        done = self.fold(lines, 1)
        self.fold_ns = 0
        return done

    def fold(self, lines: Iterator[list[str]], clicks: int) -> int:
        """Fold sessions in batches until there are so many clicks; return how many."""
        done = 0
        while done < clicks and (batch := list(itertools.islice(lines, BATCH))):
            records = [record for items in batch for record in self._records(items)]
            began = time.thread_time_ns()
            self.engine.learner.fold(records)
            self.fold_ns += time.thread_time_ns() - began
            done += len(records)
        return done

    def fold_singly(self, lines: Iterator[list[str]]) -> Latencies:
        """Fold `SINGLE` clicks, one at a time."""
        latencies, done = Latencies(), 0
        while done < SINGLE and (items := next(lines, None)) is not None:
            for record in self._records(items):
                began = time.thread_time_ns()
                self.engine.learner.fold([record])
                latencies.add(time.thread_time_ns() - began)
                done += 1
        return latencies

    def ask(self, lines: Iterable[list[str]]) -> tuple[Latencies, Latencies]:
        """Return how long a query took after each click of each session, and the session's own learning of the next."""
        engine, query, observed = self.engine, Latencies(), Latencies()
        for items in lines:
            name = self._next(items)
            session = engine.recommender.new_session(name)
            for place, item in enumerate(items):
                at_ms = click_ms(self._number, place)
                engine.clock.set(at_ms)
                if place:
                    began = time.thread_time_ns()
                    engine.recommender.next_items(session, LENGTH)
                    query.add(time.thread_time_ns() - began)
                click = Click(event_time_ms=at_ms, session=name, item=item)
                began = time.thread_time_ns()
                engine.recommender.observe(session, click)
                observed.add(time.thread_time_ns() - began)
        self.resident_mb = resident_mb()
        return query, observed

    def _records(self, items: list[str]) -> list[Record]:
        session = self._next(items)
        times = [click_ms(self._number, place) for place in range(len(items))]
        return [
            Record(f"{at_ms}-{place + 1}", Click(event_time_ms=at_ms, session=session, item=item), b"")
            for place, (at_ms, item) in enumerate(zip(times, items, strict=True))
        ]

    def _next(self, items: list[str]) -> str:
        """Begin a session: its items enter the catalogue where they are new; return its name."""
        self._number += 1
        world, at_ms = self.engine.learner.world, click_ms(self._number, 0)
        for item in items:
            if item not in world.rows:
                world.upsert_item(ItemUpserted(event_time_ms=at_ms, item=item, title=item))
        self.clicks += len(items)
        return f"session-{self._number}"
