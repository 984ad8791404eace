"""The engine as a contender: the learner's fold, the recommender's sessions, and nothing of its own."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.contenders import Query, Shown
from recsys import features, ranking
from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, Event, Impression, ItemUpserted, SessionEvent, SlateServed
from recsys.layout import CONTEXT_START, TASTE_START
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.ranking.scoring import Scored
from recsys.recommender import Recommender, warm_up
from recsys.retrieval.candidates import candidates
from recsys.retrieval.top import top_rows
from recsys.sessions import Session, SessionBelief, SessionContext
from recsys.sessions.belief import prior_variance

HISTORY: Final = "history"


class Engine:
    """What both adapters share: a world that a learner folds, with offsets in log time."""

    def __init__(self) -> None:
        self.config = EngineConfig()
        warm_up(self.config)
        self.learner = Learner(self.config)
        self.recommender = Recommender(self.config, lambda: self.learner.world, ManualClock())
        self._last_ms = 0
        self._sequence = 0
        self._knowledge_ms = 0

    def fold(self, event: Event, at_ms: int) -> None:
        """Append an event to the log at `at_ms`, and fold it."""
        self._sequence = self._sequence + 1 if at_ms <= self._last_ms else 0
        self._last_ms = max(self._last_ms, at_ms)
        self.learner.fold([Record(f"{self._last_ms}-{self._sequence}", event, b"")])
        if isinstance(event, SessionEvent):
            self._knowledge_ms = max(self._knowledge_ms, event.event_time_ms)

    def knowledge_ms(self) -> int:
        """Return the time of the newest event folded."""
        return self._knowledge_ms

    def state_sha256(self) -> str:
        """Return the hash of the learner's snapshot."""
        return self.learner.state_sha256()

    def configuration(self) -> dict[str, Any]:
        """Return the engine's configuration."""
        return {"digest": self.config.digest(), **dataclasses.asdict(self.config)}


class EngineNextItem(Engine):
    """Predicts with retrieval and ranking as the site's home slate does, but for the draw.

    Parameters
    ----------
    last_click_only : bool
        Ablation: the session knows its last click and nothing before.
    session_belief : bool
        False is an ablation: what a session did is used, but moves no weights.
    """

    def __init__(self, *, last_click_only: bool = False, session_belief: bool = True) -> None:
        super().__init__()
        self._last_click_only = last_click_only
        self._session_belief = session_belief
        self._sessions: dict[str, Session] = {}

    def configuration(self) -> dict[str, Any]:
        """Return the engine's configuration and the ablation."""
        ablation = {"last_click_only": self._last_click_only, "session_belief": self._session_belief}
        return super().configuration() | ablation

    def learn(self, event: Event) -> None:
        """Fold the event; items that no catalogue announced enter with their first click."""
        if isinstance(event, Click) and event.item not in self.learner.world.rows:
            self.fold(
                ItemUpserted(event_time_ms=event.event_time_ms, item=event.item, title=event.item), event.event_time_ms
            )
        self.fold(event, event.event_time_ms)

    def trained(self, at_ms: int) -> None:
        """Do nothing: everything has been learned."""

    def observe(self, event: Event) -> None:
        """Move the session's context and belief."""
        if not isinstance(event, SessionEvent):
            return
        if self._last_click_only and isinstance(event, Click):
            self._sessions.pop(event.session, None)
        self.recommender.observe(self._session(event.session), event)

    def recommend(self, session: str, at_ms: int, k: int, *, repeats: bool) -> Sequence[str]:
        """Return the best of the candidates by score."""
        world, asked = self.learner.world, self._session(session)
        if not len(world.items):
            return []
        if not self._session_belief:
            asked = Session(asked.context, SessionBelief(prior_variance(world)))
        opened = np.fromiter(asked.context.opened, dtype=np.int64)
        rows = candidates(world, asked.context, at_ms)
        rows = np.union1d(rows, opened) if repeats else np.setdiff1d(rows, opened)
        scored = ranking.score(world, asked, rows, at_ms)
        return [world.catalogue[row].item for row in rows[top_rows(scored.scores, k)].tolist()]

    def end(self, session: str) -> None:
        """Forget the session."""
        self._sessions.pop(session, None)

    def _session(self, session: str) -> Session:
        return self._sessions.setdefault(session, self.recommender.new_session(session))


class EngineSlates(Engine):
    """Scores lists that were shown; the world learns the signals as they were when the list was scored.

    Parameters
    ----------
    adaptive : bool
        False is the control arm: context and belief are not used.
    session_belief : bool
        As in `EngineNextItem`.
    """

    logits = True

    def __init__(self, *, adaptive: bool = True, session_belief: bool = True) -> None:
        super().__init__()
        self._adaptive = adaptive
        self._session_belief = session_belief
        self._sessions: dict[str, Session] = {}
        self._served: dict[str, SlateServed] = {}

    def configuration(self) -> dict[str, Any]:
        """Return the engine's configuration and the ablation."""
        return super().configuration() | {"adaptive": self._adaptive, "session_belief": self._session_belief}

    def describe(self, item: ItemUpserted) -> None:
        """Fold an item into the catalogue."""
        self.fold(item, item.event_time_ms)

    def scored(self, query: Query) -> Scored:
        """Return the query's items with signals, design rows and scores; unknown items enter the catalogue first."""
        for item in query.items:
            if item not in self.learner.world.rows:
                self.fold(ItemUpserted(event_time_ms=query.at_ms, item=item, title=item), query.at_ms)
        world = self.learner.world
        session = self._session(query.visitor)
        if not self._session_belief:
            session = Session(session.context, SessionBelief(prior_variance(world)), self._adaptive)
        rows = np.array([world.rows[item] for item in query.items], dtype=np.int64)
        return ranking.score(world, session, rows, query.at_ms)

    def features(self, query: Query) -> NDArray[np.float32]:
        """Return what the ranking's features say of each item, shape (n, any), without where it stood: for peers."""
        design = self.scored(query).design
        return np.delete(design, np.s_[CONTEXT_START:TASTE_START], axis=1)

    def score(self, query: Query) -> Sequence[float]:
        """Return the ranking's logits."""
        scores: list[float] = self.scored(query).scores.tolist()
        return scores

    def observe(self, shown: Shown) -> None:
        """Let the visitor's session see the list, and click."""
        session, world = self._session(shown.visitor), self.learner.world
        rows = np.array([world.rows[item] for item in shown.items], dtype=np.int64)
        context = session.context if self._adaptive else SessionContext(shown.visitor)
        signals = features.signals(world, context, rows, shown.at_ms)
        served = SlateServed(
            event_time_ms=shown.at_ms,
            session=shown.visitor,
            slate=shown.slate,
            surface=HISTORY,
            items=shown.items,
            signals=signals.astype("<f4").tobytes(),
        )
        self._served[shown.slate] = served
        for event in _events(served, shown):
            self.recommender.observe(session, event)

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Fold the list, what was seen and what was clicked, now that the label delay has passed."""
        for event in _events(self._served.pop(shown.slate), shown):
            self.fold(event, at_ms)

    def _session(self, visitor: str) -> Session:
        return self._sessions.setdefault(visitor, self.recommender.new_session(visitor, adaptive=self._adaptive))


def _events(served: SlateServed, shown: Shown) -> list[Event]:
    about: dict[str, Any] = {"event_time_ms": shown.at_ms, "session": shown.visitor, "slate": shown.slate}
    places = {item: place for place, item in enumerate(shown.items)}
    return [
        served,
        *(Impression(**about, item=item, position=place) for item, place in places.items()),
        *(Click(**about, item=item, position=places[item]) for item in shown.clicked),
    ]
