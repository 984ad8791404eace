"""Redriving all dead letters: one run at a time (`webapp.runs`), on a thread of its own.

A run goes on whatever becomes of the page that began it, and every web process shows it. When it has broken off,
another one may begin, for trying twice is trying once.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
import redis
import structlog
from django.contrib.admin.models import CHANGE
from django.contrib.auth.models import User
from django.db import connection

from recsys.errors import FreshetError, LogUnavailable
from recsys.log.base import DeadLetter
from webapp import runs, wiring
from webapp.analytics import audit, letters
from webapp.analytics.models import StaffPage
from webapp.tracking.redriving import NotRedrivable

#: Names the board of these runs.
BOARD: Final = "redriving"
_WORD_EVERY_S: Final = 0.2
#: Visitors come first: after each letter the thread rests as long as it worked, but no longer than this.
_LONGEST_REST_S: Final = 0.02

_logger = structlog.get_logger(__name__)


class AlreadyGoing(FreshetError):
    """Somebody redrives all letters already."""


class Run(runs.Run, frozen=True, kw_only=True):
    """All letters, tried one after the other.

    Attributes
    ----------
    letters : int
        How many there were when it began.
    word_ms : int
        When it left word.
    tried, stay : int
        How many letters it has come to, and how many of those stay because they could not enter.
    outcomes : dict of outcome to int
        What became of the others' events.
    """

    letters: int
    word_ms: int
    tried: int = 0
    stay: int = 0
    outcomes: dict[str, int] = {}

    @property
    def told(self) -> str:
        """What became of the letters by then, in words.

        >>> Run(id="", by="ada", letters=3, word_ms=0, tried=3, stay=1, outcomes={"accepted": 2}).told
        '2 accepted; 1 of the letters stays'
        """
        stay = f"; {self.stay} of the letters {'stays' if self.stay == 1 else 'stay'}" if self.stay else ""
        return f"{letters.told(self.outcomes)}{stay}"


class Redriving:
    """A run that is being made.

    Parameters
    ----------
    run : Run
        As it begins; it is the one that is held.
    held : sequence of DeadLetter
        What is tried, in this order.
    entry : int
        The log entry that says in the end what became of it.
    """

    def __init__(self, run: Run, held: Sequence[DeadLetter], entry: int) -> None:
        self.run = run
        self._waiting = iter(held)
        self._entry = entry

    def start(self) -> threading.Thread:
        """Go on a thread of its own, which a server that stops does not wait for."""
        thread = threading.Thread(target=self._go_and_hang_up, name="redriving", daemon=True)
        thread.start()
        return thread

    def go(self) -> None:
        """Try one letter after the other, and leave word meanwhile and in the end. Blocks."""
        said_s = time.monotonic()
        try:
            while self.try_next():
                if time.monotonic() - said_s >= _WORD_EVERY_S:
                    self.leave_word()
                    said_s = time.monotonic()
            self._end("ended")
            self.leave_word()
        except (runs.PlaceTaken, LogUnavailable, redis.RedisError) as error:
            self._end("broken off")
            _logger.warning("redriving_broken_off", tried=self.run.tried, of=self.run.letters, error=str(error))

    def try_next(self) -> bool:
        """Try the next letter; return False when there is none. Raises `LogUnavailable`."""
        letter = next(self._waiting, None)
        if letter is None:
            return False
        began_s = time.perf_counter()
        stay, outcomes = self.run.stay, Counter(self.run.outcomes)
        try:
            redriven = letters.try_again(letter)
        except NotRedrivable:
            stay += 1
        else:
            outcomes.update(redriven.outcomes)
            stay += not redriven.gone
        self.run = msgspec.structs.replace(
            self.run, tried=self.run.tried + 1, stay=stay, outcomes=dict(sorted(outcomes.items()))
        )
        time.sleep(min(time.perf_counter() - began_s, _LONGEST_REST_S))
        return True

    def leave_word(self) -> None:
        """Let everybody know how far it has come, and go on holding the place.

        Raises
        ------
        PlaceTaken
            When it was silent for so long that another run has begun.
        redis.RedisError
            When Redis is away.
        """
        self.run = msgspec.structs.replace(self.run, word_ms=wiring.clock().now_ms())
        board().post(self.run)

    def _go_and_hang_up(self) -> None:
        """Go; the thread's own connection to the database ends with it."""
        try:
            self.go()
        finally:
            connection.close()

    def _end(self, state: runs.State) -> None:
        self.run = msgspec.structs.replace(self.run, state=state)
        tried = f"redriven, all {self.run.letters}" if state == "ended" else f"broke off after {self.run.tried}"
        audit.write_again(self._entry, f"{tried}: {self.run.told}")


def begin(user: User) -> Redriving:
    """Take the place of the one who redrives, and write down who does; then nothing but `Redriving.go` is missing.

    Raises
    ------
    AlreadyGoing
        When a run goes on.
    LogUnavailable, redis.RedisError
        When Redis is away; nothing has begun.
    """
    held = letters.letters()
    run = Run(
        id=secrets.token_urlsafe(6),
        by=user.get_username(),
        state="running",
        letters=len(held),
        word_ms=wiring.clock().now_ms(),
    )
    if not board().claim(run):
        raise AlreadyGoing("all letters are being redriven already")
    entry = audit.write_down(user, StaffPage, CHANGE, f"began to redrive all {len(held)}", "all dead letters")
    return Redriving(run, held, entry)


def board() -> runs.Board[Run]:
    """Return where these runs leave word."""
    return runs.Board(wiring.redis_client(), BOARD, Run)
