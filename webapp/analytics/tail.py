"""The newest events as staff watch them: what each was, and what became of it.

What the log holds was accepted, or came too late to teach anything; what it does not hold (duplicates, refusals) is
told by the notes of `webapp.tracking.edge`. Places in the tail are the log's offsets, so that whoever lost the
connection goes on where they were.
"""

import functools
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec
import redis

from recsys.errors import CorruptState, LogUnavailable
from recsys.events import Event, ItemEvent, ItemRemoved, ItemUpserted, SessionEvent, SlateServed
from recsys.log.archive import ArchiveLog
from recsys.log.base import Log, Reader, Record
from recsys.log.whole import WholeLog
from recsys.offsets import Offset, offset_key
from webapp import wiring
from webapp.analytics.templatetags.figures import counted
from webapp.feed.selectors import title
from webapp.tracking.edge import Note, notes_after
from webapp.tracking.refusals import REASONS

#: Slates whose time is remembered by one process; who served an older one is asked of its session.
SLATES: Final = 50_000

_LATE: Final = "came after the window of its slate had closed: teaches nothing"
_UNREADABLE: Final = "not an event of a schema that this version knows"


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the tail.

    Attributes
    ----------
    offset : Offset
        Its place in the log; empty for what the log does not hold.
    note : str
        Id of the note, where it is one.
    at_ms : int
        Receive time.
    outcome : str
        ``accepted``, ``late``, ``unreadable``, or an outcome of `webapp.tracking.edge.OUTCOMES`.
    why : str
        Empty where there is nothing to explain.
    kind, session, position
        As in the event.
    title : str
        Of its item; of a slate, how many it has.
    count : int
        How many events the line stands for.
    explored : int
        Slots that chance filled, of a slate.
    simulated : bool
    """

    offset: Offset = ""
    note: str = ""
    at_ms: int
    outcome: str
    why: str = ""
    kind: str = ""
    session: str = ""
    title: str = ""
    position: int = -1
    count: int = 1
    explored: int = 0
    simulated: bool = False


class SlateTimes:
    """When slates were served, for as many as fit; shared by all who watch. Safe to use from several threads."""

    def __init__(self, log: Log, size: int = SLATES) -> None:
        self._log = log
        self._size = size
        self._served: OrderedDict[str, int | None] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, slate: str, served_ms: int | None) -> None:
        """Remember when a slate was served; None where nobody knows."""
        with self._lock:
            self._served[slate] = served_ms
            if len(self._served) > self._size:
                self._served.popitem(last=False)

    def of(self, event: ItemEvent) -> int | None:
        """Return when the event's slate was served; None when it has none, or its session is forgotten."""
        if not event.slate:
            return None
        if event.slate not in self._served:
            served = {
                each.slate: each.event_time_ms
                for each in self._events_of(event.session)
                if isinstance(each, SlateServed)
            }
            self.note(event.slate, served.get(event.slate))
        return self._served.get(event.slate)

    def _events_of(self, session: str) -> Sequence[Event]:
        try:
            return self._log.session_events(session)
        except LogUnavailable as error:
            # The rest of the log can be followed all the same.
            if isinstance(error.__cause__, CorruptState):
                return []
            raise


class Tail:
    """Reads the tail for one who watches. Blocks; raises `LogUnavailable` and `redis.RedisError`."""

    def __init__(self, live: Log, whole: Reader, client: redis.Redis, slates: SlateTimes, window_ms: int) -> None:
        self._live = live
        self._whole = whole
        self._client = client
        self._slates = slates
        self._window_ms = window_ms

    def newest(self, limit: int) -> list[Entry]:
        """Return the last lines of the live log, oldest first."""
        return [self._entry(record) for record in self._live.newest(limit)]

    def after(self, offset: Offset, limit: int) -> list[Entry]:
        """Return the lines that follow `offset`, without a gap: what is archived by now comes from there."""
        return [self._entry(record) for record in self._whole.read(offset, limit)]

    def noted(self, after: str, limit: int) -> list[Entry]:
        """Return what the log does not hold, after a note's id."""
        return [_noted(name, note) for name, note in notes_after(self._client, after, limit)]

    def _entry(self, record: Record) -> Entry:
        event = record.event
        if event is None:
            return Entry(
                offset=record.offset, at_ms=record.received_ms, outcome="unreadable", why=_UNREADABLE, kind="unknown"
            )
        late = False
        if isinstance(event, SlateServed):
            self._slates.note(event.slate, record.received_ms)
        elif isinstance(event, ItemEvent):
            served_ms = self._slates.of(event)
            late = served_ms is not None and record.received_ms - served_ms >= self._window_ms
        item = event.item if isinstance(event, ItemEvent | ItemUpserted | ItemRemoved) else ""
        length = counted(len(event.items), "item") if isinstance(event, SlateServed) else ""
        return Entry(
            offset=record.offset,
            at_ms=record.received_ms,
            outcome="late" if late else "accepted",
            why=_LATE if late else "",
            kind=event.tag(),
            session=event.session if isinstance(event, SessionEvent) else "",
            title=title(wiring.replica().world, item) if item else length,
            position=event.position if isinstance(event, ItemEvent) and event.slate else -1,
            explored=len(event.explored) if isinstance(event, SlateServed) else 0,
            simulated=isinstance(event, SessionEvent) and event.simulated,
        )


def _noted(name: str, note: Note) -> Entry:
    return Entry(
        note=name,
        at_ms=note.at_ms,
        outcome=note.outcome,
        why=f"{note.reason}: {REASONS.get(note.reason, '')}" if note.reason else "",
        session=note.session,
        count=note.count,
        simulated=note.simulated,
    )


@functools.cache
def slate_times() -> SlateTimes:
    """Return what this process knows of slates."""
    return SlateTimes(wiring.event_log())


def tail() -> Tail:
    """Return a tail of its own for one who watches: an archive that is being read is no one else's."""
    live = wiring.event_log()
    return Tail(
        live,
        WholeLog(ArchiveLog(wiring.archive_path()), live),
        wiring.redis_client(),
        slate_times(),
        wiring.config().attribution_window_s * 1_000,
    )


def last_offset(entries: Sequence[Entry], otherwise: Offset) -> Offset:
    """Return the place after the last of these lines."""
    return max((entry.offset for entry in entries if entry.offset), key=offset_key, default=otherwise)
