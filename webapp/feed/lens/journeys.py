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
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from django.conf import settings

from recsys.errors import FreshetError
from recsys.events import Event
from recsys.past import Past
from recsys.sessions.portrait import Portrait
from webapp import wiring
from webapp.feed.lens.rebuilding import Gone, Rebuilding, steps
from webapp.training.lineage import code_version
from webapp.training.services import whole_log

#: Sessions whose rebuilt beliefs are kept, and that may wait for it at once.
JOURNEYS_KEPT: Final = 32
WORKING_LIMIT: Final = 4
#: The thread works for this long, then leaves the event loop as long as it took, but no longer than the other.
_WORK_S: Final = 0.001
_LONGEST_REST_S: Final = 0.005
#: After this time without work the last world goes: it takes as much memory as the one that serves.
_HELD_S: Final = 60.0

_logger = structlog.get_logger(__name__)


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


class Journeys:
    """Rebuilds beliefs of sessions, one after the other on a thread of its own, and keeps the last ones.

    The thread is a daemon: a server that stops does not wait for what somebody wanted to look back at.

    Parameters
    ----------
    past : callable returning Past
        Called on the thread.
    held_s : float
        How long the last world is held while nothing is wanted.
    """

    def __init__(self, past: Callable[[], Past], held_s: float = _HELD_S) -> None:
        self._past = past
        self._held_s = held_s
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
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], None] | None:
        """Wait for what is wanted next, None to end; let the last world go when that takes long."""
        try:
            return self._wanted.get(timeout=self._held_s)
        except queue.Empty:
            self._past().let_go()
            return self._wanted.get()

    def _rebuild(self, beliefs: Beliefs, session: str, events: Sequence[Event]) -> None:
        began_s = time.perf_counter()

        def rest(folded: int) -> None:
            nonlocal began_s
            beliefs.folded += folded
            worked_s = time.perf_counter() - began_s
            if worked_s >= _WORK_S:
                time.sleep(min(worked_s, _LONGEST_REST_S))
                began_s = time.perf_counter()

        try:
            rebuilding = Rebuilding(self._past(), session, events, rest)
            for step in steps(events)[len(beliefs.portraits) :]:
                beliefs.portraits.append(rebuilding.portrait(step))
        except (FreshetError, OSError, ValueError) as error:
            _logger.warning("journey_not_rebuilt", session=session, error=str(error))
            beliefs.portraits.append(Gone(str(error)))
        finally:
            beliefs.working = False


@functools.cache
def journeys() -> Journeys:
    """Return this process's journeys."""
    return Journeys(_past)


@functools.cache
def _past() -> Past:
    return Past(wiring.config(), code_version(), wiring.snapshots(), whole_log(), settings.FRESHET_LENS_FARTHEST_EVENTS)
