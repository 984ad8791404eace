"""Retrieve, rank, serve: one slate per call, for one session."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import ranking
from recsys.clock import Clock
from recsys.config import EngineConfig
from recsys.events import Event, SessionEvent
from recsys.ranking import Slate
from recsys.ranking.scoring import Scored
from recsys.recommender import observing
from recsys.retrieval import content, fresh, neighbours, trending
from recsys.retrieval.candidates import retrieve
from recsys.retrieval.members import Members
from recsys.retrieval.starters import starters
from recsys.retrieval.top import top_rows
from recsys.retrieval.unproven import unproven
from recsys.sessions import Session, SessionBelief, SessionContext
from recsys.sessions.belief import prior_variance
from recsys.world import World

#: Share of a session's evidence that counts in the visitor's next one.
KEPT_BETWEEN_SESSIONS: Final = 0.5

Rows = NDArray[np.int64]


class Recommender:
    """Serves slates from a world that somebody else keeps up to date.

    Parameters
    ----------
    config : EngineConfig
        Slate size, exploration and diversity.
    world : callable returning World
        The current world; read, never written. When it changes lineage, or evicts items, sessions must be rebuilt.
    clock : Clock
        The time at which signals are computed.
    """

    def __init__(self, config: EngineConfig, world: Callable[[], World], clock: Clock) -> None:
        self._config = config
        self._world = world
        self._clock = clock
        self._members = Members()

    # -- sessions ----------------------------------------------------------------------------------------------

    def new_session(self, session_id: str, *, adaptive: bool = True) -> Session:
        """Return a session that has not done anything; `adaptive` False makes it one of the control arm."""
        context = SessionContext(session_id, began_ms=self._clock.now_ms())
        return Session(context, SessionBelief(prior_variance(self._world())), adaptive)

    def observe(self, session: Session, event: Event) -> bool:
        """Learn from the session's next event; return whether its next slate may differ for it."""
        return isinstance(event, SessionEvent) and observing.observe(self._world(), session, event)

    def rebuild(
        self,
        session_id: str,
        events: Iterable[Event],
        earlier: Sequence[Iterable[Event]] = (),
        *,
        adaptive: bool = True,
    ) -> Session:
        """Return the session that did `events`, on the current world.

        Parameters
        ----------
        session_id : str
            Session id.
        events : iterable of Event
            What it did, oldest first.
        earlier : sequence of iterables of Event
            The visitor's earlier sessions that may be used, oldest first: each counts half of the one after it.
        adaptive : bool
            As in `new_session`.
        """
        session = self.new_session(session_id, adaptive=adaptive)
        for past in earlier:
            for event in past:
                self.observe(session, event)
            session.belief.discount(KEPT_BETWEEN_SESSIONS)
            session.context.taste.discount(KEPT_BETWEEN_SESSIONS)
            context = SessionContext(session_id, taste=session.context.taste, began_ms=self._clock.now_ms())
            session = Session(context, session.belief, adaptive)
        for event in events:
            self.observe(session, event)
        return session

    # -- slates ------------------------------------------------------------------------------------------------

    def for_you(self, session: Session, size: int | None = None) -> Slate:
        """Return the session's own slate: nothing opened or dismissed, unless nothing else is left to show."""
        world, now_ms = self._world(), self._clock.now_ms()
        tried = self._tried(world, session)
        found = retrieve(world, session.known, tried)
        seen = {*session.context.dismissed, *session.context.opened}
        keep = np.array([row not in seen for row in found.rows.tolist()], dtype=np.bool_)
        wanted = found.subset(keep) if keep.any() else found
        return ranking.rank(self._config, world, session, wanted, now_ms, self._size(size), tried=tried)

    def next_items(self, session: Session, k: int) -> Rows:
        """Return the `k` items that the session is most likely to click next, those it clicked before included.

        Nothing is explored and nothing diversified: what benchmarks compare with what then happened.
        """
        scored = self.candidates(session)
        return scored.rows[top_rows(scored.scores, k)]

    def candidates(self, session: Session) -> Scored:
        """Return all that is retrieved for a session, as the ranking sees it."""
        world = self._world()
        found = retrieve(world, session.known)
        return ranking.score(world, session, found.rows, self._clock.now_ms(), found)

    def trending(self, session: Session, size: int | None = None) -> Slate:
        """Return what many people clicked lately."""
        rows = trending.top(self._world(), self._wanted(session, size), self._clock.now_ms())
        return self._fixed(session, "trending", rows, size)

    def newest(self, session: Session, size: int | None = None) -> Slate:
        """Return what entered the catalogue last."""
        return self._fixed(session, "new", fresh.newest(self._world(), self._wanted(session, size)), size)

    def starters(self, session: Session, size: int) -> Slate:
        """Return what to begin with: popular items, far apart from each other; a part of what is trending."""
        return self._fixed(session, "trending", starters(self._world(), size + len(session.context.dismissed)), size)

    def category(self, session: Session, name: str, size: int | None = None) -> Slate:
        """Return the items of a category that everybody likes best; empty for a name that no item has."""
        return self.categories(session, [name], size)[0]

    def categories(self, session: Session, names: Sequence[str], size: int | None = None) -> list[Slate]:
        """Return several categories as `category` does; an item that is in many of them is scored once."""
        world = self._world()
        listed = [self._members.of(world, name) for name in names]
        rows = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *listed]))
        everybody = Session(SessionContext(""), session.belief, adaptive=False)
        scores = ranking.score(world, everybody, rows, self._clock.now_ms()).scores
        wanted = self._wanted(session, size)
        best = [own[top_rows(scores[np.searchsorted(rows, own)], wanted)] for own in listed]
        return self._fixed_all(session, "genre", best, size)

    def neighbours(self, session: Session, item: str, size: int | None = None) -> Slate:
        """Return what sessions clicked around an item, then what is like it; empty for an unknown item."""
        world = self._world()
        row = world.rows.get(item)
        if row is None:
            return self._fixed(session, "neighbours", [], size)
        count = self._wanted(session, size)
        clicked_with = neighbours.similar_items(world, row, count)
        alike = _without(content.similar(world, row, 2 * count), clicked_with.tolist())
        return self._fixed(session, "neighbours", np.concatenate([clicked_with, alike]), size)

    def listed(self, session: Session, surface: str, items: Sequence[str]) -> Slate:
        """Return a list that was made elsewhere (search, history), without unknown and dismissed items."""
        rows = self._world().rows
        return self._fixed(session, surface, [rows[item] for item in items if item in rows], len(items))

    def _tried(self, world: World, session: Session) -> Rows:
        """Return the items to try out on this session."""
        curious = self._config.exploration > 0.0 and self._config.curiosity > 0.0
        return unproven(world, session.context.key) if curious else np.empty(0, dtype=np.int64)

    def _fixed(self, session: Session, surface: str, rows: Sequence[int] | Rows, size: int | None) -> Slate:
        return self._fixed_all(session, surface, [rows], size)[0]

    def _fixed_all(
        self, session: Session, surface: str, lists: Sequence[Sequence[int] | Rows], size: int | None
    ) -> list[Slate]:
        left = [_without(np.asarray(rows, dtype=np.int64), session.context.dismissed) for rows in lists]
        shown = [rows[: self._size(size)] for rows in left]
        return ranking.fixed(self._world(), session, surface, shown, self._clock.now_ms())

    def _wanted(self, session: Session, size: int | None) -> int:
        """Return how many rows fill a slate even when everything dismissed is among them."""
        return self._size(size) + len(session.context.dismissed)

    def _size(self, size: int | None) -> int:
        return self._config.slate_size if size is None else size


def _without(rows: Rows, excluded: Collection[int]) -> Rows:
    """Return `rows` in their order, less those excluded."""
    if not excluded or not len(rows):
        return rows
    left_out = np.fromiter(excluded, dtype=np.int64, count=len(excluded))
    kept = np.ones(max(rows.max(), left_out.max()) + 1, dtype=np.bool_)
    kept[left_out] = False
    return rows[kept[rows]]
