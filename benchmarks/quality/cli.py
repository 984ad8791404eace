"""The command: what to measure, on what, and where the figures go."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.quality import cold_start, registry, report, speed
from benchmarks.quality.history import HistoryTask
from benchmarks.quality.measuring import calibration_ms, machine, peak_rss_mb
from benchmarks.quality.next_item import NextItemTask
from benchmarks.quality.running import Measured, Task, measure_apart
from benchmarks.quality.slates import SlatesTask
from recsys.arguments import number, whole_number
from recsys.errors import DatasetError

_CACHE: Final = Path(__file__).resolve().parents[2] / "var" / "data"
_count: Final = whole_number(1)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 when a contender failed, 2 when the data can't be used."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if problem := _json_problem(arguments.json):
        parser.error(problem)
    if arguments.command in {"cold-start", "speed"}:
        return _measure_engine(arguments)
    kind = registry.SLATES if arguments.command == "slates" else registry.NEXT_ITEM
    try:
        names = registry.chosen(registry.ENGINES[kind], arguments.engines, "variant of the engine")
        names += registry.chosen(registry.PEERS[kind], arguments.peers, "peer")
    except registry.UnknownContender as error:
        parser.error(str(error))
    if not names:
        parser.error("expected something to measure: --engines and --peers are both none")
    return _run(_task(arguments, parser), kind, names, arguments.json, markdown=arguments.markdown)


def _run(task: Task, kind: str, names: list[str], file: Path | None, *, markdown: bool) -> int:
    before_ms = calibration_ms()
    results: list[Measured] = []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        results.append(measure_apart(task, kind, name))
        if results[-1].state == "no data":
            print(f"error: {results[-1].reason}", file=sys.stderr)
            return 2
        if results[-1].outcome is None:
            print(f"{name}: {results[-1].state}: {results[-1].reason}", file=sys.stderr)
    calibration = {"before_ms": before_ms, "after_ms": calibration_ms()}
    whole = report.as_json(task.describe(), results, machine(), calibration)
    print(report.as_text(whole, markdown=markdown))
    if file:
        file.write_text(json.dumps(whole, indent=2, allow_nan=False) + "\n")
    return 1 if any(result.state == "failed" for result in results) else 0


def _measure_engine(arguments: argparse.Namespace) -> int:
    """Run what measures the engine alone, in this process."""
    before_ms, began = calibration_ms(), time.perf_counter()
    try:
        if arguments.command == "speed":
            figures = speed.measure(arguments.train, speed.Sizes(arguments.items, arguments.clicks, arguments.learn), 1)
        else:
            figures = cold_start.measure(arguments.seed)
    except DatasetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    figures |= {"seconds": round(time.perf_counter() - began, 1), "peak_rss_mb": peak_rss_mb(), "machine": machine()}
    figures["calibration"] = {"before_ms": before_ms, "after_ms": calibration_ms()}
    print(report.engine_as_text(figures, markdown=arguments.markdown))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n")
    return 0


def _task(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> Task:
    if arguments.command == "history":
        return HistoryTask(arguments.dataset, arguments.cache, arguments.limit)
    if arguments.command == "slates":
        begin, end = getattr(arguments, "from"), arguments.to
        if begin >= end:
            parser.error(f"expected --from below --to, received {begin} and {end}")
        return SlatesTask(
            arguments.file, begin, end, arguments.label_delay_s, arguments.positions_known, arguments.shuffled
        )
    if (arguments.test is None) == (arguments.tail == 0):
        parser.error("expected either a TEST file or --tail N")
    return NextItemTask(
        arguments.train, arguments.test, arguments.mode, arguments.limit, arguments.tail, arguments.shuffled
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description="Measure recommendations on recorded data, beside peers."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    lines = "one session a line, item ids separated by spaces, lines in time order; .gz allowed"
    item = commands.add_parser("next-item", help="predict each next item of a session from those before it")
    item.add_argument("train", type=Path, metavar="TRAIN", help=lines)
    item.add_argument("test", type=Path, metavar="TEST", nargs="?", help="the sessions to predict, in the same form")
    item.add_argument("--mode", choices=("frozen", "learning"), required=True, help="what becomes of test clicks")
    item.add_argument("--limit", type=_count, default=0, metavar="N", help="predict the first N test sessions only")
    item.add_argument("--tail", type=_count, default=0, metavar="N", help="predict the last N sessions of TRAIN")
    slates = commands.add_parser("slates", help="score lists that were shown, before their clicks are known")
    slates.add_argument("file", type=Path, metavar="FILE", help="RankLens-shaped JSON lines; .gz allowed")
    slates.add_argument("--from", type=number(0, 1), default=0.5, metavar="FRACTION", help="of the lists; default 0.5")
    slates.add_argument("--to", type=number(0, 1), default=1.0, metavar="FRACTION", help="of the lists; default 1")
    slates.add_argument("--label-delay-s", type=number(0, 1e9), default=30.0, metavar="S", help="default 30")
    slates.add_argument("--positions-known", action="store_true", help="let scores use where each item stood")
    for command, what in ((item, "replace items by draws from the clicks so far"), (slates, "move clicks about lists")):
        command.add_argument("--shuffled", action="store_true", help=f"{what}: who finds something was told the future")
    history = commands.add_parser("history", help="predict each click of a whole history from what came before it")
    history.add_argument("dataset", metavar="DATASET", help="movielens, or a folder in the import format")
    history.add_argument("--limit", type=_count, default=0, metavar="N", help="predict the first N clicks only")
    history.add_argument("--cache", type=Path, default=_CACHE, help="where MovieLens lies, or is put")
    for command, kind in ((item, registry.NEXT_ITEM), (slates, registry.SLATES), (history, registry.NEXT_ITEM)):
        engines, peers = list(registry.ENGINES[kind]), list(registry.PEERS[kind])
        command.add_argument(
            "--engines", default=engines[0], metavar="NAMES", help=f"all, none or: {','.join(engines)}"
        )
        command.add_argument("--peers", default="none", metavar="NAMES", help=f"all, none or: {','.join(peers)}")
    cold = commands.add_parser("cold-start", help="new visitors, new items, an empty catalogue, returning visitors")
    cold.add_argument("--seed", type=_count, default=1, metavar="N", help="of the generated market; default 1")
    fast = commands.add_parser("speed", help="time a click and a query, and weigh the world")
    fast.add_argument("train", type=Path, metavar="TRAIN", nargs="?", help=f"{lines}; generated without")
    for name, default, what in (
        ("items", speed.Sizes().items, "items of the generated catalogue"),
        ("clicks", speed.Sizes().clicks, "generated clicks"),
        ("learn", speed.Sizes().learned, "of the clicks, the last so many are folded; the others are only indexed"),
    ):
        fast.add_argument(f"--{name}", type=_count, default=default, metavar="N", help=f"{what}; default {default}")
    for command in (item, slates, history, cold, fast):
        command.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
        command.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    return parser


def _json_problem(file: Path | None) -> str:
    """Return why the figures could not be written; it must not be found out after an hour."""
    if file is None or (file.parent.is_dir() and not file.is_dir()):
        return ""
    return f"--json {file}: expected a file in a folder that exists"
