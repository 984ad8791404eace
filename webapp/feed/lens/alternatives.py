"""Lists that were never served: without adaptation, and without one thing that the visitor did. Nothing is logged."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from recsys.events import Click, Dismissal, Event
from recsys.sessions import Session
from recsys.sessions.portrait import portray
from webapp import wiring
from webapp.feed.lens import beliefs
from webapp.feed.lens.slopes import Slopes, slopes
from webapp.feed.presence import presence
from webapp.feed.returning import earlier_sessions
from webapp.tracking.consent import Visit

#: Events that are taken in before the event loop gets its turn: well under a millisecond each.
_AT_ONCE: Final = 4


@dataclasses.dataclass(frozen=True, slots=True)
class Deed:
    """A click or dismissal that could be taken back: its number among the session's events, and what it was."""

    number: int
    verb: str
    title: str


def twin(session: Session) -> Slopes:
    """Return the session's list beside the one that it would have without adaptation."""
    recommender = wiring.recommender()
    everybody = dataclasses.replace(session, adaptive=False)
    return slopes(recommender.for_you(session), recommender.for_you(everybody), wiring.replica().world)


def deeds(events: Sequence[Event]) -> list[Deed]:
    """Return what the visitor did that can be taken back, newest first."""
    world = wiring.replica().world
    return [
        Deed(
            number,
            "opened" if isinstance(event, Click) else "not for me",
            world.catalogue[world.rows[event.item]].title,
        )
        for number, event in reversed(list(enumerate(events)))
        if isinstance(event, Click | Dismissal) and event.item in world.rows
    ]


async def without(visit: Visit, events: Sequence[Event], number: int) -> dict[str, Any]:
    """Return what list and belief would be, had the event of that number not happened.

    The session is built anew from its other events, in small bites so that nobody waits for it; once more where rows
    were numbered anew meanwhile.
    """
    others = [event for at, event in enumerate(events) if at != number]
    while True:
        world = wiring.replica().world
        other, session = await rebuilt(visit, others), await presence().session(visit, up_to_date=False)
        if wiring.replica().world is world:
            break
    recommender = wiring.recommender()
    portrait, as_it_is = portray(world, other), portray(world, session)
    return {
        "slopes": slopes(recommender.for_you(session), recommender.for_you(other), world),
        "rows": beliefs.rows(portrait, as_it_is, beliefs.ROWS_FIRST),
        "reach": beliefs.reach(portrait, as_it_is),
    }


async def rebuilt(visit: Visit, events: Sequence[Event]) -> Session:
    """Return the visit's session as it would be if it had done `events`, and nothing else."""
    recommender, earlier = wiring.recommender(), await earlier_sessions(visit)
    while True:
        world = wiring.replica().world
        session = recommender.rebuild(visit.session, (), earlier, adaptive=visit.adaptive)
        for at, event in enumerate(events):
            if wiring.replica().world is not world:
                break  # its rows are not those that the session has by now
            recommender.observe(session, event)
            if at % _AT_ONCE == 0:
                await asyncio.sleep(0)
        else:
            return session


async def done(visit: Visit) -> Sequence[Event]:
    """Return what the visit's session did: from the log where it is logged, else from memory.

    Raises
    ------
    LogUnavailable
    """
    if visit.logged:
        return await wiring.async_event_log().session_events(visit.session)
    return presence().unlogged_events(visit.session)
