"""The live log in this process's memory: tests, simulation, and a site without a server."""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from recsys.clock import Clock
from recsys.events import Event, decode
from recsys.log.append_script import LIFETIMES, Entry, Lifetimes, entry
from recsys.log.base import (
    DEAD_LETTER_BYTES,
    DEAD_LETTER_CONTEXT_BYTES,
    DEAD_LETTERS,
    SEEN_TTL_S,
    SESSION_EVENTS,
    DeadLetter,
    Receipt,
    Record,
)
from recsys.log.records import record
from recsys.offsets import ORIGIN, Offset, offset_key


class _SessionState:
    """What the log remembers of one session, as the two Redis keys of it do."""

    def __init__(self) -> None:
        self.events: deque[bytes] = deque(maxlen=SESSION_EVENTS)
        self.events_expire_ms = 0
        self.seen: set[int] = set()
        self.seen_expire_ms = 0

    def expire(self, now_ms: int) -> None:
        if now_ms >= self.events_expire_ms:
            self.events.clear()
        if now_ms >= self.seen_expire_ms:
            self.seen.clear()


class MemoryLog:
    """One shard's log (`recsys.log.base.Log`) with the same behaviour as the Redis one; nothing survives the process.

    Memory: up to `max_length` events, and per session up to `SESSION_EVENTS` events and `MAX_SEQ` numbers, looked
    after only when the session is heard of again. For one thread.

    Parameters
    ----------
    clock : Clock
        Receive times and expiry.
    max_length, lifetimes
        As in `recsys.log.redis.RedisLog`.
    """

    def __init__(self, clock: Clock, *, max_length: int = 1_000_000, lifetimes: Lifetimes = LIFETIMES) -> None:
        self._clock = clock
        self._max_length = max_length
        self._lifetimes = lifetimes
        self._keys: list[tuple[int, int]] = []
        self._payloads: list[bytes] = []
        self._end = offset_key(ORIGIN)
        self._sessions: dict[str, _SessionState] = {}
        self._dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS)
        self._last_letter = offset_key(ORIGIN)

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once."""
        return [self._append_one(prepared) for prepared in [entry(event) for event in events]]

    def _append_one(self, prepared: Entry) -> Receipt:
        now_ms = self._clock.now_ms()
        session = self._session(prepared.session) if prepared.session else None
        if session is not None and prepared.seq in session.seen:
            return Receipt("duplicate", "")
        if len(self._keys) >= self._max_length:
            return Receipt("full", "")
        self._end = max((now_ms, 0), (self._end[0], self._end[1] + 1))
        self._keys.append(self._end)
        self._payloads.append(prepared.payload)
        if session is not None:
            session.events.append(prepared.payload)
            life_s = self._lifetimes.recognised_s if prepared.recognised else self._lifetimes.session_s
            session.events_expire_ms = max(session.events_expire_ms, now_ms + 1_000 * life_s)
            if prepared.seq:
                session.seen.add(prepared.seq)
            session.seen_expire_ms = now_ms + SEEN_TTL_S * 1_000
            self._sessions[prepared.session] = session
        return Receipt("accepted", _offset(self._end))

    def _session(self, session: str) -> _SessionState:
        state = self._sessions.get(session) or _SessionState()
        state.expire(self._clock.now_ms())
        return state

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`, in order."""
        start = bisect_right(self._keys, offset_key(after))
        return [
            record(_offset(key), payload)
            for key, payload in zip(
                self._keys[start : start + limit], self._payloads[start : start + limit], strict=True
            )
        ]

    def newest(self, limit: int) -> Sequence[Record]:
        """Return the newest records held, in order."""
        older = len(self._keys) - limit
        return self.read(_offset(self._keys[older - 1]) if older > 0 else ORIGIN, limit)

    def end(self) -> Offset:
        """Return the newest offset ever appended (or advanced to), `ORIGIN` when there is none."""
        return _offset(self._end)

    def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, in log order."""
        return [decode(payload) for payload in self._session(session).events]

    def forget_session(self, session: str) -> None:
        """Drop the session's own list."""
        self._session(session).events.clear()

    def next_seq(self, session: str) -> int:
        """Return the highest sequence number appended for the session plus 1."""
        return max(self._session(session).seen, default=0) + 1

    def append_dead_letter(self, payload: bytes, reason: str, context: bytes = b"") -> None:
        """Keep bytes that could not enter the log."""
        self._last_letter = max((self._clock.now_ms(), 0), (self._last_letter[0], self._last_letter[1] + 1))
        kept = context if len(context) <= DEAD_LETTER_CONTEXT_BYTES else b""
        letter = DeadLetter(_offset(self._last_letter), reason, payload[:DEAD_LETTER_BYTES], len(payload), kept)
        self._dead_letters.append(letter)

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Return the dead letters held, oldest first."""
        return list(self._dead_letters)

    def drop_dead_letter(self, letter_id: Offset) -> bool:
        """Let a dead letter go."""
        held = [letter for letter in self._dead_letters if letter.id != letter_id]
        dropped = len(held) < len(self._dead_letters)
        self._dead_letters = deque(held, maxlen=DEAD_LETTERS)
        return dropped

    def length(self) -> int:
        """Return how many records are held."""
        return len(self._keys)

    def first(self) -> Offset:
        """Return the oldest offset held, `ORIGIN` when empty."""
        return _offset(self._keys[0]) if self._keys else ORIGIN

    def trim(self, through: Offset) -> int:
        """Drop records up to and including `through`."""
        count = bisect_right(self._keys, offset_key(through))
        del self._keys[:count], self._payloads[:count]
        return count

    def advance(self, past: Offset) -> None:
        """Let every later record have an offset larger than `past`."""
        self._end = max(self._end, offset_key(past))


class AsyncMemoryLog:
    """`MemoryLog` behind the interface for event loops (`recsys.log.base.AsyncLog`); never waits.

    Parameters
    ----------
    log : MemoryLog
        Where everything goes; may be read directly.
    """

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once."""
        return self._log.append(events)

    async def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, in log order."""
        return self._log.session_events(session)

    async def forget_session(self, session: str) -> None:
        """Drop the session's own list."""
        self._log.forget_session(session)

    async def next_seq(self, session: str) -> int:
        """Return the highest sequence number appended for the session plus 1."""
        return self._log.next_seq(session)

    async def append_dead_letter(self, payload: bytes, reason: str, context: bytes = b"") -> None:
        """Keep bytes that could not enter the log."""
        self._log.append_dead_letter(payload, reason, context)


def _offset(key: tuple[int, int]) -> Offset:
    return f"{key[0]}-{key[1]}"
