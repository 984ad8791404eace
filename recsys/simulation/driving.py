"""Simulated visitors at a site without web: slates, what is done about them, and the log of it, in event time."""

import heapq
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Impression,
    ItemEvent,
    SessionEvent,
    SlateServed,
    encode,
)
from recsys.experiments.arms import ADAPTIVE, assign
from recsys.log.base import Record
from recsys.simulation.market import Market
from recsys.simulation.visitors import Action, SimulatedVisit

#: Share of the visits that the quietest and the busiest hour of the day have, against the mean.
DAILY_SWING: Final = 0.6
DAY_MS: Final = 86_400_000

_KINDS: Final[dict[str, type[Any]]] = {
    "impression": Impression,
    "click": Click,
    "dwell": Dwell,
    "dismissal": Dismissal,
    "dismissal_undone": DismissalUndone,
}


class Policy(Protocol):
    """Who makes the slates."""

    def slate(self, visit: SimulatedVisit, name: str, now_ms: int, *, adaptive: bool) -> SlateServed:
        """Return the visit's next "for you" slate, marked as simulated."""
        ...

    def take(self, record: Record) -> None:
        """Take in what was logged: slates and events of visits, in log order."""
        ...

    def end(self, visit: SimulatedVisit) -> None:
        """Forget a visit that is over."""
        ...


class Tally(NamedTuple):
    """What an arm came to: clicks on lists, out of lists looked at."""

    slates: int
    clicks: int


class _Due(NamedTuple):
    """What happens next: at the same time, in the order in which it was put down."""

    at_ms: int
    order: int
    visit: SimulatedVisit | None
    event: SessionEvent | None = None


class Drive:
    """Visitors who arrive, look, click, leave and return, and the log of it.

    Parameters
    ----------
    market : Market
    policy : Policy
    start_ms : int
        Time of the first arrival.
    visitors_per_day : float
        New visitors; more come by day than by night.
    control_share : float
        Of visitors who are not adapted to.
    ends_ms : int, optional
        Nobody arrives or returns after that.

    Attributes
    ----------
    arms : dict of arm to list of Tally
        By how often the visit had clicked before, so that curves by the n-th click can be drawn.
    """

    def __init__(
        self,
        market: Market,
        policy: Policy,
        *,
        start_ms: int,
        visitors_per_day: float,
        control_share: float = 0.1,
        ends_ms: int | None = None,
    ) -> None:
        self._market, self._policy = market, policy
        self._per_ms = visitors_per_day / DAY_MS
        self._control_share, self._ends_ms = control_share, ends_ms
        self._random = np.random.default_rng((market.seed, 0))
        self._due: list[_Due] = []
        self._order = self._visitors = self._slates = 0
        self._adaptive: dict[str, bool] = {}
        self.arms: dict[str, dict[int, Tally]] = {"adaptive": {}, "control": {}}
        self._put(start_ms, None)

    def records(self) -> Iterator[Record]:
        """Yield the log, one record after the other; endless unless arrivals end."""
        last_ms, sequence = -1, 0
        while self._due:
            due = heapq.heappop(self._due)
            event = self._happens(due)
            if event is None:
                continue
            sequence = sequence + 1 if due.at_ms == last_ms else 0
            last_ms = due.at_ms
            record = Record(f"{due.at_ms}-{sequence}", event, encode(event))
            self._policy.take(record)
            yield record

    def _happens(self, due: _Due) -> SessionEvent | None:
        if due.visit is None:
            self._arrival(due.at_ms)
            return None
        if due.event is not None:
            return due.event
        return self._look(due.visit, due.at_ms)

    def _arrival(self, at_ms: int) -> None:
        self._visitors += 1
        self._put(at_ms, self._begun(self._visitors, 0))
        by_day = 1.0 + DAILY_SWING * np.sin(2 * np.pi * (at_ms % DAY_MS / DAY_MS - 0.3))
        next_ms = at_ms + 1 + int(self._random.exponential(1.0 / (self._per_ms * by_day)))
        if self._ends_ms is None or next_ms < self._ends_ms:
            self._put(next_ms, None)

    def _begun(self, number: int, visit: int) -> SimulatedVisit:
        return SimulatedVisit(self._market, number, visit)

    def _look(self, visit: SimulatedVisit, at_ms: int) -> SlateServed:
        """Serve a slate, and put down what the visitor does about it and when they ask for the next."""
        adaptive = self._arm(visit)
        self._slates += 1
        slate = self._policy.slate(visit, f"sim-{self._slates}", at_ms, adaptive=adaptive)
        before = visit.clicks
        actions = visit.look(slate.items)
        self._count("adaptive" if adaptive else "control", before, visit.clicks - before)
        for action in actions:
            at_ms += action.after_ms
            self._put(at_ms, visit, _event(action, slate, at_ms))
        if visit.leaves() or not slate.items:
            self._leave(visit, at_ms)
        else:
            self._put(at_ms + visit.pause_ms(), visit)
        return slate

    def _leave(self, visit: SimulatedVisit, at_ms: int) -> None:
        self._adaptive.pop(visit.session, None)
        self._policy.end(visit)
        away_ms = visit.returns_after_ms()
        if away_ms is not None and (self._ends_ms is None or at_ms + away_ms < self._ends_ms):
            self._put(at_ms + away_ms, self._begun(visit.number, visit.visit + 1))

    def _arm(self, visit: SimulatedVisit) -> bool:
        found = self._adaptive.get(visit.session)
        if found is None:
            found = assign(visit.visitor, f"simulation-{self._market.seed}", self._control_share) == ADAPTIVE
            self._adaptive[visit.session] = found
        return found

    def _count(self, arm: str, nth: int, clicks: int) -> None:
        tally = self.arms[arm].get(nth, Tally(0, 0))
        self.arms[arm][nth] = Tally(tally.slates + 1, tally.clicks + clicks)

    def _put(self, at_ms: int, visit: SimulatedVisit | None, event: SessionEvent | None = None) -> None:
        self._order += 1
        heapq.heappush(self._due, _Due(at_ms, self._order, visit, event))


def _event(action: Action, slate: SlateServed, at_ms: int) -> ItemEvent:
    fields: dict[str, Any] = {
        "event_time_ms": at_ms,
        "session": slate.session,
        "simulated": True,
        "item": slate.items[action.position],
        "slate": slate.slate,
        "position": action.position,
    }
    if action.kind == "dwell":
        fields["dwell_ms"] = action.dwell_ms
    event: ItemEvent = _KINDS[action.kind](**fields)
    return event
