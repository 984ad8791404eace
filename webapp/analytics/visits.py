"""One session as staff see it: its sittings, and what was logged of it, step by step."""

import dataclasses
from collections.abc import Sequence
from typing import Final

import msgspec

from recsys.errors import LogUnavailable
from recsys.events import Dwell, Event, ItemEvent, SessionEvent, SlateServed, encode_json
from webapp import wiring
from webapp.analytics.models import SessionSitting
from webapp.analytics.tail import title

#: How a session came is logged before the first list, with which its sitting begins.
_ARRIVAL_MS: Final = 5_000


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
    """Return between when all events of a session's sittings were received; any time where there are none."""
    if not sittings:
        return 0, None
    return min(each.started_ms for each in sittings) - _ARRIVAL_MS, max(each.ended_ms for each in sittings)


def can_ask_live_log() -> bool:
    """Return whether the live log answers. Blocks."""
    try:
        wiring.event_log().length()
    except LogUnavailable:
        return False
    return True


def _row(number: int, event: SessionEvent) -> Logged:
    served = event if isinstance(event, SlateServed) else None
    about = event if isinstance(event, ItemEvent) else None
    return Logged(
        number=number,
        event_time_ms=event.event_time_ms,
        kind=event.tag(),
        item=about.item if about else "",
        title=title(about.item) if about else "",
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
