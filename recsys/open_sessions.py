"""The sessions whose inactivity gap has not passed, as the fold sees them: bounded, and in order of last activity."""

from typing import Final

import msgspec

from recsys.renumbering import Places
from recsys.retrieval.neighbours import NO_SERIAL
from recsys.sessions import ContextState, SessionBelief, SessionContext
from recsys.spilling import SpillingMap

#: Sessions that may be open at once; beyond that those longest idle end early, and are counted.
MAX_OPEN: Final = 200_000
#: Of these, those that stand in memory: some 20 kB each, a tenth of it on disk.
IN_MEMORY: Final = 1_536


class OpenSession(msgspec.Struct):
    """What a session did and taught, its serial number in the neighbour index, and when it was last heard of."""

    context: SessionContext
    received_ms: int
    serial: int = NO_SERIAL
    belief: SessionBelief | None = None


class OpenSessionState(msgspec.Struct, frozen=True):
    """An `OpenSession` as it stands in the fold's snapshot."""

    context: ContextState
    received_ms: int
    serial: int
    belief: bytes | None


_decoder: Final = msgspec.msgpack.Decoder(OpenSessionState)


def _pack(session: OpenSession) -> bytes:
    belief = None if session.belief is None else session.belief.to_state()
    return msgspec.msgpack.encode(
        OpenSessionState(session.context.to_state(), session.received_ms, session.serial, belief)
    )


def _unpack(packed: bytes) -> OpenSession:
    state = _decoder.decode(packed)
    belief = None if state.belief is None else SessionBelief.from_state(state.belief)
    return OpenSession(SessionContext.from_state(state.context), state.received_ms, state.serial, belief)


class OpenSessions:
    """Open sessions by id, the one longest idle first.

    Parameters
    ----------
    gap_ms : int
        Inactivity that ends a session, by receive time, which never runs backwards.
    max_open : int

    Attributes
    ----------
    evicted : int
        Sessions that ended early because too many were open.
    """

    def __init__(self, gap_ms: int, max_open: int = MAX_OPEN) -> None:
        self._gap_ms = gap_ms
        self._max_open = max_open
        self._open: SpillingMap[OpenSession] = SpillingMap(IN_MEMORY, _pack, _unpack)
        self.evicted = 0
        self._due_ms = 0  # no gap has passed before

    def __len__(self) -> int:
        return len(self._open)

    def get(self, session: str) -> OpenSession | None:
        """Return an open session, None where it ended or never was."""
        return self._open.get(session)

    def touch(self, session: str, at_ms: int, received_ms: int) -> OpenSession:
        """Return the session, opened if need be, after something happened in it at `at_ms`."""
        found = self._open.pop(session) or OpenSession(SessionContext(session, began_ms=at_ms), received_ms)
        found.context.touch(at_ms)
        found.received_ms = received_ms
        self._open.put(session, found)
        if len(self._open) > self._max_open and (oldest := self._open.oldest()):
            self._open.pop(oldest[0])
            self.evicted += 1
        return found

    def forget(self, session: str) -> None:
        """Drop a session that is open, if it is."""
        self._open.pop(session)

    def end(self, watermark_ms: int) -> None:
        """Forget the sessions whose gap has passed."""
        if watermark_ms < self._due_ms:
            return
        while oldest := self._open.oldest():
            session, open_session = oldest
            if open_session.received_ms + self._gap_ms > watermark_ms:
                break
            self._open.pop(session)
        self._due_ms = (oldest[1].received_ms if oldest else watermark_ms) + self._gap_ms

    def renumber(self, places: Places) -> None:
        """Name items by their new rows. Costs a pass over what is open."""
        self._open.change_all(lambda session: session.context.renumber(places))

    def to_state(self) -> msgspec.Raw:
        """Return the sessions by id for a snapshot, each as an `OpenSessionState`, in order."""
        return self._open.to_state()

    def restore(self, state: msgspec.Raw, evicted: int) -> None:
        """Become what `to_state` and `evicted` described. Raises `msgspec.DecodeError` on anything else."""
        self._open.restore(state)
        self._due_ms = 0
        self.evicted = evicted
