"""What each kind of event does to the world and to the learner's own books.

Nothing here reads a clock or draws at random. Every event that decodes can be taken in: what makes no sense is counted
and teaches nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import eviction, features, statistics
from recsys.config import EngineConfig
from recsys.copying import Arrays
from recsys.errors import UNREADABLE, CorruptState
from recsys.events import (
    SURFACES,
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemEvent,
    ItemRemoved,
    ItemUpserted,
    SessionBegan,
    SessionEvent,
    SessionForgotten,
    SlateServed,
)
from recsys.examples import HISTORY, Example, learn_lone_taste, recalled
from recsys.labels import JoinState, LabelJoin, implicit_slate
from recsys.layout import SIGNAL_COUNT
from recsys.learning import Learning
from recsys.open_sessions import OpenSession, OpenSessions
from recsys.packing import pack
from recsys.renumbering import GONE
from recsys.retrieval import popular, transitions
from recsys.retrieval.neighbours import index_click
from recsys.sessions import ShownSlate
from recsys.sessions.shown import UNKNOWN_ROW
from recsys.world import World

Happened = TypeVar("Happened", bound=Event)

_SCORES: Final = "scores/"
#: Signals of an item that was seen without a list: nobody learns from them.
_UNDESCRIBED: Final = pack(np.zeros((1, SIGNAL_COUNT), dtype=np.float32))
#: Forgotten sessions whose late events are known for what they are; the one forgotten longest ago gives way.
FORGOTTEN_REMEMBERED: Final = 10_000

#: `impressions` are items of lists that were seen, told or proved by a click or a refusal; `clicks` are all that joined
#: something, `listed_clicks` those on such an item: never more than `impressions`.
COUNTS: Final = (
    "records",
    "undecodable",
    "simulated_left_out",
    "forgotten",
    "items",
    "items_evicted",
    "slates",
    "impressions",
    "clicks",
    "listed_clicks",
    "dwells",
    "dismissals",
    "unknown_item",
)


class FoldState(msgspec.Struct, frozen=True):
    """The learner's own part of a snapshot, besides arrays."""

    labels: JoinState
    sessions: msgspec.Raw
    sessions_evicted: int
    counts: dict[str, int]
    learned_ms: int
    forgotten: list[str] = []


class Fold:
    """The world and what else is open while it is folded.

    Parameters
    ----------
    config : EngineConfig

    Attributes
    ----------
    world : World
    labels : LabelJoin
        Slates whose attribution window is open.
    sessions : OpenSessions
        Sessions whose inactivity gap has not passed.
    learning : Learning
        What examples teach, and how well each was foreseen.
    counts : dict of str to int
        How often each of `COUNTS` happened.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.world = World(config)
        self.labels = LabelJoin(config.attribution_window_s * 1_000)
        self.sessions = OpenSessions(config.session_gap_s * 1_000)
        self.learning = Learning(self.world)
        self.counts = dict.fromkeys(COUNTS, 0)
        self._forgotten: dict[str, None] = {}
        self._received_ms = 0
        self._of_items: dict[type[Event], Callable[[Any], None]] = {
            ItemUpserted: self._item,
            ItemRemoved: self._item_removed,
        }
        self._of_sessions: dict[type[Event], Callable[[Any, OpenSession], None]] = {
            SlateServed: self._slate,
            Impression: self._impression,
            Click: self._click,
            Dwell: self._dwell,
            Dismissal: self._dismissal,
            DismissalUndone: self._dismissal_undone,
            SessionBegan: self._session_began,
            SessionForgotten: self._session_forgotten,
        }

    def take(self, event: Event | None, received_ms: int) -> None:
        """Take in the next record of the log: its event, None where its bytes were none, and when it was received.

        Receive times, which never run backwards, are the watermark: first the windows close and the sessions end whose
        time is over by now. Nothing can have happened later than it was received, or before 1970.
        """
        self._received_ms = received_ms
        for example in self.labels.close(received_ms):
            self.learning.learn(example, self.sessions.get(example.session))
        self.sessions.end(received_ms)
        self.counts["records"] += 1
        if event is None:
            self.counts["undecodable"] += 1
        elif not isinstance(event, SessionEvent):
            self._of_items[type(event)](self._at_its_time(event))
        elif event.simulated and not self.world.config.learn_from_simulated:
            self.counts["simulated_left_out"] += 1
        elif event.session in self._forgotten:
            self.counts["forgotten"] += 1
        else:
            event = self._at_its_time(event)
            session = self.sessions.touch(event.session, event.event_time_ms, received_ms)
            self._of_sessions[type(event)](event, session)

    def state(self) -> tuple[FoldState, Arrays]:
        """Return the learner's own part: what is open, and arrays named ``scores/…`` (views, do not keep)."""
        state = FoldState(
            labels=self.labels.to_state(),
            sessions=self.sessions.to_state(),
            sessions_evicted=self.sessions.evicted,
            counts=dict(self.counts),
            learned_ms=self.learning.learned_ms,
            forgotten=list(self._forgotten),
        )
        return state, {f"{_SCORES}{name}": array for name, array in self.learning.scores.state().items()}

    def restore(self, state: FoldState, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described, on a world restored to the same offset. Raises `CorruptState`."""
        try:
            self.labels.restore(state.labels)
            self.sessions.restore(state.sessions, state.sessions_evicted)
        except UNREADABLE as error:
            raise CorruptState(f"expected what was open of labels and sessions: {error}") from error
        self.counts = {name: state.counts.get(name, 0) for name in COUNTS}
        self.learning.learned_ms = state.learned_ms
        self._forgotten = dict.fromkeys(state.forgotten)
        self.learning.scores.restore(
            {name.removeprefix(_SCORES): array for name, array in arrays.items() if name.startswith(_SCORES)}
        )

    def _at_its_time(self, event: Happened) -> Happened:
        """Return the event at a time when it can have happened; the world's time is the latest of these."""
        if not 0 <= event.event_time_ms <= self._received_ms:
            event = msgspec.structs.replace(event, event_time_ms=min(max(event.event_time_ms, 0), self._received_ms))
        if event.event_time_ms > self.world.now_ms:
            self.world.now_ms = event.event_time_ms
        return event

    def _item(self, event: ItemUpserted) -> None:
        self.counts["items"] += 1
        if eviction.is_due(self.world, event):
            self._evict()
        self.world.upsert_item(event)

    def _item_removed(self, event: ItemRemoved) -> None:
        self.world.remove_item(event)

    def _evict(self) -> None:
        places = eviction.evict(self.world)
        self.labels.renumber(places)
        self.sessions.renumber(places)
        self.counts["items_evicted"] += int(np.count_nonzero(places == GONE))

    def _slate(self, event: SlateServed, session: OpenSession) -> None:
        self.counts["slates"] += 1
        if event.surface not in SURFACES:
            event = msgspec.structs.replace(event, surface=HISTORY)
        rows = [self.world.rows.get(item, UNKNOWN_ROW) for item in event.items]
        shown = ShownSlate.from_event(event, rows) or self._described(event, session, event.slate, event.surface, rows)
        self.labels.open(event.slate, session.context.id, shown, self._received_ms)

    def _impression(self, event: Impression, session: OpenSession) -> None:
        row = self._row(event)
        if row is None:
            return
        if not event.slate and not self.labels.is_open(event):
            key = implicit_slate(event)
            shown = ShownSlate.of(key, HISTORY, [row], _UNDESCRIBED, event.event_time_ms)
            self.labels.open(key, event.session, shown, self._received_ms, again=True)
        if self.labels.impression(event, row):
            self.counts["impressions"] += 1
            statistics.count(self.world, row, event.event_time_ms, impressions=1)

    def _click(self, event: Click, session: OpenSession) -> None:
        row = self._row(event)
        if row is None:
            return
        alone = not event.slate and not self.labels.knows(event)
        example = self._lone_click(event, session, row) if alone else self.labels.click(event, row)
        if example is not None and not (event.slate or alone):
            # An impression on its own tells that the item was seen, not what else there was to choose from.
            example = recalled(self.world, session.context, row, event.event_time_ms)._replace(unseen=example.unseen)
        if example is not None:
            self.counts["clicks"] += 1
            if len(example.rows):
                self.learning.learn(example, session)
            if example.recalled:
                learn_lone_taste(self.world, session.context, row)
                if session.context.clicked:
                    transitions.count(self.world, session.context.clicked[-1], row)
            self.learning.learn_vectors(session.context, row, example)
            unseen = int(example.unseen)
            self.counts["listed_clicks"] += not alone
            self.counts["impressions"] += unseen
            statistics.count(
                self.world,
                row,
                event.event_time_ms,
                impressions=unseen,
                clicks=1,
                shown=not alone,
                begins=not session.context.clicked,
            )
            session.serial = index_click(self.world, session.serial, session.context.key, row)
            if not session.context.clicked and popular.is_due(self.world):
                popular.refresh(self.world)
        session.context.click(row, event.event_time_ms)

    def _dwell(self, event: Dwell, session: OpenSession) -> None:
        self.counts["dwells"] += 1

    def _dismissal(self, event: Dismissal, session: OpenSession) -> None:
        row = self._row(event)
        if row is None:
            return
        self.counts["dismissals"] += 1
        if event.slate and (example := self.labels.dismissal(event, row)) is not None:
            self.counts["impressions"] += example.unseen
            self.learning.learn(example._replace(refused=True), session)
        session.context.dismiss(row)

    def _dismissal_undone(self, event: DismissalUndone, session: OpenSession) -> None:
        """Take a dismissal back for its session. What it taught everybody stays: it happened."""
        row = self._row(event)
        if row is not None:
            session.context.undo(row)

    def _session_began(self, event: SessionBegan, session: OpenSession) -> None:
        session.context.enter(event)

    def _session_forgotten(self, event: SessionForgotten, session: OpenSession) -> None:
        """Let go of what is open of a session, and pass over what still comes of it. What it taught before stays."""
        self.sessions.forget(event.session)
        self.labels.forget(event.session)
        self._forgotten[event.session] = None
        if len(self._forgotten) > FORGOTTEN_REMEMBERED:
            del self._forgotten[next(iter(self._forgotten))]

    def _row(self, event: ItemEvent) -> int | None:
        row = self.world.rows.get(event.item)
        if row is None:
            self.counts["unknown_item"] += 1
        return row

    # -- histories: what was not served by us is described by the fold's own state at that offset -------------------

    def _lone_click(self, event: Click, session: OpenSession, row: int) -> Example | None:
        """Return the choice among what is retrieved for this session now; an empty one where the item is not there."""
        if not self.labels.lone_click(event, self._received_ms):
            return None
        return recalled(self.world, session.context, row, event.event_time_ms)

    def _described(
        self, event: SessionEvent, session: OpenSession, slate: str, surface: str, rows: list[int]
    ) -> ShownSlate:
        table = np.zeros((len(rows), SIGNAL_COUNT), dtype=np.float32)
        places = np.array(rows, dtype=np.int64)
        known = places != UNKNOWN_ROW
        table[known] = features.signals(self.world, session.context, places[known], event.event_time_ms)
        return ShownSlate.of(slate, surface, rows, pack(table), event.event_time_ms)
