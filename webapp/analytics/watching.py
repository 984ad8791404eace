"""The live page's stream: server-sent events that resume where they broke off.

The id of each is the log's offset, which the browser sends back when it connects again. One watcher is one cursor: the
next lines are read only when the server has taken the last ones off our hands, so a slow browser costs a cursor, never
memory. Watchers are few (`WATCHERS`), and each connection ends after a while, so that a permission taken away takes
effect; the browser comes back by itself.
"""

import asyncio
import re
import weakref
from collections.abc import AsyncIterator
from typing import ClassVar, Final

import msgspec
import redis
import structlog

from recsys.errors import CorruptState, LogUnavailable
from recsys.log.archive import ArchiveLog
from recsys.offsets import Offset, offset_key
from webapp import stopping, wiring
from webapp.analytics.selectors import at_work
from webapp.analytics.tail import Entry, Tail, last_offset
from webapp.training.status import board

#: Connections that one process keeps at a time.
WATCHERS: Final = 20
#: How often new lines are looked for, and how many are sent at once.
LOOK_EVERY_S: Final = 0.2
AT_ONCE: Final = 500
#: How often the fold's lag is told.
FIGURES_EVERY_S: Final = 1.0
#: The longest that one connection lasts.
LASTS_S: Final = 600.0
#: After this much absence the lines missed are skipped, which is said.
SKIPS_AFTER_MS: Final = 600_000
#: How soon the browser tries again.
_RETRY_MS: Final = 1_000
_AWAY_S: Final = 2.0

_OFFSET: Final = re.compile(r"\d{1,16}-\d{1,10}", re.ASCII)
_logger = structlog.get_logger(__name__)
_encoder: Final = msgspec.json.Encoder()


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is told beside the lines. `lag_ms` is None before the first fold."""

    at_ms: int
    lag_ms: int | None


class Watch:
    """One connection of one who watches.

    Parameters
    ----------
    tail : Tail
    after : Offset
        Where the browser is.
    now_ms : int
        When it connected.
    """

    #: Who has a seat in this process: from when they come, for several may come before the first line is sent, until
    #: they leave. Of one who left before that nothing is kept, and so no seat either.
    _seated: ClassVar[weakref.WeakSet["Watch"]] = weakref.WeakSet()

    @classmethod
    def full(cls) -> bool:
        """Return whether every seat is taken."""
        return len(cls._seated) >= WATCHERS

    def __init__(self, tail: Tail, after: Offset, now_ms: int) -> None:
        self._seated.add(self)
        self._tail = tail
        self._after = after
        self._noted = f"{offset_key(after)[0] or now_ms}-0"
        self._now_ms = now_ms

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield the stream until it has lasted long enough, the browser is gone or the server told to stop."""
        try:
            yield b"retry: %d\n\n" % _RETRY_MS
            loop = asyncio.get_running_loop()
            ends, told = loop.time() + LASTS_S, 0.0
            while loop.time() < ends and not stopping.told():
                try:
                    lines, full = await asyncio.to_thread(self._look)
                    if loop.time() - told >= FIGURES_EVERY_S:
                        told = loop.time()
                        lines += await asyncio.to_thread(self._figures)
                except (LogUnavailable, redis.RedisError) as error:
                    _logger.debug("tail_away", error=str(error))
                    yield b"event: away\ndata: {}\n\n"
                    await stopping.pause(_AWAY_S)
                    continue
                if lines:
                    yield lines
                await stopping.pause(0 if full else LOOK_EVERY_S)
        finally:
            self._seated.discard(self)

    def _look(self) -> tuple[bytes, bool]:
        """Return what is new, and whether there is more at once."""
        skipped = self._skip()
        try:
            entries = self._tail.after(self._after, AT_ONCE)
        except CorruptState as error:
            _logger.warning("tail_damaged", error=str(error))
            return skipped + self._leave_out(ArchiveLog(wiring.archive_path()).end(), damaged=True), True
        self._after = last_offset(entries, self._after)
        noted = self._tail.noted(self._noted, AT_ONCE)
        if noted:
            self._noted = noted[-1].note
        return skipped + b"".join(map(_line, [*entries, *noted])), len(entries) == AT_ONCE

    def _figures(self) -> bytes:
        """Tell how far the fold is behind: what it said itself; once it is missed, how long the oldest event waits."""
        now_ms, status = wiring.clock().now_ms(), board().read()
        if status is None:
            figures = Figures(at_ms=now_ms, lag_ms=None)
        elif at_work(status.ran_ms, wiring.knobs().fold_every_ms, now_ms):
            figures = Figures(at_ms=status.ran_ms, lag_ms=status.lag_ms)
        else:
            waiting = self._tail.after(status.offset, 1)
            figures = Figures(at_ms=now_ms, lag_ms=max(0, now_ms - waiting[0].at_ms) if waiting else 0)
        return b"event: figures\ndata: %s\n\n" % _encoder.encode(figures)

    def _skip(self) -> bytes:
        """Leave out what is too long ago for a live page."""
        at_ms = offset_key(self._after)[0]
        if not at_ms or self._now_ms - at_ms <= SKIPS_AFTER_MS:
            return b""
        self._noted = f"{self._now_ms - SKIPS_AFTER_MS}-0"
        return self._leave_out(self._noted, damaged=False)

    def _leave_out(self, until: Offset, *, damaged: bool) -> bytes:
        """Go on after `until`, and say so; `damaged` where the archive, which has what lies between, can't be read."""
        missed, self._after = self._after, until
        told = {"after": missed, "until": until, "damaged": damaged}
        return b"event: skipped\ndata: %s\n\n" % _encoder.encode(told)


def offset_from(text: str) -> Offset | None:
    """Return the offset that a browser names, None when it is none."""
    return text if _OFFSET.fullmatch(text) else None


def _line(entry: Entry) -> bytes:
    name = b"id: %s\n" % entry.offset.encode() if entry.offset else b""
    return b"%sdata: %s\n\n" % (name, _encoder.encode(entry))
