"""Visits the running site with simulated visitors, until their time is over or somebody sends them away."""

import argparse
import asyncio
import secrets
import time
from typing import Any, Final

import msgspec
import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from recsys.arguments import above_zero
from recsys.datasets import movielens
from recsys.log.redis_client import trouble
from recsys.simulation.markets import market_of
from webapp import wiring
from webapp.numerals import counted
from webapp.runs import Board, PlaceTaken, State
from webapp.visitors.crowd import Crowd, SiteGone
from webapp.visitors.services import Run, board, run_of, site_url

_WORD_EVERY_S: Final = 1.0


class Command(BaseCommand):
    """Bring visitors from the terminal, or for a run that the staff page has begun."""

    help = "Visit the running site with simulated visitors; they leave by themselves."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare how many and for how long."""
        parser.add_argument("--rate", type=above_zero, default=20.0, help="events a second (default 20)")
        parser.add_argument("--minutes", type=above_zero, default=5.0, help="how long (default 5)")
        parser.add_argument("--run", default="", help="a run that the staff page has begun")

    def handle(self, *args: Any, **options: Any) -> None:
        """Visit, and leave word of it each second."""
        try:
            run = self._run(options)
            done = asyncio.run(visited(board(), run))
        except redis.RedisError as error:
            what = "has it room?" if isinstance(error, redis.ResponseError) else "is the site running?"
            raise CommandError(f"{trouble(error)} ({error}): {what}") from error
        except PlaceTaken as error:
            raise CommandError("others were brought meanwhile, for these left no word for too long") from error
        if done.state == "failed":
            raise CommandError(done.failure)
        told = [counted(done.events, "event"), counted(done.clicks, "click"), counted(done.visits, "visit")]
        self.stdout.write(f"{', '.join(told)}; {done.state}")

    def _run(self, options: dict[str, Any]) -> Run:
        if options["run"]:
            found = board().latest()
            if found is None or not found.goes_on or found.id != options["run"]:
                raise CommandError(f"expected the run {options['run']} that the staff page began, found none")
            return found
        if not settings.FRESHET_SIMULATED_VISITORS:
            raise CommandError("expected a site that takes simulated visitors: set FRESHET_SIMULATED_VISITORS=1")
        run = run_of("terminal", options["rate"], options["minutes"])
        if not board().claim(run):
            raise CommandError("simulated visitors are here already; send them away on the staff page first")
        return run


async def visited(words: Board[Run], run: Run) -> Run:
    """Let a crowd in, and leave word each second; return the last."""
    seed = secrets.randbelow(2**31)
    crowd = Crowd(
        site_url(),
        lambda: market_of(wiring.data_path() / movielens.WHEEL, seed),
        run.rate,
        as_by_https=settings.FRESHET_HTTPS,
    )
    left_s = (run.ends_ms - wiring.clock().now_ms()) / 1_000
    visiting = asyncio.create_task(crowd.run(time.monotonic() + left_s))
    state: State = "ended"
    while not visiting.done():
        words.post(_word(run, crowd, "running" if crowd.visits else "starting"))
        if words.is_asked_to_stop(run.id):
            state = "stopped"
            crowd.leave()
        await asyncio.wait([visiting], timeout=_WORD_EVERY_S)
    failure = ""
    try:
        await visiting
    except* SiteGone as gone:
        state, failure = "failed", str(gone.exceptions[0])
    done = _word(run, crowd, state, failure)
    words.post(done)
    return done


def _word(run: Run, crowd: Crowd, state: State, failure: str = "") -> Run:
    return msgspec.structs.replace(
        run,
        state=state,
        visitors=crowd.visitors,
        events=crowd.events,
        clicks=crowd.clicks,
        visits=crowd.visits,
        failure=failure,
    )
