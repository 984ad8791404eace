"""What is held about a session: for people to read, to download, and to have forgotten."""

import dataclasses
import datetime
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis
import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timesince

from recsys.errors import LogFull
from recsys.events import Dwell, Event, ItemEvent, SessionBegan, SessionEvent, SessionForgotten, SlateServed
from recsys.sessions import Session
from recsys.sessions.portrait import portray
from webapp import wiring
from webapp.feed.lens.journeys import journeys
from webapp.feed.lens.memory import lens_memory
from webapp.feed.presence import presence
from webapp.feed.returning import visitor_key
from webapp.feed.selectors import title
from webapp.numerals import counted
from webapp.tracking import services
from webapp.tracking.consent import Visit, begun_anew
from webapp.tracking.endings import end
from webapp.tracking.entry import told

#: Newest events that the page lists; the download has all.
LISTED: Final = 60

#: What happened, by its kind; where that is about films, films are counted: one that is seen in five lists is one.
_KINDS: Final = {
    "slate": "lists shown",
    "impression": "films seen",
    "click": "films opened",
    "dwell": "films read about",
    "dismissal": "“not for me”",
    "dismissal_undone": "taken back",
}
_logger = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One event as people read it."""

    at_ms: int
    what: str
    about: str


def context(visit: Visit, session: Session, events: Sequence[Event]) -> dict[str, Any]:
    """Return what ``lens/data.html`` needs."""
    mine = [event for event in events if isinstance(event, SessionEvent)]
    return {
        "kinds": _counted(mine),
        "events_held": len(mine),
        "came": next((told(event) for event in mine if isinstance(event, SessionBegan)), ""),
        "since_ms": mine[0].event_time_ms if mine else visit.at_ms,
        "entries": [_entry(event) for event in reversed(mine[-LISTED:])],
        "remembered": len(session.context.taste),
        "ready_for": _ready_for(visit),
    }


def _counted(events: Sequence[SessionEvent]) -> list[tuple[str, int]]:
    """Return how many there are of each kind that there is."""
    times = Counter(event.tag() for event in events)
    films = Counter(tag for tag, _ in {(event.tag(), event.item) for event in events if isinstance(event, ItemEvent)})
    return [
        (name, films[tag] if name.startswith("films ") else times[tag]) for tag, name in _KINDS.items() if times[tag]
    ]


def _ready_for(visit: Visit) -> str:
    """Return how long after its last event a session is at hand, in words."""
    seconds = settings.FRESHET_RECOGNISED_SESSION_TTL_S if visit.visitor else settings.FRESHET_SESSION_TTL_S
    began = timezone.now()
    return timesince(began, began + datetime.timedelta(seconds=seconds))


def download(visit: Visit, session: Session, events: Sequence[Event]) -> bytes:
    """Return everything that is held about the session, as JSON."""
    portrait = portray(wiring.replica().world, session)
    held = {
        "session": visit.session,
        "visitor": visit.visitor or None,
        "consent": visit.consent,
        "logged": visit.logged,
        "adaptive": visit.adaptive,
        "events": [event for event in events if isinstance(event, SessionEvent)],
        "believed": [
            {"taste": name, "mean": mean, "deviation": deviation}
            for name, mean, deviation in zip(
                portrait.names, portrait.mean.tolist(), portrait.deviation.tolist(), strict=True
            )
        ],
    }
    return msgspec.json.format(msgspec.json.encode(held), indent=1)


async def forget(visit: Visit) -> Visit:
    """Forget a session: log a tombstone, drop what is held for it here and in Redis; return the visit that follows.

    Raises
    ------
    LogFull, LogUnavailable
        Then nothing was forgotten.
    """
    if visit.logged:
        tombstone = SessionForgotten(
            event_time_ms=wiring.clock().now_ms(), session=visit.session, simulated=visit.simulated
        )
        (receipt,) = await wiring.async_event_log().append([tombstone])
        if receipt.outcome == "full":
            raise LogFull("the log is at its bound; try again when the learner has caught up")
    end(visit.session)
    if visit.logged:
        await services.forget(visit.session)
    presence().forget(visit.session)
    lens_memory().forget(visit.session)
    journeys().forget(visit.session)
    if visit.visitor:
        try:
            await wiring.async_redis().zrem(visitor_key(visit.visitor), visit.session)
        except redis.RedisError as error:
            _logger.warning("session_not_unlinked", error=str(error))
    return begun_anew(visit)


def _entry(event: SessionEvent) -> Entry:
    if isinstance(event, SessionBegan):
        return Entry(event.event_time_ms, "came here", told(event))
    what = _KINDS.get(event.tag(), event.tag())
    if isinstance(event, SlateServed):
        films = counted(len(event.items), "film")
        return Entry(event.event_time_ms, "list shown", f"{event.surface.replace('_', ' ')}, {films}")
    about = title(wiring.replica().world, event.item) if isinstance(event, ItemEvent) else ""
    if isinstance(event, Dwell):
        about = f"{about}, {event.dwell_ms / 1_000:.0f} s"
    return Entry(event.event_time_ms, what.replace("films ", ""), about)
