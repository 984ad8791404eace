"""The serving copy of the world: newest snapshot, swapped whole, and the deltas since, applied between requests."""

from typing import Final, TypeVar

import msgspec

from recsys.clock import Clock, SystemClock
from recsys.config import EngineConfig
from recsys.errors import CorruptState, DeltaGap
from recsys.offsets import ORIGIN, Offset, offset_key
from recsys.store import codec
from recsys.store.base import DeltaFeed, SnapshotStore
from recsys.world import World, WorldMeta

#: Place in the delta feed before its first entry.
FEED_START: Final = "0-0"

Meta = TypeVar("Meta")


class DeltaMeta(msgspec.Struct, frozen=True):
    """What a delta says besides the rows that changed.

    Attributes
    ----------
    from_offset, to_offset : Offset
        A world that has folded at least `from_offset` and is not past `to_offset` becomes the one at `to_offset`.
    published_ms : int
        Wall clock of the learner, for measuring how long it took to get here.
    counters, metrics
        The learner's, as of `to_offset`.
    world : WorldMeta
    """

    from_offset: Offset
    to_offset: Offset
    published_ms: int
    counters: dict[str, int]
    metrics: dict[str, float]
    world: WorldMeta


class SnapshotHead(msgspec.Struct, frozen=True):
    """The part of a snapshot's meta that serving needs; the learner's own part is passed over."""

    world: WorldMeta


class Replica:
    """A world that is read by serving and written only by `load` and `apply`.

    Parameters
    ----------
    config : EngineConfig
        Of the fold whose states it takes.
    clock : Clock
        Wall clock, for the age of what it holds.

    Attributes
    ----------
    world : World
        Replaced by `load`: do not keep it over a wait.
    applied_ms : int
        Wall clock at the last change, 0 before the first.
    delay_ms : int
        How long the last delta took from the learner to here.
    """

    def __init__(self, config: EngineConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._place = FEED_START
        self.world = World(config)
        self.applied_ms = 0
        self.delay_ms = 0

    @property
    def version(self) -> Offset:
        """The offset up to which this world has folded the log."""
        return self.world.offset

    def load(self, payload: bytes) -> None:
        """Become the world of a snapshot. Raises `CorruptState` and stays what it was."""
        meta, arrays = codec.decode(payload)
        world = World(self._config)
        world.restore(_decoded(meta, SnapshotHead).world, arrays)
        self.world = world
        self.applied_ms = self._clock.now_ms()

    def apply(self, payload: bytes) -> bool:
        """Take a delta in; return whether it was news.

        Raises
        ------
        DeltaGap
            When the delta starts after what this world holds.
        CorruptState
            When it is not a delta of this code.
        """
        encoded, arrays = codec.decode(payload)
        meta = _decoded(encoded, DeltaMeta)
        here = offset_key(self.world.offset)
        if offset_key(meta.to_offset) <= here:
            return False
        if offset_key(meta.from_offset) > here:
            raise DeltaGap(f"expected a delta from {self.world.offset} or before, received one from {meta.from_offset}")
        self.world.apply(meta.world, arrays)
        self.world.settle()
        self.applied_ms = self._clock.now_ms()
        self.delay_ms = max(0, self.applied_ms - meta.published_ms)
        return True

    def refresh(self, store: SnapshotStore, feed: DeltaFeed, limit: int = 100) -> bool:
        """Take in what is new, at most `limit` deltas; return whether anything changed. Reads disk and network."""
        changed = self.version == ORIGIN and self._load_newest(store)
        for place, payload in feed.read(self._place, limit):
            try:
                changed |= self.apply(payload)
            except DeltaGap:
                # Deltas left the feed before they were read here. The newest snapshot bridges the gap, and this delta is
                # tried again at the next refresh.
                return self._load_newest(store) or changed
            self._place = place
        return changed

    def _load_newest(self, store: SnapshotStore) -> bool:
        found = store.newest(self._config.digest())
        if found is None or offset_key(found[0].offsets["0"]) <= offset_key(self.version):
            return False
        self.load(found[1])
        return True


def _decoded(encoded: bytes, kind: type[Meta]) -> Meta:
    try:
        return msgspec.msgpack.decode(encoded, type=kind)
    except msgspec.DecodeError as error:
        raise CorruptState(f"expected a {kind.__name__}: {error}") from error
