"""The fold: records of the log in, the world that they taught out.

Nothing here reads a clock, draws at random, or depends on how the log was cut into batches: the state after a record
is a function of the records up to it. What serving needs is in `Learner.world`; the learner's own part (open label
windows, open sessions) goes into snapshots only.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np

from recsys import features, statistics
from recsys.config import EngineConfig
from recsys.evaluation.prequential import Prequential
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemEvent,
    ItemRemoved,
    ItemUpserted,
    SessionEvent,
    SlateServed,
)
from recsys.labels import Example, JoinState, LabelJoin, implicit_slate
from recsys.layout import SIGNAL_COUNT
from recsys.log.base import Record
from recsys.offsets import Offset
from recsys.replica import META, DeltaMeta, read_state
from recsys.retrieval.candidates import retrieve
from recsys.retrieval.neighbours import NO_SERIAL, index_click
from recsys.sessions import ContextState, SessionContext, ShownSlate
from recsys.sessions.shown import UNKNOWN_ROW
from recsys.store import codec
from recsys.world import Arrays, World, WorldMeta

#: Alternatives of a click in a history that has neither slates nor impressions.
HISTORY_ALTERNATIVES: Final = 20

COUNTS: Final = (
    "records",
    "items",
    "slates",
    "impressions",
    "clicks",
    "dwells",
    "dismissals",
    "undecodable",
    "unknown_item",
)


class OpenSession(msgspec.Struct):
    """A session whose inactivity gap has not passed: its context, and its serial number in the neighbour index."""

    context: SessionContext
    serial: int = NO_SERIAL


class SnapshotMeta(msgspec.Struct, frozen=True):
    """What a snapshot holds besides arrays. Serving reads `world` alone (`recsys.replica.SnapshotHead`)."""

    world: WorldMeta
    labels: JoinState
    sessions: list[tuple[int, ContextState]]
    counts: dict[str, int]
    learned_ms: int


class Learner:
    """The one writer of a world.

    Parameters
    ----------
    config : EngineConfig

    Attributes
    ----------
    world : World
        Everything up to ``world.offset`` is folded in.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.world = World(config)
        self._config = config
        self._labels = LabelJoin(config.attribution_window_s * 1_000)
        self._sessions: dict[str, OpenSession] = {}
        self._counts = dict.fromkeys(COUNTS, 0)
        self._scores = Prequential()
        self._learned_ms = 0
        self._published: Offset = self.world.offset
        self._handlers: dict[type[Event], Callable[[Any, int], None]] = {
            ItemUpserted: self._item,
            ItemRemoved: self._item_removed,
            SlateServed: self._slate,
            Impression: self._impression,
            Click: self._click,
            Dwell: self._dwell,
            Dismissal: self._dismissal,
            DismissalUndone: self._dismissal_undone,
        }

    # -- folding -----------------------------------------------------------------------------------------------

    def fold(self, records: Iterable[Record]) -> int:
        """Fold records, which must follow ``world.offset`` in log order; return how many. Cost: 20 to 100 µs each."""
        folded = 0
        for record in records:
            self._fold_one(record)
            folded += 1
        return folded

    def _fold_one(self, record: Record) -> None:
        watermark_ms = record.received_ms
        for example in self._labels.close(watermark_ms):
            self._learn(example)
        self._end_sessions(watermark_ms)
        self._counts["records"] += 1
        if record.event is None:
            self._counts["undecodable"] += 1
        else:
            at_ms = min(record.event.event_time_ms, watermark_ms)
            self.world.now_ms = max(self.world.now_ms, at_ms)
            self._handlers[type(record.event)](record.event, at_ms)
        self.world.offset = record.offset

    def _item(self, event: ItemUpserted, at_ms: int) -> None:
        self._counts["items"] += 1
        self.world.upsert_item(event)

    def _item_removed(self, event: ItemRemoved, at_ms: int) -> None:
        self.world.remove_item(event)

    def _slate(self, event: SlateServed, at_ms: int) -> None:
        self._counts["slates"] += 1
        rows = [self.world.rows.get(item, UNKNOWN_ROW) for item in event.items]
        shown = ShownSlate.from_event(event, rows) or self._described(event.slate, event.surface, rows, event, at_ms)
        self._labels.open(event.slate, event.session, shown)

    def _impression(self, event: Impression, at_ms: int) -> None:
        row = self._row(event)
        if row is None:
            return
        if not event.slate and implicit_slate(event) not in self._labels:
            self._open_implicit(event, [row], at_ms)
        if self._labels.impression(event, row):
            self._counts["impressions"] += 1
            statistics.count(self.world, row, at_ms, impressions=1)

    def _click(self, event: Click, at_ms: int) -> None:
        row = self._row(event)
        if row is None:
            return
        if not event.slate and implicit_slate(event) not in self._labels:
            self._open_among_alternatives(event, row, at_ms)
        example = self._labels.click(event, row)
        if example is None:
            return
        self._counts["clicks"] += 1
        self._learn(example)
        statistics.count(self.world, row, at_ms, clicks=1)
        session = self._session(event, at_ms)
        session.context.click(row, at_ms)
        session.serial = index_click(self.world, session.serial, row)

    def _dwell(self, event: Dwell, at_ms: int) -> None:
        self._counts["dwells"] += 1

    def _dismissal(self, event: Dismissal, at_ms: int) -> None:
        row = self._row(event)
        if row is None:
            return
        self._counts["dismissals"] += 1
        self._session(event, at_ms).context.dismiss(row)
        if event.slate and (example := self._labels.dismissal(event, row)) is not None:
            self._learn(example)

    def _dismissal_undone(self, event: DismissalUndone, at_ms: int) -> None:
        row = self._row(event)
        if row is not None:
            self._session(event, at_ms).context.undo(row)
            if event.slate:
                self._labels.undo(event, row)

    def _row(self, event: ItemEvent) -> int | None:
        row = self.world.rows.get(event.item)
        if row is None:
            self._counts["unknown_item"] += 1
        return row

    # -- histories: what was not served by us is described by the fold's own state at that offset -------------------

    def _open_implicit(self, event: ItemEvent, rows: list[int], at_ms: int) -> ShownSlate:
        shown = self._described(implicit_slate(event), "history", rows, event, at_ms)
        self._labels.open(shown.slate, event.session, shown)
        return shown

    def _open_among_alternatives(self, event: Click, row: int, at_ms: int) -> None:
        """A bare click: a choice among what would have been retrieved for this session at this moment."""
        found = retrieve(self.world, self._session(event, at_ms).context, at_ms, HISTORY_ALTERNATIVES)
        rows = [row, *(int(other) for other in found if other != row)]
        shown = self._open_implicit(event, rows, at_ms)
        for position in range(len(rows)):
            shown.saw(position)

    def _described(self, slate: str, surface: str, rows: list[int], event: SessionEvent, at_ms: int) -> ShownSlate:
        context = self._session(event, at_ms).context
        table = np.zeros((len(rows), SIGNAL_COUNT), dtype=np.float32)
        known = np.array([position for position, row in enumerate(rows) if row != UNKNOWN_ROW], dtype=np.int64)
        table[known] = features.signals(self.world, context, np.array(rows, dtype=np.int64)[known], at_ms)
        return ShownSlate(slate, surface, rows, table, at_ms)

    # -- learning ----------------------------------------------------------------------------------------------

    def _learn(self, example: Example) -> None:
        """Score the example, then learn from it."""
        world = self.world
        design = features.design(world, example.rows, example.signals, example.positions, example.surface)
        self._scores.update(world.model.score_many(design), example.chosen)
        elapsed_s = max(world.now_ms - self._learned_ms, 0) / 1_000 if self._learned_ms else 0.0
        world.model.learn_choice(design, example.chosen, elapsed_s)
        self._learned_ms = world.now_ms
        if example.session in self._sessions:
            self._sessions[example.session].context.pass_over(example.passed)

    def _session(self, event: SessionEvent, at_ms: int) -> OpenSession:
        """Return the event's session, now the most recently active."""
        session = self._sessions.pop(event.session, None) or OpenSession(SessionContext(event.session))
        session.context.touch(at_ms)
        self._sessions[event.session] = session
        return session

    def _end_sessions(self, watermark_ms: int) -> None:
        ended_before = watermark_ms - self._config.session_gap_s * 1_000
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.context.last_ms > ended_before:
                return
            del self._sessions[oldest.context.id]

    # -- what is told and kept ---------------------------------------------------------------------------------

    def counters(self) -> dict[str, int]:
        """Return how often each thing happened since the log began, and what is open now."""
        labels = {f"labels_{name}": number for name, number in self._labels.counts.items()}
        return {**self._counts, **labels, "labels_pending": len(self._labels), "sessions_open": len(self._sessions)}

    def metrics(self) -> dict[str, float]:
        """Return the prequential scores: each example was scored before it was learned."""
        return self._scores.metrics()

    def delta(self, published_ms: int) -> bytes:
        """Return what changed since the last delta (or since this learner was made), for replicas.

        `published_ms` is the caller's wall clock; replicas measure their delay by it.
        """
        world, arrays = self.world.changes()
        meta = DeltaMeta(
            from_offset=self._published,
            to_offset=self.world.offset,
            published_ms=published_ms,
            counters=self.counters(),
            metrics=self.metrics(),
            world=world,
        )
        payload = codec.encode({META: msgspec.msgpack.encode(meta)}, arrays)
        self.world.settle()
        self._published = self.world.offset
        return payload

    def snapshot(self) -> bytes:
        """Return the whole state as bytes that depend on nothing but the log's prefix and the configuration."""
        meta, arrays = self._state()
        return codec.encode({META: msgspec.msgpack.encode(meta)}, arrays)

    def state_sha256(self) -> str:
        """Return the hash of `snapshot`: what two runs are compared by."""
        return hashlib.sha256(self.snapshot()).hexdigest()

    @classmethod
    def from_snapshot(cls, config: EngineConfig, payload: bytes) -> "Learner":
        """Return a learner that goes on where `snapshot` was taken. Raises `CorruptState`."""
        meta, arrays = read_state(payload, SnapshotMeta)
        learner = cls(config)
        learner._restore(meta, arrays)
        return learner

    def _state(self) -> tuple[SnapshotMeta, Arrays]:
        world, arrays = self.world.state()
        meta = SnapshotMeta(
            world=world,
            labels=self._labels.to_state(),
            sessions=[(session.serial, session.context.to_state()) for session in self._sessions.values()],
            counts=dict(self._counts),
            learned_ms=self._learned_ms,
        )
        return meta, {**arrays, **{f"scores/{name}": array for name, array in self._scores.state().items()}}

    def _restore(self, meta: SnapshotMeta, arrays: Mapping[str, Any]) -> None:
        self.world.restore(meta.world, arrays)
        self._labels.restore(meta.labels)
        self._sessions = {
            state.id: OpenSession(SessionContext.from_state(state), serial) for serial, state in meta.sessions
        }
        self._counts = {name: meta.counts.get(name, 0) for name in COUNTS}
        self._learned_ms = meta.learned_ms
        scores = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith("scores/")}
        self._scores.restore(scores)
        self._published = self.world.offset
