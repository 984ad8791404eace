"""What each kind of event does to the world and to the learner's own books.

Nothing here reads a clock or draws at random. Every event that decodes can be taken in: what makes no sense is counted
and teaches nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import features, statistics
from recsys.config import EngineConfig
from recsys.evaluation.prequential import Prequential
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
from recsys.features import Design, Rows
from recsys.labels import (
    HISTORY,
    Example,
    JoinState,
    LabelJoin,
    implicit_slate,
    learn_lone_taste,
    learn_taste,
    recalled,
)
from recsys.layout import SIGNAL_COUNT, SIGNALS, WANTED
from recsys.models import appeal
from recsys.models.base import NONE_OF_THESE, Logits
from recsys.models.kernels import choice_probabilities, list_probabilities
from recsys.models.vectors import learn_next
from recsys.open_sessions import OpenSession, OpenSessions, OpenSessionState
from recsys.packing import pack
from recsys.retrieval import popular
from recsys.retrieval.neighbours import index_click
from recsys.sessions import SessionBelief, SessionContext, ShownSlate
from recsys.sessions.belief import HISTORY_PROBABILITY, prior_variance
from recsys.sessions.shown import UNKNOWN_ROW
from recsys.world import Arrays, World

_SCORES: Final = "scores/"
#: Forgotten sessions whose late events are known for what they are; the one forgotten longest ago gives way.
FORGOTTEN_REMEMBERED: Final = 10_000

_WANTED_FIRST: Final = SIGNALS.index(WANTED[0])

#: Of sessions whose lists nobody knows, one in so many teaches how sessions differ: they are many, and alike.
SPREAD_SESSIONS: Final = 4

#: `impressions` are items of lists that were seen, told or proved by a click or a refusal; `clicks` are all that joined
#: something, `listed_clicks` those on such an item: never more than `impressions`.
COUNTS: Final = (
    "records",
    "undecodable",
    "simulated_left_out",
    "forgotten",
    "items",
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
    sessions: list[OpenSessionState]
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
    scores : Prequential
        Each example is scored before it is learned.
    counts : dict of str to int
        How often each of `COUNTS` happened.
    learned_ms : int
        Log time of the last example, 0 before the first.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.world = World(config)
        self.labels = LabelJoin(config.attribution_window_s * 1_000)
        self.sessions = OpenSessions(config.session_gap_s * 1_000)
        self.scores = Prequential()
        self.counts = dict.fromkeys(COUNTS, 0)
        self.learned_ms = 0
        self._forgotten: dict[str, None] = {}
        self._received_ms = 0
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            ItemUpserted: self._item,
            ItemRemoved: self._item_removed,
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
            self._learn(example)
        self.sessions.end(received_ms)
        self.counts["records"] += 1
        if event is None:
            self.counts["undecodable"] += 1
            return
        if isinstance(event, SessionEvent) and event.simulated and not self.world.config.learn_from_simulated:
            self.counts["simulated_left_out"] += 1
            return
        if isinstance(event, SessionEvent) and event.session in self._forgotten:
            self.counts["forgotten"] += 1
            return
        if not 0 <= event.event_time_ms <= received_ms:
            event = msgspec.structs.replace(event, event_time_ms=min(max(event.event_time_ms, 0), received_ms))
        self.world.now_ms = max(self.world.now_ms, event.event_time_ms)
        if isinstance(event, SessionEvent):
            self.sessions.touch(event.session, event.event_time_ms, received_ms)
        self._handlers[type(event)](event)

    def state(self) -> tuple[FoldState, Arrays]:
        """Return the learner's own part: what is open, and arrays named ``scores/…`` (views, do not keep)."""
        state = FoldState(
            labels=self.labels.to_state(),
            sessions=self.sessions.to_state(),
            sessions_evicted=self.sessions.evicted,
            counts=dict(self.counts),
            learned_ms=self.learned_ms,
            forgotten=list(self._forgotten),
        )
        return state, {f"{_SCORES}{name}": array for name, array in self.scores.state().items()}

    def restore(self, state: FoldState, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `state` described, on a world restored to the same offset. Raises `CorruptState`."""
        self.labels.restore(state.labels)
        self.sessions.restore(state.sessions, state.sessions_evicted)
        self.counts = {name: state.counts.get(name, 0) for name in COUNTS}
        self.learned_ms = state.learned_ms
        self._forgotten = dict.fromkeys(state.forgotten)
        self.scores.restore(
            {name.removeprefix(_SCORES): array for name, array in arrays.items() if name.startswith(_SCORES)}
        )

    def _item(self, event: ItemUpserted) -> None:
        self.counts["items"] += 1
        self.world.upsert_item(event)

    def _item_removed(self, event: ItemRemoved) -> None:
        self.world.remove_item(event)

    def _slate(self, event: SlateServed) -> None:
        self.counts["slates"] += 1
        if event.surface not in SURFACES:
            event = msgspec.structs.replace(event, surface=HISTORY)
        rows = [self.world.rows.get(item, UNKNOWN_ROW) for item in event.items]
        shown = ShownSlate.from_event(event, rows) or self._described(event, event.slate, event.surface, rows)
        self.labels.open(event.slate, self._session(event).context.id, shown, self._received_ms)

    def _impression(self, event: Impression) -> None:
        row = self._row(event)
        if row is None:
            return
        if not event.slate and not self.labels.is_open(event):
            key = implicit_slate(event)
            shown = self._described(event, key, HISTORY, [row])
            self.labels.open(key, event.session, shown, self._received_ms, again=True)
        if self.labels.impression(event, row):
            self.counts["impressions"] += 1
            statistics.count(self.world, row, event.event_time_ms, impressions=1)

    def _click(self, event: Click) -> None:
        row = self._row(event)
        if row is None:
            return
        alone = not event.slate and not self.labels.knows(event)
        example = self._lone_click(event, row) if alone else self.labels.click(event, row)
        session = self._session(event)
        if example is not None and not (event.slate or alone):
            # An impression on its own tells that the item was seen, not what else there was to choose from.
            example = recalled(self.world, session.context, row, event.event_time_ms)._replace(unseen=example.unseen)
        if example is not None:
            self.counts["clicks"] += 1
            if len(example.rows):
                self._learn(example)
            if example.recalled:
                learn_lone_taste(self.world, session.context, row)
            self._learn_vectors(session.context, row)
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

    def _dwell(self, event: Dwell) -> None:
        self.counts["dwells"] += 1

    def _dismissal(self, event: Dismissal) -> None:
        row = self._row(event)
        if row is None:
            return
        self.counts["dismissals"] += 1
        if event.slate and (example := self.labels.dismissal(event, row)) is not None:
            self.counts["impressions"] += example.unseen
            self._learn(example._replace(refused=True))
        self._session(event).context.dismiss(row)

    def _dismissal_undone(self, event: DismissalUndone) -> None:
        """Take a dismissal back for its session. What it taught everybody stays: it happened."""
        row = self._row(event)
        if row is not None:
            self._session(event).context.undo(row)

    def _session_began(self, event: SessionBegan) -> None:
        self._session(event).context.enter(event)

    def _session_forgotten(self, event: SessionForgotten) -> None:
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

    def _session(self, event: SessionEvent) -> OpenSession:
        """Return the event's session, which is open since `take` touched it."""
        return self.sessions[event.session]

    # -- histories: what was not served by us is described by the fold's own state at that offset -------------------

    def _lone_click(self, event: Click, row: int) -> Example | None:
        """Return the choice among what is retrieved for this session now; an empty one where the item is not there."""
        if not self.labels.lone_click(event, self._received_ms):
            return None
        return recalled(self.world, self._session(event).context, row, event.event_time_ms)

    def _described(self, event: SessionEvent, slate: str, surface: str, rows: list[int]) -> ShownSlate:
        table = np.zeros((len(rows), SIGNAL_COUNT), dtype=np.float32)
        places = np.array(rows, dtype=np.int64)
        known = places != UNKNOWN_ROW
        context = self._session(event).context
        table[known] = features.signals(self.world, context, places[known], event.event_time_ms)
        return ShownSlate.of(slate, surface, rows, pack(table), event.event_time_ms)

    # -- learning ----------------------------------------------------------------------------------------------

    def _learn(self, example: Example) -> None:
        """Learn from an example: how sessions differ, the network, each item's appeal, and the last layer."""
        world = self.world
        positions = None if example.recalled else example.positions
        design = features.design(world, example.rows, example.signals, positions, example.surface)
        scores = world.model.score_many(design)
        if not example.settles:
            self._learn_choice(example, design, scores)
        elapsed_s = max(world.now_ms - self.learned_ms, 0) / 1_000 if self.learned_ms else 0.0
        if example.clicked is not None and example.charged is not None:
            probabilities, charged = list_probabilities(scores, example.clicked), example.charged[example.positions]
            errors = probabilities - charged
            world.model.learn_list(design, probabilities, charged, elapsed_s)
        else:
            probabilities = choice_probabilities(scores)
            errors = probabilities.copy()
            if example.chosen != NONE_OF_THESE:
                errors[example.chosen] -= 1.0
            example.charge(probabilities)
            world.model.learn_choice(design, example.chosen, elapsed_s)
        world.network.learn(example.signals, errors)
        if not example.recalled:
            self._learn_appeal(example.rows, errors, probabilities)
        self.learned_ms = world.now_ms

    def _learn_choice(self, example: Example, design: Design, scores: Logits) -> None:
        """Score a choice before anything is learned from it, and let the visitor's own part learn."""
        self.scores.update(scores, example.chosen)
        session = self.sessions.get(example.session)
        if session is None:
            return
        # One item has nothing to be preferred to: it only says how much is clicked at all.
        if len(example.rows) > 1 and (not example.recalled or session.context.key % SPREAD_SESSIONS == 0):
            self._learn_spread(session, example, design, scores)
        if not (example.recalled or example.refused):
            learn_taste(self.world, session.context, example.rows, design, example.chosen)
        if example.chosen != NONE_OF_THESE and not session.context.clicked:
            self._learn_entry(session, example, design, scores)
        session.context.pass_over(example.passed)

    def _learn_spread(self, session: OpenSession, example: Example, design: Design, scores: Logits) -> None:
        """Let the session learn from its choice, and the world from how far that was from what it expected of it."""
        if session.belief is None:
            session.belief = SessionBelief(prior_variance(self.world))
        belief, width = session.belief, design.shape[1]
        delta, information = belief.delta_mean(), belief.information().copy()
        probability = HISTORY_PROBABILITY if example.recalled else None
        evidence = belief.learn_choice(design, example.chosen, scores, probability)
        gradient = evidence.shift - evidence.information * delta[:width]
        self.world.spread.learn(gradient, delta, information)

    def _learn_entry(self, session: OpenSession, example: Example, design: Design, scores: Logits) -> None:
        """Learn what those want who come as this session came, from what it chose first: what follows is its own."""
        world, classes = self.world, session.context.classes()
        if classes and world.described:
            said = design[:, _WANTED_FIRST] * world.model.weight_mean()[_WANTED_FIRST]
            fading = statistics.fading(world)
            tastes = world.contents["taste"]
            world.entries.learn(classes, tastes, example.rows, example.chosen, scores - said, world.now_ms, fading)

    def _learn_appeal(self, rows: Rows, errors: Logits, probabilities: Logits) -> None:
        """Learn what these items are to people beyond their features; only from lists that were really shown."""
        items = self.world.items
        appeal.learn(
            rows,
            errors,
            probabilities,
            self.world.now_ms,
            items["appeal_information"],
            items["appeal_shift"],
            items["appealed_ms"],
            statistics.fading(self.world),
            items.changed,
        )

    def _learn_vectors(self, context: SessionContext, row: int) -> None:
        """Learn that the session went from its clicks to this one; going on with the same item says nothing."""
        world = self.world
        if not context.clicked or context.clicked[-1] == row or not len(world.heard):
            return
        table = world.vectors
        learn_next(
            table["vector"],
            table["length"],
            table["squares"],
            world.heard["item"],
            context.newest_first()[0],
            row,
            world.draws,
            table.changed,
        )
        world.draws += 1
