"""What a large described catalogue costs a request: ``python -m benchmarks.catalogue --items N [--json FILE]``.

N items are generated whose categories and tags are about as unevenly shared as those of shops are, and some clicks.
Then what is like an item is looked up with the content index and by comparing all, and the lists of the front page are
made. Prints JSON: microseconds of CPU time, what share of the `BEST` most alike items is found (those as much alike as
the last of them count, too), and how much alike what is found is on the whole, as a share of what could be had.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.quality.measuring import Latencies, calibration_ms, machine, resident_mb
from recsys import statistics
from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, ItemUpserted
from recsys.recommender import Recommender, warm_up
from recsys.retrieval import content, popular
from recsys.retrieval.top import positive_top_rows
from recsys.world import World

BEST: Final = 20
#: Items asked about, and slates made.
ASKED: Final = 200
SLATES: Final = 60
CLICKS: Final = 20_000
NOW_MS: Final = 1_700_000_000_000
CATEGORIES: Final = 24
TOPICS: Final = 200


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000, help=f"at least {BEST + 1}; default 100,000")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.items <= BEST:
        parser.error(f"expected more than {BEST} items, received {arguments.items}")
    text = json.dumps(measure(arguments.items, arguments.seed), indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


def generated(count: int, seed: int) -> Iterator[ItemUpserted]:
    """Yield items of topics that differ in size: a topic has categories and, beside those of all, tags of its own."""
    random, vocabulary = np.random.default_rng(seed), max(200, count // 4)
    for number in range(count):
        topic = int(TOPICS * random.random() ** 2)
        shelves = (CATEGORIES * random.random(random.integers(1, 4)) ** 3).astype(np.int64)
        ranks = np.exp(random.random(random.integers(3, 13)) * np.log(vocabulary)).astype(np.int64)
        shifts = np.where(random.random(len(ranks)) < 0.6, topic * 104_729, 0)
        yield ItemUpserted(
            event_time_ms=NOW_MS,
            item=str(number),
            title=f"item {number}",
            categories=tuple(dict.fromkeys(f"category {(topic * 7 + shelf) % CATEGORIES}" for shelf in shelves)),
            tags=tuple(dict.fromkeys(f"tag {tag}" for tag in (ranks * 7_919 + shifts) % vocabulary)),
            year=int(2025 - 75 * random.random() ** 2),
        )


def measure(items: int, seed: int) -> dict[str, Any]:
    """Return the figures."""
    config, random = EngineConfig(), np.random.default_rng(seed)
    warm_up(config)
    before_mb, world = resident_mb(), World(config)
    described = _timed(world.upsert_item, generated(items, seed))
    for row in (items * random.random(CLICKS) ** 3).astype(np.int64).tolist():
        world.serial += 1
        statistics.count(world, row, NOW_MS, clicks=1, begins=True)
    popular.refresh(world)
    filled_mb = resident_mb()
    began = time.thread_time()
    world.index_contents()
    anew_s = round(time.thread_time() - began, 2)
    return {
        "machine": machine(),
        "items": items,
        "calibration_ms": calibration_ms(),
        "resident_mb": round(filled_mb - before_mb, 1),
        "describe_us": _median(described),
        "index_anew_s": anew_s,
        **_alike(world, random.integers(0, items, ASKED).tolist()),
        **_front_page(config, world, random.integers(0, items, (SLATES, 3)).tolist()),
    }


def _alike(world: World, rows: list[int]) -> dict[str, float]:
    """Return how long it takes to look up what is like each row, with the index and without, and how good it is."""
    vectors = world.contents["content"]
    found, best = [], []

    def compare_all(row: int) -> None:
        likeness = content.cosines(vectors, np.arange(len(vectors)), vectors[row : row + 1])[:, 0].astype(np.float64)
        likeness[row] = 0.0
        best.append(likeness[positive_top_rows(likeness, BEST)])

    def look_up(row: int) -> None:
        found.append(content.similar(world, row, BEST))

    compared, looked_up = _timed(compare_all, rows), _timed(look_up, rows)
    likeness = [vectors[near] @ vectors[row] for row, near in zip(rows, found, strict=True)]
    enough = [np.count_nonzero(own >= most[-1] - 1e-6) / len(most) for own, most in zip(likeness, best, strict=True)]
    return {
        "compare_all_us_p50": _median(compared),
        **{name.replace("query", "similar"): value for name, value in looked_up.figures().items()},
        "recall_at_20": round(float(np.mean(enough)), 3),
        "likeness_share": round(float(np.concatenate(likeness).sum() / np.concatenate(best).sum()), 4),
    }


def _front_page(config: EngineConfig, world: World, clicks: list[list[int]]) -> dict[str, float]:
    """Return how long each list of the front page takes after three clicks of a session."""
    recommender = Recommender(config, lambda: world, ManualClock(NOW_MS + 60_000))
    sessions = []
    for number, rows in enumerate(clicks):
        session = recommender.new_session(f"session-{number}")
        for row in rows:
            click = Click(event_time_ms=NOW_MS + 60_000, session=f"session-{number}", item=world.catalogue[row].item)
            recommender.observe(session, click)
        sessions.append(session)
    shelves = [f"category {number}" for number in range(3)]
    lists: dict[str, Callable[[Any], Any]] = {
        "for_you": recommender.for_you,
        "trending": recommender.trending,
        "newest": recommender.newest,
        "three_categories": lambda session: recommender.categories(session, shelves),
    }
    medians = {name: _median(_timed(make, sessions)) for name, make in lists.items()}
    medians["rows_of_a_category"] = _median(_timed(world.category, shelves * SLATES))
    return {f"{name}_us_p50": median for name, median in medians.items()}


def _timed(work: Callable[[Any], Any], over: Iterable[Any]) -> Latencies:
    """Return how long the work on each took; making it ready does not count."""
    latencies = Latencies()
    for each in over:
        began = time.thread_time_ns()
        work(each)
        latencies.add(time.thread_time_ns() - began)
    return latencies


def _median(latencies: Latencies) -> float:
    return latencies.figures()["query_us_p50"]


if __name__ == "__main__":
    main()
