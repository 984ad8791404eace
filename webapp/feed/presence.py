"""Sessions of the visitors that this process serves: kept in memory, brought up to date from their events in Redis.

The events are the session; what stands here is a cache of what they add up to. Whichever process a visitor meets
next builds the same from the same events, on its own copy of the world.
"""

import asyncio
import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Final, Protocol

import structlog

from recsys.clock import Clock
from recsys.errors import LogUnavailable
from recsys.events import Event, ItemEvent, SessionEvent, SlateServed
from recsys.log.base import SESSION_EVENTS
from recsys.recommender import Recommender
from recsys.sessions import Session
from recsys.world import World
from webapp import wiring
from webapp.feed.returning import earlier_sessions
from webapp.tracking.consent import Visit

#: Sessions kept, each about 100 kB; the longest untouched gives way.
SESSIONS_KEPT: Final = 5_000
#: A session that is untouched for so long is let go; whoever comes back to it has it read from the log.
IDLE_KEPT_MS: Final = 120_000
#: Events that an unlogged session keeps in memory, to be built anew when the world is swapped.
UNLOGGED_EVENTS_KEPT: Final = 500
#: Events that an entry knows again by more than their number: more than a session's list in Redis has to tell of.
OTHERS_KNOWN: Final = 2 * SESSION_EVENTS
#: A page does not wait longer than this for what a session and its visitor's earlier ones did.
WAIT_S: Final = 1.0

_logger = structlog.get_logger(__name__)


class SessionLog(Protocol):
    """The part of the log that sessions are read from."""

    async def session_events(self, session: str) -> Iterable[Event]:
        """Return what the session did, in log order. Raises `LogUnavailable`."""
        ...


@dataclasses.dataclass(slots=True)
class _Entry:
    """A session as it stands here.

    `numbers` has a bit for each sequence number taken in, `others` the newest of what is not told by its number alone,
    oldest first: what has none, and all of a session that is not `logged`. Such a session's tabs store nothing, so
    they count each for itself, and the same number is of different events.
    """

    session: Session
    world: World
    logged: bool = True
    numbers: int = 0
    others: dict[Hashable, None] = dataclasses.field(default_factory=dict)
    touched_ms: int = 0
    complete: bool = False
    visitor: str = ""
    unlogged: list[SessionEvent] = dataclasses.field(default_factory=list)

    @property
    def is_new(self) -> bool:
        """Whether nothing was taken in yet."""
        return not (self.numbers or self.others)

    def note(self, event: SessionEvent) -> bool:
        """Note that an event is taken in; return whether it is news."""
        if event.seq:
            news = not self.numbers >> event.seq & 1
            self.numbers |= 1 << event.seq
            if self.logged:
                return news
        key = _identity(event)
        news = key not in self.others
        self.others[key] = None
        if len(self.others) > OTHERS_KNOWN:
            del self.others[next(iter(self.others))]
        return news


def _identity(event: SessionEvent) -> Hashable:
    """Return what tells an event from the session's others where its sequence number does not."""
    if isinstance(event, SlateServed):
        return event.slate
    # Sent again, an event has its number, and another time: what is told of it is its age.
    told_by = event.seq or event.event_time_ms
    return (event.tag(), event.item if isinstance(event, ItemEvent) else "", told_by)


class Presence:
    """The sessions of one process.

    Parameters
    ----------
    log : callable returning SessionLog
    recommender : callable returning Recommender
    world : callable returning World
        The replica's world by now; sessions are built anew when it is another object than they were built on.
    earlier : callable returning the events of a visit's earlier sessions
        Awaited when a session, or the visitor whose it is, is first met here.
    clock : callable returning Clock
    limit : int
        Sessions kept of those that are logged, and of those that are not.
    """

    def __init__(
        self,
        log: Callable[[], SessionLog],
        recommender: Callable[[], Recommender],
        world: Callable[[], World],
        earlier: Callable[[Visit], Awaitable[Sequence[Iterable[Event]]]],
        clock: Callable[[], Clock],
        limit: int = SESSIONS_KEPT,
    ) -> None:
        self._log = log
        self._recommender = recommender
        self._world = world
        self._earlier = earlier
        self._clock = clock
        self._limit = limit
        # Oldest first by when they were touched. Those without a log live nowhere else, so they are kept for longer.
        self._logged: OrderedDict[str, _Entry] = OrderedDict()
        self._unlogged: OrderedDict[str, _Entry] = OrderedDict()

    async def session(self, visit: Visit, *, up_to_date: bool = True) -> Session:
        """Return the visit's session.

        With `up_to_date`, what other processes logged for it is taken in first; without, only a session that is not
        here yet is read. When the log can't be reached, the session is what this process knows of it.
        """
        entry = self._entry(visit)
        # Whoever agrees to be recognised in the midst of a session is met anew: from then on it is one of theirs.
        met = entry.complete and visit.visitor in ("", entry.visitor)
        if visit.logged and (up_to_date or not met):
            earlier, events = await self._read(visit, met=met)
            if met and self._entry(visit) is not entry:  # the world was swapped meanwhile: the session is met anew
                earlier, events = await self._read(visit, met=False)
            entry = self._entry(visit)
            if earlier and entry.is_new:
                entry.session = self._recommender().rebuild(visit.session, (), earlier, adaptive=visit.adaptive)
            if events is not None:
                entry.complete, entry.visitor = True, visit.visitor or entry.visitor
                for event in events:
                    self._take(entry, event)
        return entry.session

    def observe(self, visit: Visit, events: Iterable[SessionEvent]) -> Session:
        """Let the visit's session learn from what just happened; each event counts once. Never waits."""
        entry = self._entry(visit)
        for event in events:
            if self._take(entry, event) and not visit.logged and len(entry.unlogged) < UNLOGGED_EVENTS_KEPT:
                entry.unlogged.append(event)
        return entry.session

    def here(self, visit: Visit) -> Session:
        """Return the visit's session as it stands here, a new one where it does not. Never waits."""
        return self._entry(visit).session

    def next_seq(self, session: str) -> int:
        """Return the lowest sequence number that this process has certainly not seen: for sessions without a log."""
        entry = self._unlogged.get(session)
        return max(entry.numbers.bit_length(), 1) if entry else 1

    def unlogged_events(self, session: str) -> list[SessionEvent]:
        """Return what a session did that is not logged, as far as it is kept in memory."""
        entry = self._unlogged.get(session)
        return list(entry.unlogged) if entry else []

    def forget(self, session: str) -> None:
        """Drop a session from memory."""
        self._logged.pop(session, None)
        self._unlogged.pop(session, None)

    def _entry(self, visit: Visit) -> _Entry:
        session, entries = visit.session, self._logged if visit.logged else self._unlogged
        entry = entries.pop(session, None)
        world = self._world()
        if entry is None or entry.world is not world:
            before = entry
            entry = _Entry(self._recommender().new_session(session, adaptive=visit.adaptive), world, visit.logged)
            for event in before.unlogged if before else ():
                self._take(entry, event)
                entry.unlogged.append(event)
        entries[session] = entry
        entry.touched_ms = self._clock().now_ms()
        self._let_go(self._logged, entry.touched_ms - IDLE_KEPT_MS)
        self._let_go(self._unlogged, entry.touched_ms - 1_000 * wiring.config().session_gap_s)
        return entry

    def _let_go(self, entries: "OrderedDict[str, _Entry]", untouched_since_ms: int) -> None:
        while entries:
            oldest = next(iter(entries))
            if len(entries) <= self._limit and entries[oldest].touched_ms >= untouched_since_ms:
                return
            del entries[oldest]

    def _take(self, entry: _Entry, event: Event) -> bool:
        if not isinstance(event, SessionEvent):
            return False
        if not entry.note(event):
            return False
        self._recommender().observe(entry.session, event)
        return True

    async def _read(self, visit: Visit, *, met: bool) -> tuple[Sequence[Iterable[Event]], Iterable[Event] | None]:
        """Return the events of the earlier sessions of one who is not `met`, and of this one, None if out of reach."""
        try:
            async with asyncio.timeout(WAIT_S):
                earlier = [] if met else await self._earlier(visit)
                return earlier, await self._log().session_events(visit.session)
        except (LogUnavailable, TimeoutError) as error:
            _logger.warning("session_not_read", error=str(error) or "timeout")
            return [], None


@functools.cache
def presence() -> Presence:
    """Return this process's sessions."""
    return Presence(
        wiring.async_event_log, wiring.recommender, lambda: wiring.replica().world, earlier_sessions, wiring.clock
    )
