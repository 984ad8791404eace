"""What the server itself logs, lists shown and beginnings of visits: what the log does not take waits for it.

What is done on a list teaches only where the list stands before it in the log. So what waits goes ahead of whatever
this process logs next. Sending twice what was cut off is harmless: a list teaches once, however often the log has it.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Final

import structlog

from recsys.errors import LogUnavailable
from recsys.events import SessionEvent
from recsys.log.append_script import BATCH
from webapp import metrics, wiring
from webapp.feed.presence import WAIT_S
from webapp.loops import one_of_each_loop
from webapp.tracking.endings import when_ended

#: Events that wait in one process, some 3 kB each; beyond that the oldest are given up.
MOST_WAITING: Final = 2_000

_logger = structlog.get_logger(__name__)


class OwnLog:
    """Appends what the requests of one event loop make. A log that is slow or away holds nobody up for long.

    Where it hangs, one list waits to find out, and the others go on as soon as they stand in line.
    """

    def __init__(self) -> None:
        self._waiting: deque[SessionEvent] = deque()
        self._catching_up: asyncio.Task[None] | None = None
        self._hanging: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._dropped: set[str] = set()

    async def append(self, events: Sequence[SessionEvent]) -> None:
        """Append what waits, then `events`; those that the log does not take wait in their turn."""
        hangs = self._hanging is not None and not self._hanging.done()
        if not hangs:
            await self.catch_up()
        if self._waiting:
            self._keep(events)
        elif events:
            appended = self._begin(self._append(events))
            if not hangs:
                await self._for_a_while(appended)

    async def catch_up(self) -> None:
        """Append what waits: before anything that may have been done on it."""
        if self._waiting and self._catching_up is None:
            self._catching_up = self._begin(self._append_waiting())
        if self._catching_up is not None:
            await self._for_a_while(self._catching_up)

    def drop(self, session: str) -> None:
        """Let go of what waits of a session, and of what is under way and may come to wait."""
        self._waiting = deque(event for event in self._waiting if event.session != session)
        if self._under_way:
            self._dropped.add(session)

    async def _append(self, events: Sequence[SessionEvent]) -> None:
        self._keep(await _refused(events))

    async def _append_waiting(self) -> None:
        size = 1  # goes ahead: a log that is still away costs no more than that
        try:
            while self._waiting:
                run = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
                if refused := await _refused(run):
                    self._waiting.extendleft(reversed(self._wanted(refused)))
                    return
                size = BATCH
        finally:
            self._catching_up = None

    def _keep(self, events: Sequence[SessionEvent]) -> None:
        self._waiting.extend(self._wanted(events))
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            metrics.OWN_EVENTS_UNLOGGED.inc()

    def _wanted(self, events: Sequence[SessionEvent]) -> list[SessionEvent]:
        return [event for event in events if event.session not in self._dropped]

    def _begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return task

    async def _for_a_while(self, task: "asyncio.Task[None]") -> None:
        done, late = await asyncio.wait([task], timeout=WAIT_S)
        self._hanging = next(iter(late), self._hanging)
        for each in done:
            each.result()

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not self._under_way:
            self._dropped.clear()


async def _refused(events: Sequence[SessionEvent]) -> Sequence[SessionEvent]:
    """Append events; return those that the log did not take."""
    try:
        receipts = await wiring.async_event_log().append(events)
    except LogUnavailable as error:
        refused, reason = events, str(error)
    else:
        refused = [event for event, receipt in zip(events, receipts, strict=True) if receipt.outcome == "full"]
        reason = "the log is at its bound"
    if refused:
        _logger.warning("own_events_wait", events=len(refused), reason=reason)
    return refused


@one_of_each_loop
def own_log() -> OwnLog:
    """Return that of the event loop that is running."""
    return OwnLog()


@when_ended
def drop_what_waits(session: str) -> None:
    """Log nothing more of a session that its visitor ended."""
    own_log().drop(session)
