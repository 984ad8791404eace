"""What was believed at each step of a session: its events, observed on the world that made the list of that moment."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from recsys.clock import ManualClock
from recsys.errors import WorldGone
from recsys.events import Event, SessionBegan, SessionEvent, SlateServed
from recsys.experiments.arms import CONTROL
from recsys.offsets import Offset
from recsys.past import Past
from recsys.recommender import Recommender
from recsys.sessions import Session
from recsys.sessions.portrait import Portrait, portray
from recsys.world import World
from webapp import wiring

_SURFACE: Final = "for_you"


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


def steps(events: Sequence[Event]) -> list[Step]:
    """Return what happened in a session, with the list as logged at each step. Other lists are no steps."""
    found: list[Step] = []
    slate = before = None
    for taken, event in enumerate(events, start=1):
        if not isinstance(event, SessionEvent) or isinstance(event, SessionBegan):  # that has no list yet
            continue
        if isinstance(event, SlateServed):
            if event.surface != _SURFACE:
                continue
            slate, before = event, slate
        found.append(Step(len(found), taken, event, slate, before))
    return found


class Rebuilding:
    """One session on one world after the other, as its lists name them. Steps are asked for in order.

    Parameters
    ----------
    past : Past
    session : str
    events : sequence of Event
        All of the session, in log order.
    progress : callable
        As `recsys.past.Past.world_at` has it, and called after each of the session's events too.
    """

    def __init__(self, past: Past, session: str, events: Sequence[Event], progress: Callable[[int], None]) -> None:
        self._past = past
        self._name = session
        self._events = events
        self._progress = progress
        self._version: Offset = ""
        self._there: _There | Gone | None = None
        self._dead_end: Offset | None = None

    def portrait(self, step: Step) -> Portrait | Gone | None:
        """Return what was believed at a step, None before the first list.

        Raises
        ------
        ValueError
            When the list names no world but nonsense.
        """
        if step.slate is None:
            return None
        if not step.slate.version:
            return Gone("the list does not say which world made it")
        if self._there is None or step.slate.version != self._version:
            self._there = None  # a world is large: the one before goes first
            self._there, self._version = self._at(step.slate), step.slate.version
        if isinstance(self._there, Gone):
            return self._there
        return self._there.portrait(self._events, step.taken, self._progress)

    def _at(self, slate: SlateServed) -> "_There | Gone":
        try:
            start = self._past.start(slate.version)
            if start == self._dead_end:
                return Gone(f"the world of {slate.version} lies beyond another that is gone")
            self._dead_end = start
            world = self._past.world_at(slate.version, self._progress)
        except WorldGone as error:
            return Gone(str(error))
        self._dead_end = None
        return _There(world, self._name, adaptive=slate.arm != CONTROL)


class _There:
    """A session on one world, before anything of it was observed."""

    def __init__(self, world: World, session: str, *, adaptive: bool) -> None:
        self._world = world
        self._recommender = Recommender(wiring.config(), lambda: world, ManualClock(0))
        self._session: Session = self._recommender.new_session(session, adaptive=adaptive)
        self._taken = 0

    def portrait(self, events: Sequence[Event], taken: int, progress: Callable[[int], None]) -> Portrait:
        for event in events[self._taken : taken]:
            self._recommender.observe(self._session, event)
            progress(0)
        self._taken = taken
        return portray(self._world, self._session)
