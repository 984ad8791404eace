"""One session as staff see it: its sittings, and what was logged of it, step by step."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from recsys.errors import CorruptState, LogUnavailable
from recsys.events import Dwell, Event, ItemEvent, SessionEvent, SlateServed, encode_json
from recsys.log.archive import ArchiveLog
from recsys.offsets import Offset
from webapp import wiring
from webapp.analytics.models import AggregateProgress, SessionSitting
from webapp.feed.selectors import title

#: How a session came is logged before the first list, with which its sitting begins.
_ARRIVAL_MS: Final = 5_000
#: Searches of the archive that are remembered: pages ask again and again.
_SEARCHES: Final = 32

_logger = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What could be read of a session.

    Attributes
    ----------
    events : sequence of Event
        In log order. Empty when neither its own list nor the archive has it: it never was, was forgotten, or is so
        young or so old that it lies between the two.
    away : bool
        Whether the live log could not be asked.
    damage : str
        Why the archive could not be read; empty where it was, or was not needed.
    """

    events: Sequence[Event]
    away: bool = False
    damage: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Logged:
    """One event of the session, flat.

    Attributes
    ----------
    number : int
        From 1, in log order.
    position : int or None
        From 0, on its slate.
    items : int or None
        How many a slate had; `explored` of them by chance.
    """

    number: int
    event_time_ms: int
    kind: str
    item: str
    title: str
    slate: str
    surface: str
    position: int | None
    items: int | None
    explored: int | None
    dwell_ms: int | None
    arm: str
    version: str
    seq: int


def logged(events: Sequence[Event]) -> list[Logged]:
    """Return a session's events as rows."""
    return [_row(number, event) for number, event in enumerate(events, start=1) if isinstance(event, SessionEvent)]


def as_json(session: str, events: Sequence[Event]) -> bytes:
    """Return a JSON document of everything logged of a session, each event on a line as recorded logs have it."""
    lines = b",\n".join(encode_json(event) for event in events)
    return b'{"session":' + msgspec.json.encode(session) + b',"events":[\n' + lines + b"\n]}\n"


def sittings(session: str) -> list[SessionSitting]:
    """Return the sittings of a session, newest first."""
    return list(SessionSitting.objects.filter(session=session).order_by("-started_ms"))


def received(sittings: Sequence[SessionSitting]) -> tuple[int, int | None]:
    """Return between when a session's events were received: where it has no sittings, after all that is counted."""
    if not sittings:
        progress = AggregateProgress.so_far()
        return (progress.counted_ms + 1 if progress else 0), None
    return min(each.started_ms for each in sittings) - _ARRIVAL_MS, max(each.ended_ms for each in sittings)


def found(session: str, since_ms: int, until_ms: int | None) -> Found:
    """Return what a session did: from its own list, else from that part of the archive. Blocks."""
    held: Sequence[Event] = []
    away = False
    try:
        held = wiring.event_log().session_events(session)
    except LogUnavailable as error:
        _logger.warning("session_not_read", error=str(error))
        away = True
    if held:
        return Found(held)
    try:
        return Found(_archived(session, since_ms, until_ms, ArchiveLog(wiring.archive_path()).end()), away)
    except CorruptState as error:
        return Found([], away, str(error))


@functools.lru_cache(maxsize=_SEARCHES)
def _archived(session: str, since_ms: int, until_ms: int | None, end: Offset) -> Sequence[Event]:
    """Return what the archive up to `end` holds of a session. Raises `CorruptState`."""
    return ArchiveLog(wiring.archive_path()).session_events(session, since_ms, until_ms)


def _row(number: int, event: SessionEvent) -> Logged:
    served = event if isinstance(event, SlateServed) else None
    about = event if isinstance(event, ItemEvent) else None
    return Logged(
        number=number,
        event_time_ms=event.event_time_ms,
        kind=event.tag(),
        item=about.item if about else "",
        title=title(wiring.replica().world, about.item) if about else "",
        slate=served.slate if served else about.slate if about else "",
        surface=served.surface if served else "",
        position=about.position if about and about.slate else None,
        items=len(served.items) if served else None,
        explored=len(served.explored) if served else None,
        dwell_ms=event.dwell_ms if isinstance(event, Dwell) else None,
        arm=served.arm if served else "",
        version=served.version if served else "",
        seq=event.seq,
    )
