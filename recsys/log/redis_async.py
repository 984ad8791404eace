"""The live log on a Redis stream, for an event loop: appends of many sockets share one round trip."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis.asyncio

from recsys.errors import LogUnavailable
from recsys.events import Event
from recsys.log import append_script, letters, resting
from recsys.log.base import DEAD_LETTERS, SESSION_EVENTS, Receipt
from recsys.log.keys import LogKeys
from recsys.log.records import highest_bit
from recsys.log.redis_client import log_errors, why


class _Call(NamedTuple):
    """One `append` that waits for its receipts."""

    entries: Sequence[append_script.Entry]
    receipts: "asyncio.Future[Sequence[Receipt]]"


class AsyncRedisLog:
    """One shard's log (`recsys.log.base.AsyncLog`), for one event loop.

    Appends of one loop tick, and all that arrive while the server is still busy with the ones before, go out as one
    run of the append script: the more there is to do, the less each costs. One run is under way at a time, so what a
    session appends keeps its order.

    After a failure everything that waits fails too (`LogUnavailable`); the next append tries a new connection.

    Parameters
    ----------
    client : redis.asyncio.Redis
        See `recsys.log.redis_client.connect_async`. Must not decode responses, nor retry by itself.
    shard : int
    max_length, lifetimes, archive
        As in `recsys.log.redis.RedisLog`.
    max_waiting : int
        Events that may wait in this process; beyond that the answer is ``full`` at once.
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        shard: int = 0,
        *,
        max_length: int = 1_000_000,
        lifetimes: append_script.Lifetimes = append_script.LIFETIMES,
        archive: resting.SessionArchive | None = None,
        max_waiting: int = 10_000,
    ) -> None:
        self._client = client
        self._archive = archive
        self._keys = LogKeys(shard)
        self._max_length = max_length
        self._lifetimes = lifetimes
        self._max_waiting = max_waiting
        self._script = client.register_script(append_script.source("append.lua"))
        self._wake = client.register_script(append_script.source("wake.lua"))
        self._calls: deque[_Call] = deque()
        self._waiting = 0
        self._sender: asyncio.Task[None] | None = None

    async def append(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Append each event once. Waits until the log has them; cancelling the wait does not take them back."""
        entries = [append_script.entry(event) for event in events]
        if not entries:
            return []
        if self._waiting + len(entries) > self._max_waiting:
            return [Receipt("full", "")] * len(entries)
        loop = asyncio.get_running_loop()
        call = _Call(entries, loop.create_future())
        self._calls.append(call)
        self._waiting += len(entries)
        if self._sender is None or self._sender.done():
            self._sender = loop.create_task(self._send_all())
        return await call.receipts

    async def session_events(self, session: str) -> Sequence[Event]:
        """Return what the session did, in log order. Wakes its list where that rests."""
        with log_errors():
            entries: Any = await self._client.lrange(self._keys.session(session), 0, -1)
        rest, held = resting.parted(session, entries)
        if rest is None:
            return held
        recalled = await asyncio.to_thread(resting.recalled, self._archive, session, rest)
        if recalled:
            keys, args = resting.waking(self._keys, session, rest, recalled)
            with log_errors():
                await self._wake(keys=keys, args=args)
        return [*recalled, *held][-SESSION_EVENTS:]

    async def forget_session(self, session: str) -> None:
        """Drop the session's own list."""
        with log_errors():
            await self._client.delete(self._keys.session(session))

    async def next_seq(self, session: str) -> int:
        """Return the highest sequence number appended for the session plus 1."""
        with log_errors():
            bits: Any = await self._client.get(self._keys.seen(session))
        return highest_bit(bits or b"") + 1

    async def append_dead_letter(self, payload: bytes, reason: str, context: bytes = b"") -> None:
        """Keep bytes that could not enter the log."""
        fields = letters.fields(payload, reason, context)
        with log_errors():
            await self._client.xadd(self._keys.dead_letters, fields, maxlen=DEAD_LETTERS, approximate=False)

    async def _send_all(self) -> None:
        """Send what waits until nothing does; whatever ends this, nobody is left waiting."""
        reason = "the event loop stopped appending"
        try:
            while self._calls:
                await self._send(self._next_batch())
        except redis.RedisError as error:
            reason = why(error)
        finally:
            self._fail_all(reason)

    def _next_batch(self) -> list[_Call]:
        """Return whole calls of together up to `append_script.BATCH` events, at least one call. They stay waiting."""
        batch: list[_Call] = []
        events = 0
        for call in self._calls:
            events += len(call.entries)
            if batch and events > append_script.BATCH:
                break
            batch.append(call)
        return batch

    async def _send(self, calls: Sequence[_Call]) -> None:
        entries = [entry for call in calls for entry in call.entries]
        keys, args = append_script.arguments(self._keys, entries, self._max_length, self._lifetimes)
        receipts = append_script.receipts(await self._script(keys=keys, args=args))
        self._waiting -= len(entries)
        start = 0
        for call in calls:
            self._calls.popleft()
            if not call.receipts.done():
                call.receipts.set_result(receipts[start : start + len(call.entries)])
            start += len(call.entries)

    def _fail_all(self, reason: str) -> None:
        for call in self._calls:
            if not call.receipts.done():
                call.receipts.set_exception(LogUnavailable(reason))
        self._calls.clear()
        self._waiting = 0
