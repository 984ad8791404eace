"""A session's past: what it did, each slate as it was logged, and what was believed of it then.

The slates come from the log and are never made anew. The belief is rebuilt on the world that each slate names as its
version (`recsys.past`), which takes a while: it happens on one thread beside the event loop, and pages ask again.
"""

import dataclasses
import functools
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog
from django.conf import settings

from recsys.clock import ManualClock
from recsys.errors import FreshetError, LogUnavailable, WorldGone
from recsys.events import Event, SessionEvent, SlateServed
from recsys.experiments.arms import CONTROL
from recsys.log.archive import ArchiveLog
from recsys.offsets import Offset
from recsys.past import Past
from recsys.recommender import Recommender
from recsys.sessions.portrait import Portrait, portray
from webapp import wiring
from webapp.training.services import whole_log

#: Sessions whose rebuilt beliefs are kept, and that may wait for it at once.
JOURNEYS_KEPT: Final = 32
WORKING_LIMIT: Final = 4
#: Time left to the event loop after each few records, in seconds.
_REST_S: Final = 0.002

_SURFACE: Final = "for_you"
_logger = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened in a session, and the list that stood before the visitor then.

    Attributes
    ----------
    number : int
        From 0, in log order.
    taken : int
        How many of the session's events had happened then, this one and those that are no steps included.
    event : SessionEvent
    slate : SlateServed or None
        The newest "for you" list logged up to here.
    before : SlateServed or None
        The one before that.
    """

    number: int
    taken: int
    event: SessionEvent
    slate: SlateServed | None
    before: SlateServed | None


@dataclasses.dataclass(frozen=True, slots=True)
class Gone:
    """What can't be rebuilt any more, and why."""

    reason: str


@dataclasses.dataclass(slots=True)
class Beliefs:
    """What was believed at each step, as far as it has been rebuilt.

    Attributes
    ----------
    portraits : list
        By step: a `Portrait`, `Gone`, or None before the first list.
    working : bool
    folded : int
        Records folded for it so far.
    """

    first: Event | None
    portraits: list[Portrait | Gone | None] = dataclasses.field(default_factory=list)
    working: bool = False
    folded: int = 0


def steps(events: Sequence[Event]) -> list[Step]:
    """Return what happened in a session, with the list as logged at each step. Other lists are no steps."""
    found: list[Step] = []
    slate = before = None
    for taken, event in enumerate(events, start=1):
        if not isinstance(event, SessionEvent):
            continue
        if isinstance(event, SlateServed):
            if event.surface != _SURFACE:
                continue
            slate, before = event, slate
        found.append(Step(len(found), taken, event, slate, before))
    return found


def session_events(session: str) -> Sequence[Event]:
    """Return what a session did, in log order: from its own list, else from the archive. Blocks.

    Empty when neither has it: it never was, was forgotten, or is so young or so old that it lies between the two.
    """
    try:
        held = wiring.event_log().session_events(session)
    except LogUnavailable as error:
        _logger.warning("session_not_read", error=str(error))
        held = []
    return held or _archived(session, ArchiveLog(wiring.archive_path()).end())


@functools.lru_cache(maxsize=JOURNEYS_KEPT)
def _archived(session: str, end: Offset) -> Sequence[Event]:
    """Return what the archive up to `end` holds of a session: looked for once, for pages ask again and again."""
    return ArchiveLog(wiring.archive_path()).session_events(session)


class Journeys:
    """Rebuilds beliefs of sessions, one after the other on a thread of its own, and keeps the last ones.

    The thread is a daemon: a server that stops does not wait for what somebody wanted to look back at.

    Parameters
    ----------
    past : callable returning Past
        Called on the thread.
    """

    def __init__(self, past: Callable[[], Past]) -> None:
        self._past = past
        self._kept: OrderedDict[str, Beliefs] = OrderedDict()
        self._wanted: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="lens-past", daemon=True)

    def beliefs(self, session: str, events: Sequence[Event]) -> Beliefs:
        """Return what has been rebuilt of a session's beliefs by now, and set going what is missing. Never blocks.

        While too many sessions wait, nothing is begun; asking again will.
        """
        first = events[0] if events else None
        found = self._kept.pop(session, None)
        if found is None or found.first != first:
            found = Beliefs(first)
        self._kept[session] = found
        if len(self._kept) > JOURNEYS_KEPT:
            self._kept.popitem(last=False)
        working = sum(each.working for each in self._kept.values())
        if not found.working and working < WORKING_LIMIT and len(found.portraits) < len(steps(events)):
            found.working = True
            if self._thread.ident is None:
                self._thread.start()
            self._wanted.put(functools.partial(self._rebuild, found, session, list(events)))
        return found

    def forget(self, session: str) -> None:
        """Drop what was rebuilt of a session."""
        self._kept.pop(session, None)

    def close(self) -> None:
        """End the thread when all that waits is done; for tests."""
        self._wanted.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while (work := self._wanted.get()) is not None:
            work()

    def _rebuild(self, beliefs: Beliefs, session: str, events: Sequence[Event]) -> None:
        def rest(folded: int) -> None:
            beliefs.folded += folded
            time.sleep(_REST_S)

        try:
            for portrait in _portraits(self._past(), session, events, len(beliefs.portraits), rest):
                beliefs.portraits.append(portrait)
        except (FreshetError, OSError, ValueError) as error:
            _logger.warning("journey_not_rebuilt", session=session, error=str(error))
            beliefs.portraits.append(Gone(str(error)))
        finally:
            beliefs.working = False


def _portraits(
    past: Past, session_id: str, events: Sequence[Event], done: int, progress: Callable[[int], None]
) -> Iterator[Portrait | Gone | None]:
    """Yield the portrait at each step after the first `done`: of the session as rebuilt on the list's own version."""
    version, taken, session, recommender, dead_end = "", 0, None, None, None
    for step in steps(events)[done:]:
        if step.slate is None:
            yield None
            continue
        if not step.slate.version:
            yield Gone("the list does not say which world made it")
            continue
        start = past.start(step.slate.version)
        if start == dead_end:
            yield Gone(f"the world of {step.slate.version} lies beyond another that is gone")
            continue
        try:
            world = past.world_at(step.slate.version, progress)
        except WorldGone as error:
            dead_end = start
            yield Gone(str(error))
            continue
        if session is None or recommender is None or step.slate.version != version:
            recommender = Recommender(wiring.config(), lambda world=world: world, ManualClock(0))  # type: ignore[misc]
            session = recommender.new_session(session_id, adaptive=step.slate.arm != CONTROL)
            version, taken = step.slate.version, 0
        for event in events[taken : step.taken]:
            recommender.observe(session, event)
        taken = step.taken
        yield portray(world, session)
        progress(0)


@functools.cache
def journeys() -> Journeys:
    """Return this process's journeys."""
    return Journeys(_past)


@functools.cache
def _past() -> Past:
    return Past(wiring.config(), wiring.snapshots(), whole_log(), settings.FRESHET_LENS_FARTHEST_EVENTS)
