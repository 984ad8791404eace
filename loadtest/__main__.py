"""Run a scenario and write its report: ``python -m loadtest --scenario steady --rate 1000 --duration-s 600``."""

import argparse
import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import psutil

from benchmarks.running_demo import ROOT, RunningDemo
from loadtest.conservation import Conservation, check
from loadtest.document import document
from loadtest.figures import Watched, figures
from loadtest.recorder import read_acknowledged, read_measured
from loadtest.scenarios import SCENARIOS
from loadtest.stack import Stack, Watch, stack_of
from loadtest.target import check_listens, check_target
from recsys.arguments import above_zero, number, whole_number
from recsys.datasets import movielens
from recsys.errors import FreshetError
from recsys.log.base import records
from recsys.offsets import Offset
from webapp import settings

_ANSWER_S: Final = 3.0


class Site:
    """Where the load goes, the stack behind it where that is on this machine, and the history that tastes come from."""

    def __init__(self, url: str, stack: Stack | None, movielens: Path) -> None:
        self.url, self.stack, self.movielens = url, stack, movielens


def main() -> int:
    """Run; return 0 when every acknowledged event is in the log exactly once, 1 when not, 2 when nothing was run."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _site(arguments) as site:
            _make_folder(arguments.report_dir)
            report = run(arguments, site)
    except FreshetError as error:
        sys.stderr.write(f"loadtest: {error}\n")
        return 2
    finally:
        _end_children()
    sys.stdout.write(f"{_told(report)}\nreport: {arguments.report_dir / 'report.html'}\n")
    lost = report["conservation"]
    return 1 if lost is not None and (lost["lost"] or lost["doubled"]) else 0


def run(arguments: argparse.Namespace, site: Site) -> dict[str, Any]:
    """Load the site and write the report; return its figures."""
    begin = site.stack.log().end() if site.stack else ""
    generator = subprocess.Popen(_command(arguments, site), cwd=ROOT)
    try:
        watched = _watched(site.stack, generator)
    except BaseException:
        generator.terminate()
        generator.wait()
        raise
    if generator.returncode not in (0, 1):  # 1: Locust saw failed requests, which the report counts
        raise FreshetError(f"the generator ended with code {generator.returncode}; its last lines are above")
    conservation = _conservation(site.stack, arguments.report_dir, begin)
    measured = read_measured(arguments.report_dir)
    report = figures(measured, watched, conservation)
    (arguments.report_dir / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (arguments.report_dir / "report.html").write_text(document(report, measured, watched))
    return report


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FreshetError(f"the report can't be kept ({error}): name another folder with --report-dir") from None


def _told(report: dict[str, Any]) -> str:
    """Return the figures that matter first, a line each."""
    shown = ["scenario", "seconds", "sockets", "events_per_s", "ack_ms", "slate_ms", "fold_lag_ms_p99", "errors"]
    shown += ["acknowledged", "logged_once", "cpu_percent", "rss_mb"]
    return "\n".join(f"{name:>16}  {json.dumps(report[name])}" for name in shown)


def _watched(stack: Stack | None, generator: "subprocess.Popen[bytes]") -> Watched:
    if stack is None:
        generator.wait()
        return Watched()
    with Watch(stack, generator.pid) as watch:
        generator.wait()
    return Watched(watch.samples, watch.lag_ms)


def _conservation(stack: Stack | None, folder: Path, begin: Offset) -> Conservation | None:
    return None if stack is None else check(read_acknowledged(folder), records(stack.log(), begin, batch=5_000))


@contextlib.contextmanager
def _site(arguments: argparse.Namespace) -> Iterator[Site]:
    """Yield the site that was named, else the one that runs here, else a new one in a temporary folder."""
    url = arguments.host or f"http://127.0.0.1:{settings.FRESHET_PORT}"
    check_target(url, allow_remote=arguments.allow_remote)
    if arguments.host:
        check_listens(url)
    if arguments.host or _answers(url):
        yield Site(url, stack_of(url), arguments.movielens)
        return
    with tempfile.TemporaryDirectory(prefix="freshet-load-") as name:
        folder = Path(name)
        if arguments.movielens.is_file():
            (folder / "data").mkdir()
            shutil.copy(arguments.movielens, folder / "data")
        sys.stderr.write("loadtest: starting a stack\n")
        with RunningDemo(folder) as demo:
            # The new site has fetched what was not here.
            yield Site(demo.url, stack_of(demo.url), folder / "data" / movielens.WHEEL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=_ANSWER_S):
            return True
    except OSError:
        return False


def _command(arguments: argparse.Namespace, site: Site) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py"), "--headless"]
    command += ["--only-summary", "--loglevel", "WARNING", "--host", site.url, "--scenario", arguments.scenario]
    command += ["--report-dir", str(arguments.report_dir), "--movielens", str(site.movielens)]
    for option in ("rate", "sockets", "duration_s", "lens", "seed"):
        value = getattr(arguments, option)
        if value is not None:
            command += [f"--{option.replace('_', '-')}", str(value)]
    return command + (["--allow-remote"] if arguments.allow_remote else [])


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """End as by an error: what was started here must not go on."""
    raise SystemExit(128 + signum)


def _end_children() -> None:
    """End what a signal left running that came while it was started, before anybody held it."""
    children = psutil.Process().children()
    for child in children:
        child.terminate()
    psutil.wait_procs(children)


def _arguments() -> argparse.Namespace:
    told = "; ".join(f"{scenario.name}: {scenario.meaning}" for scenario in SCENARIOS.values())
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__, epilog=told)
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), default="steady")
    parser.add_argument(
        "--rate", type=above_zero, help="events a second with all visitors there (default: the scenario's)"
    )
    parser.add_argument("--sockets", type=whole_number(1), help="visitors (default: one for each event a second)")
    parser.add_argument("--duration-s", type=above_zero, help="length of what is measured (default: the scenario's)")
    parser.add_argument("--lens", type=number(0, 1), default=0.5, help="share of visitors who have the lens open")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--host", help="the site to load (default: the one that runs here, else a new one)")
    parser.add_argument("--allow-remote", action="store_true", help="load another machine, which must be yours")
    parser.add_argument("--report-dir", type=Path, default=settings.FRESHET_VAR / "loadtest")
    parser.add_argument("--movielens", type=Path, default=settings.FRESHET_VAR / "data" / movielens.WHEEL)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
