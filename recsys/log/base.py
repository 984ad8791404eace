"""What every log can do: append once, read in order, trim what has been folded."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from recsys.events import Event
from recsys.offsets import ORIGIN, Offset, offset_key

Outcome = Literal["accepted", "duplicate", "full"]


class Receipt(NamedTuple):
    """What became of one appended event. `offset` is empty unless it was accepted."""

    outcome: Outcome
    offset: Offset


class Record(NamedTuple):
    """One entry of the log. `event` is None where the bytes are not an event (a dead letter)."""

    offset: Offset
    event: Event | None
    payload: bytes

    @property
    def received_ms(self) -> int:
        """Receive time in milliseconds."""
        return offset_key(self.offset)[0]


class Reader(Protocol):
    """The reading half, which bounded histories share with the live log."""

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`, in order; empty at the end. Never blocks."""
        ...

    def end(self) -> Offset:
        """Return the newest offset ever appended, `ORIGIN` when there is none."""
        ...


class Log(Reader, Protocol):
    """The live log of one shard."""

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once, atomically with its deduplication, in the order given.

        An event with ``seq > 0`` whose (session, seq) is in the log already is a ``duplicate``; at the bound
        every event is ``full`` and nothing is written. Events of sessions also go to the session's own short
        list (`session_events`). Durable when it returns.

        Raises
        ------
        LogUnavailable
            When the log can't be reached; nothing may be acknowledged.
        """
        ...

    def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, oldest first; empty when it ended or never was."""
        ...

    def forget_session(self, session: str) -> None:
        """Drop the session's own list (the log itself is untouched)."""
        ...

    def length(self) -> int:
        """Return how many records are held."""
        ...

    def first(self) -> Offset:
        """Return the oldest offset held, `ORIGIN` when empty."""
        ...

    def trim(self, through: Offset) -> int:
        """Drop records up to and including `through`; the caller vouches that they are folded and archived."""
        ...


def records(
    reader: Reader, after: Offset = ORIGIN, until: Offset | None = None, batch: int = 1_000
) -> Iterator[Record]:
    """Yield the records after `after`, up to and including `until` (default: the end)."""
    last = None if until is None else offset_key(until)
    while True:
        found = reader.read(after, batch)
        if not found:
            return
        for record in found:
            if last is not None and offset_key(record.offset) > last:
                return
            yield record
        after = found[-1].offset
