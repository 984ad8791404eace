"""Bringing simulated visitors to the running site, seeing how they do, and sending them away."""

import secrets
import subprocess
import sys
from typing import Final

from django.conf import settings

from recsys.errors import FreshetError
from webapp import runs, wiring

MOST_PER_S: Final = 200
LONGEST_MINUTES: Final = 60
#: Names their board.
BOARD: Final = "visitors"

#: Children of this process; looked at so that those that ended leave nothing behind.
_children: Final[list["subprocess.Popen[bytes]"]] = []


class Run(runs.Run, frozen=True, kw_only=True):
    """Visitors that somebody brought.

    Attributes
    ----------
    rate : float
        Events a second that were asked for.
    begins_ms, ends_ms : int
        Wall clock; they leave by themselves.
    visitors : int
        Who are there now.
    events, clicks, visits : int
        What they did so far.
    failure : str
        Why they gave up.
    """

    rate: float
    begins_ms: int
    ends_ms: int
    visitors: int = 0
    events: int = 0
    clicks: int = 0
    visits: int = 0
    failure: str = ""


class NotAllowed(FreshetError):
    """This site takes no simulated visitors."""


class AlreadyThere(FreshetError):
    """Others are here already."""


def board() -> runs.Board[Run]:
    """Return where visitors leave word of themselves, and are told to leave."""
    return runs.Board(wiring.redis_client(), BOARD, Run)


def bring(rate: float, minutes: float, by: str) -> Run:
    """Start visitors in a process of their own; they leave by themselves.

    Raises
    ------
    NotAllowed
        Unless `FRESHET_SIMULATED_VISITORS` is set.
    AlreadyThere
        When some are here already.
    redis.RedisError
        When Redis is away.
    """
    if not settings.FRESHET_SIMULATED_VISITORS:
        raise NotAllowed("this site takes no simulated visitors: set FRESHET_SIMULATED_VISITORS=1, as the demo does")
    run = run_of(by, rate, minutes)
    if not board().claim(run):
        raise AlreadyThere("simulated visitors are here already; stop them first")
    _children[:] = [child for child in _children if child.poll() is None]
    # One word: an id may begin like an option does.
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "bring_visitors", f"--run={run.id}"]
    # In the session of the web process, so that both end together.
    _children.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
    return run


def run_of(by: str, rate: float, minutes: float) -> Run:
    """Return a run that begins now."""
    now_ms = wiring.clock().now_ms()
    return Run(id=secrets.token_urlsafe(6), by=by, rate=rate, begins_ms=now_ms, ends_ms=now_ms + int(60_000 * minutes))


def site_url() -> str:
    """Return the address at which this machine's web process listens."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.FRESHET_HOST, settings.FRESHET_HOST)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.FRESHET_PORT}"
