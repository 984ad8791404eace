"""What every log can do: append once, read in order, trim what has been folded."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from recsys.events import Event
from recsys.offsets import ORIGIN, Offset, offset_key

#: Largest sequence number of a session: it bounds what remembering them takes (a bit each, 8 KiB a session).
MAX_SEQ: Final = 65_535
#: How long a log remembers a session's sequence numbers after its last event.
SEEN_TTL_S: Final = 7 * 86_400
#: Newest events that a session's own list holds.
SESSION_EVENTS: Final = 1_000
#: Largest encoded event.
MAX_EVENT_BYTES: Final = 65_536
#: Newest dead letters held, and how much of each, and of what is needed to try it again.
DEAD_LETTERS: Final = 1_000
DEAD_LETTER_BYTES: Final = 4_096
DEAD_LETTER_CONTEXT_BYTES: Final = 8_192

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


class DeadLetter(NamedTuple):
    """What could not enter the log.

    Attributes
    ----------
    id : Offset
        When it was put aside, as offsets are written; not a place in the log.
    reason : str
    payload : bytes
        Its beginning, if it was longer than `DEAD_LETTER_BYTES`.
    size : int
        How long it was.
    context : bytes
        What came with it and is needed to try it again; empty where that was nothing, or too much.
    """

    id: Offset
    reason: str
    payload: bytes
    size: int
    context: bytes = b""

    @property
    def received_ms(self) -> int:
        """When it was put aside."""
        return offset_key(self.id)[0]


class Reader(Protocol):
    """The reading half, which bounded histories share with the live log."""

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`, in order; empty at the end. Never blocks."""
        ...

    def end(self) -> Offset:
        """Return the newest offset ever appended, `ORIGIN` when there is none."""
        ...


class BeginningReader(Reader, Protocol):
    """A reader that knows where what it holds begins."""

    def first(self) -> Offset:
        """Return the oldest offset held, `ORIGIN` when empty."""
        ...


class Log(BeginningReader, Protocol):
    """The live log of one shard. Every method may raise `LogUnavailable`; then nothing may be acknowledged."""

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once, atomically with its deduplication, in the order given.

        An event with ``seq > 0`` whose (session, seq) is in the log already is a ``duplicate``; any other is
        ``full`` while the log is at its bound, and leaves no trace. Events of sessions also go to the session's own
        short list (`session_events`). Durable when it returns. When it raises `LogUnavailable` some may have been
        appended: those with a sequence number can be sent again safely.

        Raises
        ------
        InvalidEvent
            When a sequence number is above `MAX_SEQ` or an event larger than `MAX_EVENT_BYTES`; nothing is appended.
        """
        ...

    def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, in log order, oldest first; empty when it ended or never was."""
        ...

    def forget_session(self, session: str) -> None:
        """Drop the session's own list (the log itself, and which numbers it has seen, are untouched)."""
        ...

    def next_seq(self, session: str) -> int:
        """Return the highest sequence number appended for the session plus 1; 1 for a new one."""
        ...

    def append_dead_letter(self, payload: bytes, reason: str, context: bytes = b"") -> None:
        """Keep bytes that could not enter the log, aside from it: see `DeadLetter` and `DEAD_LETTERS`."""
        ...

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Return the dead letters held, oldest first."""
        ...

    def drop_dead_letter(self, letter_id: Offset) -> bool:
        """Let a dead letter go; return whether it was there."""
        ...

    def newest(self, limit: int) -> Sequence[Record]:
        """Return the newest records held, at most `limit`, in order."""
        ...

    def length(self) -> int:
        """Return how many records are held."""
        ...

    def trim(self, through: Offset) -> int:
        """Drop records up to and including `through`; the caller vouches that they are folded and archived.

        Returns how many went. `end` stays what it was.
        """
        ...

    def advance(self, past: Offset) -> None:
        """Let every later record have an offset larger than `past`: a history up to there comes first."""
        ...


class AsyncLog(Protocol):
    """The half of the live log that a web process needs, for an event loop. As in `Log`."""

    async def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once. Concurrent calls may share a round trip; each call's order is kept."""
        ...

    async def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, in log order."""
        ...

    async def forget_session(self, session: str) -> None:
        """Drop the session's own list."""
        ...

    async def next_seq(self, session: str) -> int:
        """Return the highest sequence number appended for the session plus 1."""
        ...

    async def append_dead_letter(self, payload: bytes, reason: str, context: bytes = b"") -> None:
        """Keep bytes that could not enter the log."""
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
