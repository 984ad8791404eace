"""The serving copy of the world: newest snapshot, swapped whole, and the deltas since, applied between requests."""

from typing import Any, Final, TypeVar

import msgspec
from numpy.typing import NDArray

from recsys import copying
from recsys.config import EngineConfig
from recsys.copying import WorldMeta
from recsys.errors import UNREADABLE, CorruptState, DeltaGap
from recsys.offsets import Offset, offset_key
from recsys.store import codec
from recsys.world import World

#: Blob of a snapshot or delta that holds what is not arrays.
META: Final = "meta"


class StateHead(msgspec.Struct, frozen=True):
    """What serving needs of a snapshot besides arrays; the learner's own part is passed over.

    Attributes
    ----------
    configuration : str
        `EngineConfig.digest` of the fold.
    world : WorldMeta
    """

    configuration: str
    world: WorldMeta


class DeltaMeta(StateHead, frozen=True):
    """What a delta says besides the rows that changed.

    Attributes
    ----------
    from_offset, to_offset : Offset
        A world that has folded at least `from_offset` and is not past `to_offset` becomes the one at `to_offset`.
    clicked_ms : tuple of int
        Receive times of the clicks in it, the newest ones, for measuring how long they took to get here.
    """

    from_offset: Offset
    to_offset: Offset
    clicked_ms: tuple[int, ...] = ()


Head = TypeVar("Head", bound=StateHead)


class Replica:
    """A world that is read by serving and written only by `load` and `apply`.

    Parameters
    ----------
    config : EngineConfig
        Of the fold whose states it takes.

    Attributes
    ----------
    world : World
        Replaced whole by a snapshot's: do not keep it over a wait.
    clicked_ms : tuple of int
        Receive times of the clicks that the last delta brought.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self.world = World(config)
        self.clicked_ms: tuple[int, ...] = ()

    @property
    def version(self) -> Offset:
        """The offset up to which this world has folded the log."""
        return self.world.offset

    def load(self, payload: bytes) -> None:
        """Become the world of a snapshot. Raises `CorruptState` and stays what it was."""
        self.world = self.read(payload)

    def read(self, payload: bytes) -> World:
        """Return the world of a snapshot, to be swapped in later. Raises `CorruptState`."""
        head, arrays = read_state(payload, StateHead, self._config)
        world = World(self._config)
        copying.restore(world, head.world, arrays)
        return world

    def apply(self, payload: bytes) -> bool:
        """Take a delta in; return whether it was news.

        Raises
        ------
        DeltaGap
            When the delta starts after what this world holds, or items were evicted in between.
        CorruptState
            When it is not a delta of this code and configuration. The world then is what it was.
        """
        meta, arrays = read_state(payload, DeltaMeta, self._config)
        here = offset_key(self.world.offset)
        self.clicked_ms = ()
        if offset_key(meta.to_offset) <= here:
            return False
        if offset_key(meta.from_offset) > here:
            raise DeltaGap(f"expected a delta from {self.world.offset} or before, received one from {meta.from_offset}")
        if meta.world.evictions != self.world.evictions:
            raise DeltaGap(
                f"expected a delta of rows as they are here, {self.world.evictions} times renumbered, "
                f"received one of rows {meta.world.evictions} times renumbered: a snapshot has all of them"
            )
        copying.apply(self.world, meta.world, arrays)
        copying.settle(self.world)
        self.clicked_ms = meta.clicked_ms
        return True


def read_state(payload: bytes, kind: type[Head], config: EngineConfig) -> tuple[Head, dict[str, NDArray[Any]]]:
    """Return the meta and the arrays of a snapshot or delta.

    Raises
    ------
    CorruptState
        When it is something else, or was folded with another configuration.
    """
    state = codec.decode(payload)
    try:
        head = msgspec.msgpack.decode(state.blobs[META], type=kind)
    except (KeyError, *UNREADABLE) as error:
        raise CorruptState(f"expected a {kind.__name__}: {error}") from error
    if head.configuration != config.digest():
        raise CorruptState(f"expected a state of configuration {config.digest()}, received one of {head.configuration}")
    return head, state.arrays
