"""The learner: records of the log in, the world that they taught out.

The state after a record is a function of the records up to it: no clock, no chance, and no trace of how the log was cut
into batches. What serving needs is in `Learner.world`; the learner's own part (open label windows, open sessions) goes
into snapshots only.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from recsys import copying
from recsys.config import EngineConfig
from recsys.events import Click
from recsys.fold import Fold, FoldState
from recsys.log.base import Record
from recsys.offsets import Offset, offset_key
from recsys.replica import META, DeltaMeta, StateHead, read_state
from recsys.store import codec
from recsys.world import World

_HOUR_MS: Final = 3_600_000
#: Ended hours that wait to be asked for, the newest ones.
_MARKS_HELD: Final = 10_000
#: Clicks whose receive times a delta tells; the newest of them.
_CLICKS_TOLD: Final = 1_000


class Mark(NamedTuple):
    """The learner's books at the end of an hour of log time, or so far in it.

    Attributes
    ----------
    hour_ms : int
        Start of the hour.
    offset : Offset
        Of the last record folded.
    counters : dict of str to int
        `Learner.counters`.
    scores : bytes
        `recsys.evaluation.prequential.Prequential.to_bytes`.
    """

    hour_ms: int
    offset: Offset
    counters: dict[str, int]
    scores: bytes


class SnapshotMeta(StateHead, frozen=True):
    """What a snapshot holds besides arrays."""

    fold: FoldState


class Learner:
    """The one writer of a world.

    Parameters
    ----------
    config : EngineConfig

    Attributes
    ----------
    began : Mark
        The books that this learner began with: those of its snapshot, or empty ones.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._fold = Fold(config)
        self._key = offset_key(self.world.offset)
        self._published: Offset = self.world.offset
        self.began = self.mark()
        self._marks: deque[Mark] = deque(maxlen=_MARKS_HELD)
        self._clicked_ms: deque[int] = deque(maxlen=_CLICKS_TOLD)

    @property
    def world(self) -> World:
        """Everything up to ``world.offset`` is folded in."""
        return self._fold.world

    def fold(self, records: Iterable[Record]) -> int:
        """Fold records in log order, all of them after ``world.offset``; return how many.

        Cost: about 10 µs for a record of a served slate, 90 µs for one of a history that has none; where items are
        described, what is alike to the session's last three clicks is looked up beside (`recsys.retrieval.content`).

        Raises
        ------
        ValueError
            When a record does not come after the one before. What was folded until then stays.
        """
        folded = 0
        for record in records:
            key = offset_key(record.offset)
            if key <= self._key:
                raise ValueError(f"expected a record after {self.world.offset}, received {record.offset}")
            if key[0] // _HOUR_MS != self._key[0] // _HOUR_MS and self._key[0]:
                self._marks.append(self.mark())
            if type(record.event) is Click:
                self._clicked_ms.append(key[0])
            self._fold.take(record.event, key[0])
            self._key, self.world.offset = key, record.offset
            folded += 1
        return folded

    def counters(self) -> dict[str, int]:
        """Return how often each thing happened since the log began, and what is open now."""
        labels = {f"labels_{name}": number for name, number in self._fold.labels.counts.items()}
        return {
            **self._fold.counts,
            **labels,
            "labels_pending": len(self._fold.labels),
            "sessions_open": len(self._fold.sessions),
            "sessions_evicted": self._fold.sessions.evicted,
        }

    def metrics(self) -> dict[str, float]:
        """Return the prequential scores: each example was scored before it was learned."""
        return self._fold.learning.scores.metrics()

    def mark(self) -> Mark:
        """Return the books so far in the hour of the last record."""
        hour_ms = self._key[0] // _HOUR_MS * _HOUR_MS
        return Mark(hour_ms, self.world.offset, self.counters(), self._fold.learning.scores.to_bytes())

    def take_marks(self) -> list[Mark]:
        """Return, once, the books at the end of each hour that ended since this was asked last."""
        marks = list(self._marks)
        self._marks.clear()
        return marks

    def delta(self) -> bytes:
        """Return what changed since the last delta (or since this learner was made), for replicas."""
        world, arrays = copying.changes(self.world)
        meta = DeltaMeta(
            configuration=self._config.digest(),
            from_offset=self._published,
            to_offset=self.world.offset,
            world=world,
            clicked_ms=tuple(self._clicked_ms),
        )
        payload = codec.encode({META: msgspec.msgpack.encode(meta)}, arrays)
        copying.settle(self.world)
        self._published = self.world.offset
        self._clicked_ms.clear()
        return payload

    def snapshot(self) -> bytes:
        """Return the whole state as bytes that depend on nothing but the log's prefix and the configuration."""
        world, arrays = copying.state(self.world)
        fold, more = self._fold.state()
        meta = msgspec.msgpack.encode(SnapshotMeta(configuration=self._config.digest(), world=world, fold=fold))
        del fold  # tens of megabytes, which stand in `meta` by now
        return codec.encode({META: meta}, {**arrays, **more})

    def state_sha256(self) -> str:
        """Return the hash of `snapshot`: what two runs are compared by."""
        return codec.sha256(self.snapshot())

    @classmethod
    def from_snapshot(cls, config: EngineConfig, payload: bytes) -> "Learner":
        """Return a learner that goes on where `snapshot` was taken.

        Raises
        ------
        CorruptState
            When the bytes are no snapshot of this code and this configuration.
        """
        meta, arrays = read_state(payload, SnapshotMeta, config)
        learner = cls(config)
        copying.restore(learner.world, meta.world, arrays)
        learner._fold.restore(meta.fold, arrays)
        learner._key = offset_key(learner.world.offset)
        learner._published = learner.world.offset
        learner.began = learner.mark()
        return learner
