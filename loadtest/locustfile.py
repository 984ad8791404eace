"""Locust's entry: ``locust -f loadtest/locustfile.py --host http://127.0.0.1:8000 --scenario steady``."""

import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
from locust import LoadTestShape, events
from locust.env import Environment

sys.path.insert(0, str(Path(__file__).parents[1]))

from loadtest.recorder import Recorder
from loadtest.run import EAGERNESS, Run
from loadtest.scenarios import SCENARIOS
from loadtest.target import TargetRefused, check_target
from loadtest.visitors import Bot, Visitor
from recsys.arguments import above_zero, number, whole_number
from recsys.datasets import movielens
from recsys.simulation.markets import market_of

__all__ = ["Bot", "ScenarioShape", "Visitor"]

_SAMPLE_S = 0.1


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    var = Path(os.environ.get("FRESHET_VAR", "var"))
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), default="steady")
    parser.add_argument("--rate", type=above_zero, default=None, help="events a second with all visitors there")
    parser.add_argument(
        "--sockets", type=whole_number(1), default=None, help="visitors; by default one for each event a second"
    )
    parser.add_argument("--duration-s", type=above_zero, default=None)
    parser.add_argument("--lens", type=number(0, 1), default=0.5, help="share of visitors who have the lens open")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report-dir", type=Path, default=var / "loadtest")
    parser.add_argument("--movielens", type=Path, default=var / "data" / movielens.WHEEL)
    parser.add_argument("--allow-remote", action="store_true", help="load another machine than this one")


@events.init.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    options = environment.parsed_options
    scenario = SCENARIOS[options.scenario]
    site = (environment.host or "http://127.0.0.1:8000").rstrip("/")
    try:
        check_target(site, allow_remote=options.allow_remote)
    except TargetRefused as refusal:
        sys.stderr.write(f"loadtest: {refusal}\n")
        sys.exit(2)
    rate = options.rate or scenario.rate
    bots = round(1_000 * scenario.bots)
    Visitor.weight, Bot.weight = 1_000 - bots, bots
    # Locust has dropped by now who weighed nothing when this file was read, as bots do.
    environment.user_classes = [Visitor, Bot] if bots else [Visitor]
    found = market_of(options.movielens, options.seed, EAGERNESS)
    environment.freshet_run = Run(
        scenario=scenario,
        site=site,
        sockets=options.sockets or max(round(rate), 1),
        rate=rate,
        duration_s=options.duration_s or scenario.duration_s,
        lens=options.lens,
        recorder=Recorder(options.report_dir, scenario.name, len(found.factors.items)),
        market=found,
    )
    gevent.spawn(_watch_oneself, environment.freshet_run.recorder)


@events.test_start.add_listener
def _start(environment: Environment, **_: Any) -> None:
    run: Run = environment.freshet_run
    run.recorder.begin(run.begins_s)


@events.quitting.add_listener
def _end(environment: Environment, **_: Any) -> None:
    environment.freshet_run.recorder.finish()


def _watch_oneself(recorder: Recorder) -> None:
    """Take down how late this process wakes up: its own delays are part of all that it measures."""
    while True:
        wanted = time.perf_counter() + _SAMPLE_S
        gevent.sleep(_SAMPLE_S)
        recorder.sample(1_000 * (time.perf_counter() - wanted))


class ScenarioShape(LoadTestShape):
    """As many users as the scenario has by now."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and arrivals a second, None at the end."""
        run: Run = self.runner.environment.freshet_run
        return run.users()
