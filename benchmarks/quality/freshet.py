"""The engine as a contender: the learner's fold, the recommender's sessions, and nothing of its own."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.contenders import Query, Shown
from recsys import ranking
from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, Event, Impression, ItemEvent, ItemUpserted, SessionEvent, SlateServed
from recsys.examples import HISTORY, Example
from recsys.layout import CONTEXT_START, NUMBER_START, WIDTH
from recsys.learner import Learner
from recsys.learning import Learning
from recsys.log.base import Record
from recsys.open_sessions import OpenSession
from recsys.packing import pack
from recsys.ranking.scoring import Scored
from recsys.recommender import Recommender, warm_up
from recsys.sessions import Session, SessionBelief
from recsys.sessions.belief import prior_variance

#: Column of a design row for where an item stood: the logarithm of 1 + position, position 0 is the top.
POSITION: Final = CONTEXT_START


class Engine:
    """What both adapters share: a world that a learner folds, with offsets in log time, and sessions upon it.

    Parameters
    ----------
    config : EngineConfig, optional
        The default configuration, which is what quality is claimed for, unless given.
    """

    def __init__(self, config: EngineConfig | None = None) -> None:
        self.start(config or EngineConfig())

    def start(self, config: EngineConfig) -> None:
        """Begin with a world and sessions that know nothing."""
        self.config = config
        warm_up(config)
        self.clock = ManualClock()
        self.learner = Learner(config)
        self.recommender = Recommender(config, lambda: self.learner.world, self.clock)
        self.sessions: dict[str, Session] = {}
        self._last_ms = 0
        self._sequence = 0
        self._knowledge_ms = 0

    def fold(self, event: Event, at_ms: int) -> None:
        """Append an event to the log at `at_ms`, and fold it."""
        self._sequence = self._sequence + 1 if at_ms <= self._last_ms else 0
        self._last_ms = max(self._last_ms, at_ms)
        evictions = self.learner.world.evictions
        self.learner.fold([Record(f"{self._last_ms}-{self._sequence}", event, b"")])
        if self.learner.world.evictions != evictions:
            self.sessions.clear()  # what they name by row is other items now
        if isinstance(event, ItemEvent):
            self._knowledge_ms = max(self._knowledge_ms, event.event_time_ms)

    def resume(self, other: "Engine") -> None:
        """Go on where another engine of the same configuration stands, from its snapshot."""
        self.learner = Learner.from_snapshot(self.config, other.learner.snapshot())
        self._last_ms, self._sequence, self._knowledge_ms = other._last_ms, other._sequence, other._knowledge_ms

    def announce(self, item: str, at_ms: int) -> None:
        """Let an item that no catalogue describes enter with its first appearance."""
        if item not in self.learner.world.rows:
            self.fold(ItemUpserted(event_time_ms=at_ms, item=item, title=item), at_ms)

    def session(self, session: str, *, adaptive: bool = True) -> Session:
        """Return the session of this name, a new one where there is none."""
        if session not in self.sessions:
            self.sessions[session] = self.recommender.new_session(session, adaptive=adaptive)
        return self.sessions[session]

    def unlearned(self, session: Session) -> Session:
        """Return the session with all that it did, and weights that are everybody's."""
        return Session(session.context, SessionBelief(prior_variance(self.learner.world)), session.adaptive)

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
    """Predicts with the retrieval and the ranking of the site's home slate, but for the draw and its diversity.

    Parameters
    ----------
    last_click_only : bool
        Ablation: the session knows its last click and nothing before.
    session_learning : bool
        False is an ablation: what a session did is used, but moves no weights.
    """

    def __init__(self, *, last_click_only: bool = False, session_learning: bool = True) -> None:
        super().__init__()
        self._last_click_only = last_click_only
        self._session_learning = session_learning

    def configuration(self) -> dict[str, Any]:
        """Return the engine's configuration and the ablation."""
        ablation = {"last_click_only": self._last_click_only, "session_learning": self._session_learning}
        return super().configuration() | ablation

    def learn(self, event: Event) -> None:
        """Fold the event; items that no catalogue announced enter with their first click."""
        if isinstance(event, Click):
            self.announce(event.item, event.event_time_ms)
        self.fold(event, event.event_time_ms)

    def trained(self, at_ms: int) -> None:
        """Do nothing: everything has been learned."""

    def observe(self, event: Event) -> None:
        """Move the session's context and belief."""
        if not isinstance(event, SessionEvent):
            return
        if self._last_click_only and isinstance(event, Click):
            self.end(event.session)
        self.clock.set(event.event_time_ms)
        self.recommender.observe(self.session(event.session), event)

    def recommend(self, session: str, at_ms: int, k: int, *, repeats: bool) -> Sequence[str]:
        """Return what the recommender holds most likely to be clicked next."""
        world, asked = self.learner.world, self._asked(session, at_ms)
        opened = () if repeats else asked.context.opened
        found = self.recommender.next_items(asked, k + len(opened)).tolist()
        return [world.catalogue[row].item for row in found if row not in opened][:k]

    def candidates(self, session: str, at_ms: int) -> Scored:
        """Return what is retrieved for the session, as the ranking sees it: for peers."""
        return self.recommender.candidates(self._asked(session, at_ms))

    def _asked(self, name: str, at_ms: int) -> Session:
        self.clock.set(at_ms)
        session = self.session(name)
        return session if self._session_learning else self.unlearned(session)

    def end(self, session: str) -> None:
        """Forget the session."""
        self.sessions.pop(session, None)


class EngineSlates(Engine):
    """Scores lists that were shown; sessions and world learn the signals as they were when the list was scored.

    The label delay is the engine's attribution window: what was not clicked by then is taken for not clicked.

    Parameters
    ----------
    adaptive : bool
        False is the control arm: what the visitor did is not used.
    session_learning : bool
        As in `EngineNextItem`.
    """

    logits = True

    def __init__(self, *, adaptive: bool = True, session_learning: bool = True) -> None:
        super().__init__()
        self._adaptive = adaptive
        self._session_learning = session_learning
        self._signals: dict[str, dict[str, NDArray[np.float32]]] = {}
        self._delay_ms = 0

    def begin(self, label_delay_s: float) -> None:
        """Start anew, with windows that close when the label delay has passed."""
        self.start(dataclasses.replace(self.config, attribution_window_s=max(math.ceil(label_delay_s), 1)))
        self._delay_ms = round(label_delay_s * 1_000)

    def configuration(self) -> dict[str, Any]:
        """Return the engine's configuration and the ablation."""
        return super().configuration() | {"adaptive": self._adaptive, "session_learning": self._session_learning}

    def describe(self, item: ItemUpserted) -> None:
        """Fold an item into the catalogue."""
        self.fold(item, item.event_time_ms)

    def scored(self, query: Query) -> Scored:
        """Return the query's items as the ranking sees them; unknown items enter the catalogue first."""
        for item in query.items:
            self.announce(item, query.at_ms)
        self.clock.set(query.at_ms)
        world, session = self.learner.world, self.session(query.visitor, adaptive=self._adaptive)
        if not self._session_learning:
            session = self.unlearned(session)
        rows = np.array([world.rows[item] for item in query.items], dtype=np.int64)
        scored = ranking.score(world, session, rows, query.at_ms)
        self._signals[query.slate] = dict(zip(query.items, scored.signals, strict=True))
        return scored

    def features(self, query: Query) -> NDArray[np.float32]:
        """Return what the ranking's features say of each item, shape (n, any), without where it stood: for peers."""
        return without_context(self.scored(query).design)

    def score(self, query: Query) -> Sequence[float]:
        """Return the ranking's logits, with what the world has learned of positions where these are known."""
        logits = self.scored(query).scores
        if query.positions:
            logits = logits + self.learner.world.model.weight_mean()[POSITION] * np.log1p(query.positions)
        scores: list[float] = logits.tolist()
        return scores

    def observe(self, shown: Shown) -> None:
        """Let the visitor's session see the list, and click."""
        signals = self._signals.pop(shown.slate)
        served = SlateServed(
            event_time_ms=shown.at_ms,
            session=shown.visitor,
            slate=shown.slate,
            surface=HISTORY,
            items=shown.items,
            signals=pack(np.stack([signals[item] for item in shown.items])),
        )
        # The world knows what it showed; what became of that it learns later.
        self.fold(served, shown.at_ms)
        for event in (served, *_events(shown)):
            self.recommender.observe(self.session(shown.visitor, adaptive=self._adaptive), event)

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Fold what was seen and clicked, as received in the last moment before the list's window closes."""
        for event in _events(shown):
            self.fold(event, shown.at_ms + max(self._delay_ms - 1, 0))


def overhear(note: Callable[[Example], None]) -> None:
    """Let `note` know each example that a fold learns, right before it does, for the rest of this process.

    The engine has no ear for this, so it is listened to from outside; nothing else is measured in a peer's process.
    """
    learn = Learning.learn

    def noted(learning: Learning, example: Example, session: OpenSession | None) -> None:
        note(example)
        learn(learning, example, session)

    Learning.learn = noted


def without_context(design: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return design rows at their full width, without how an item was shown: for peers."""
    table = np.zeros((len(design), WIDTH), dtype=np.float32)
    table[:, : design.shape[1]] = design
    return np.delete(table, np.s_[CONTEXT_START:NUMBER_START], axis=1)


def _events(shown: Shown) -> list[ItemEvent]:
    about: dict[str, Any] = {"event_time_ms": shown.at_ms, "session": shown.visitor, "slate": shown.slate}
    places = {item: place for place, item in enumerate(shown.items)}
    return [
        *(Impression(**about, item=item, position=place) for item, place in places.items()),
        *(Click(**about, item=item, position=places[item]) for item in shown.clicked),
    ]
