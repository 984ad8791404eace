"""Who ranks for simulated visitors: the engine itself, or a cheap stand-in where only the log's shape matters."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, SessionEvent, SlateServed
from recsys.experiments.arms import arm_name
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.recommender import Recommender, warm_up
from recsys.sessions import Session
from recsys.simulation.market import Floats, Market
from recsys.simulation.visitors import SimulatedVisit

#: Time between two folds, in event time; the site's own default.
FOLD_EVERY_MS: Final = 500

#: The stand-in: how much fame, what the visit opened, and chance weigh.
_FAME: Final = 0.6
_FOLLOW: Final = 2.0
_CHANCE: Final = 0.7


class EnginePolicy:
    """The engine: its recommender ranks on the world that its learner folds, as the site's processes do.

    Parameters
    ----------
    config : EngineConfig
        With `learn_from_simulated`, or nothing is learned for everybody.
    history : iterable of Record
        Folded first: the catalogue, and what is known at the start.

    Attributes
    ----------
    learner : Learner
    """

    def __init__(self, config: EngineConfig, history: Iterable[Record]) -> None:
        warm_up(config)
        self.learner = Learner(config)
        self.learner.fold(history)
        self._clock = ManualClock()
        self._recommender = Recommender(config, lambda: self.learner.world, self._clock)
        self._sessions: dict[str, Session] = {}
        self._waiting: list[Record] = []

    def slate(self, visit: SimulatedVisit, name: str, now_ms: int, *, adaptive: bool) -> SlateServed:
        """Return what the engine would serve to that session now."""
        self._clock.set(now_ms)
        session = self._sessions.get(visit.session)
        if session is None:
            session = self._recommender.new_session(visit.session, adaptive=adaptive)
            self._sessions[visit.session] = session
        slate = self._recommender.for_you(session)
        return slate.event(name, visit.session, now_ms, arm=arm_name(adaptive), visitor=visit.visitor, simulated=True)

    def take(self, record: Record) -> None:
        """Let the session learn at once, and the world with the next fold."""
        if self._waiting and record.received_ms - self._waiting[0].received_ms >= FOLD_EVERY_MS:
            self.learner.fold(self._waiting)
            self._waiting = []
        self._waiting.append(record)
        if isinstance(record.event, SessionEvent):
            session = self._sessions.get(record.event.session)
            if session is not None:
                self._recommender.observe(session, record.event)

    def end(self, visit: SimulatedVisit) -> None:
        """Forget the session."""
        self._sessions.pop(visit.session, None)


class StandIn:
    """A hundred times cheaper than the engine: fame, the way to what the visit opened, and chance.

    For logs whose volume and shape matter (aggregates, archives), not for what can be said of the engine. It knows the
    market's item vectors, not what visitors want.
    """

    def __init__(self, market: Market, size: int, version: str) -> None:
        self._market, self._size, self._version = market, size, version
        self._random = np.random.default_rng((market.seed, 1))
        self._fame = _FAME * market.factors.fame
        spread = np.linalg.norm(market.factors.vectors, axis=1)
        self._vectors = market.factors.vectors / max(float(spread.mean()), 1e-9)
        self._wants: dict[str, Floats | None] = {}

    def slate(self, visit: SimulatedVisit, name: str, now_ms: int, *, adaptive: bool) -> SlateServed:
        """Return a list that follows the visit's clicks, or only fame in the control arm; signals are not logged."""
        scores = self._fame + _CHANCE * self._random.standard_normal(len(self._fame))
        wanted = self._wants.setdefault(visit.session, None)
        if adaptive and wanted is not None:
            scores += self._vectors @ wanted
        size = min(self._size, len(scores))
        best = np.argpartition(-scores, size - 1)[:size]
        best = best[np.argsort(-scores[best], kind="stable")]
        return SlateServed(
            event_time_ms=now_ms,
            session=visit.session,
            simulated=True,
            slate=name,
            surface="for_you",
            items=tuple(self._market.factors.items[place] for place in best.tolist()),
            arm=arm_name(adaptive),
            version=self._version,
            visitor=visit.visitor,
        )

    def take(self, record: Record) -> None:
        """Follow clicks, but those on the last list of a visit, which is over by then."""
        if isinstance(record.event, Click) and (session := record.event.session) in self._wants:
            (place,) = self._market.places([record.event.item])
            before, step = self._wants[session], _FOLLOW * self._vectors[place]
            self._wants[session] = step if before is None else 0.7 * before + 0.3 * step

    def end(self, visit: SimulatedVisit) -> None:
        """Forget what the visit opened."""
        self._wants.pop(visit.session, None)
