"""The live log on a Redis stream, for code that may block: the learner, commands, tests."""

from collections.abc import Sequence
from typing import Any, Final

import redis

from recsys.events import Event
from recsys.log import append_script, letters, resting
from recsys.log.base import DEAD_LETTERS, SESSION_EVENTS, DeadLetter, Receipt, Record
from recsys.log.keys import LogKeys
from recsys.log.records import highest_bit, record
from recsys.log.redis_client import log_errors
from recsys.offsets import ORIGIN, Offset, offset_key

#: Most records that one command reads or drops: the server does nothing else meanwhile, about 3 ms.
STEP: Final = 1_000


class RedisLog:
    """One shard's log (`recsys.log.base.Log`) on Redis 7.0 or newer, or Valkey.

    Memory on the server: see `recsys.log.keys.LogKeys`; the stream takes at most `max_length` events of
    `MAX_EVENT_BYTES`, typically 150 bytes each. Durability is the server's ``appendfsync``.

    Parameters
    ----------
    client : redis.Redis
        See `recsys.log.redis_client.connect`. Must not decode responses.
    shard : int
    max_length : int
        Records beyond which appends are refused as ``full``.
    lifetimes : Lifetimes
        Of the sessions' own lists.
    archive : SessionArchive, optional
        Where lists that rest are read (`recsys.log.resting`).
    """

    def __init__(
        self,
        client: redis.Redis,
        shard: int = 0,
        *,
        max_length: int = 1_000_000,
        lifetimes: append_script.Lifetimes = append_script.LIFETIMES,
        archive: resting.SessionArchive | None = None,
    ) -> None:
        self._client = client
        self._archive = archive
        self._keys = LogKeys(shard)
        self._max_length = max_length
        self._lifetimes = lifetimes
        self._append = client.register_script(append_script.source("append.lua"))
        self._advance = client.register_script(append_script.source("advance.lua"))

    def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once; more than `append_script.BATCH` go in several atomic steps."""
        entries = [append_script.entry(event) for event in events]
        receipts: list[Receipt] = []
        for start in range(0, len(entries), append_script.BATCH):
            keys, args = append_script.arguments(
                self._keys, entries[start : start + append_script.BATCH], self._max_length, self._lifetimes
            )
            with log_errors():
                receipts += append_script.receipts(self._append(keys=keys, args=args))
        return receipts

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`, in order."""
        found: list[Record] = []
        while len(found) < limit:
            wanted = min(limit - len(found), STEP)
            with log_errors():
                entries: Any = self._client.xrange(self._keys.stream, min=f"({after}", count=wanted)
            found += [record(offset.decode(), fields[b"event"]) for offset, fields in entries]
            if len(entries) < wanted:
                break
            after = found[-1].offset
        return found

    def newest(self, limit: int) -> Sequence[Record]:
        """Return the newest records held, in order."""
        with log_errors():
            found: Any = self._client.xrevrange(self._keys.stream, count=limit)
        return [record(offset.decode(), fields[b"event"]) for offset, fields in reversed(found)]

    def end(self) -> Offset:
        """Return the newest offset ever appended (or advanced to), `ORIGIN` when there is none."""
        with log_errors():
            if not self._client.exists(self._keys.stream):
                return ORIGIN
            newest: bytes = self._client.xinfo_stream(self._keys.stream)["last-generated-id"]
        return newest.decode()

    def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, in log order. A list that rests is not woken: this is for those who look on."""
        with log_errors():
            entries: Any = self._client.lrange(self._keys.session(session), 0, -1)
        rest, held = resting.parted(session, entries)
        if rest is None:
            return held
        return [*resting.recalled(self._archive, session, rest), *held][-SESSION_EVENTS:]

    def forget_session(self, session: str) -> None:
        """Drop the session's own list."""
        with log_errors():
            self._client.delete(self._keys.session(session))

    def next_seq(self, session: str) -> int:
        """Return the highest sequence number appended for the session plus 1."""
        with log_errors():
            bits: Any = self._client.get(self._keys.seen(session))
        return highest_bit(bits or b"") + 1

    def append_dead_letter(self, payload: bytes, reason: str, context: bytes = b"") -> None:
        """Keep bytes that could not enter the log."""
        with log_errors():
            self._client.xadd(
                self._keys.dead_letters,
                letters.fields(payload, reason, context),
                maxlen=DEAD_LETTERS,
                approximate=False,
            )

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Return the dead letters held, oldest first."""
        with log_errors():
            found: Any = self._client.xrange(self._keys.dead_letters)
        return [letters.letter(name, fields) for name, fields in found]

    def drop_dead_letter(self, letter_id: Offset) -> bool:
        """Let a dead letter go."""
        with log_errors():
            return bool(self._client.xdel(self._keys.dead_letters, letter_id))

    def length(self) -> int:
        """Return how many records are held."""
        with log_errors():
            return int(self._client.xlen(self._keys.stream))

    def first(self) -> Offset:
        """Return the oldest offset held, `ORIGIN` when empty."""
        with log_errors():
            found: Any = self._client.xrange(self._keys.stream, count=1)
        return found[0][0].decode() if found else ORIGIN

    def trim(self, through: Offset) -> int:
        """Drop records up to and including `through`."""
        milliseconds, sequence = offset_key(through)
        kept = f"{milliseconds}-{sequence + 1}"
        dropped = 0
        with log_errors():
            # Whole nodes in steps, then the rest of the last one.
            while step := int(self._client.xtrim(self._keys.stream, minid=kept, approximate=True, limit=STEP)):
                dropped += step
            return dropped + int(self._client.xtrim(self._keys.stream, minid=kept, approximate=False))

    def advance(self, past: Offset) -> None:
        """Let every later record have an offset larger than `past`."""
        if past == ORIGIN:
            return
        with log_errors():
            self._advance(keys=[self._keys.stream], args=[past])
