"""Sessions' lists that rest: after a while unused they leave the server's memory, and the archive is asked instead.

In a list's place stands a note of what it held (`Rest`), for as long as the list would have lived; what the session
does next follows it. Whoever reads the list for a visitor wakes it: what the archive has is put back.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import redis

from recsys.errors import CorruptState, InvalidEvent, LogUnavailable
from recsys.events import Event
from recsys.log import append_script, session_list
from recsys.log.base import SESSION_EVENTS
from recsys.log.keys import LogKeys
from recsys.log.redis_client import log_errors
from recsys.offsets import Offset, offset_key

#: Lists put to rest at a time, some 10 µs each.
STEP: Final = 200
#: How much earlier than its event time an event may have been received: clocks of servers differ.
_CLOCKS_MS: Final = 60_000


class SessionArchive(Protocol):
    """The part of the archive (`recsys.log.archive.ArchiveLog`) that is asked for sessions."""

    def session_events(self, session: str, since_ms: int = 0, until_ms: int | None = None) -> Sequence[Event]:
        """Return what a session did between two receive times, in log order. Raises `CorruptState`."""
        ...


class Rest(NamedTuple):
    """What a list held that rests: its session's newest events up to a moment.

    Attributes
    ----------
    events : int
        How many.
    since_ms, until_ms : int
        Receive times: none of them is earlier than the first, nor later than the second, which whatever follows is.
    """

    events: int
    since_ms: int
    until_ms: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Rest)


def note(rest: Rest) -> bytes:
    """Return what stands in the list: an array, where events are maps."""
    return _encoder.encode(rest)


def parted(session: str, entries: Sequence[bytes]) -> tuple[Rest | None, list[Event]]:
    """Part a session's list into what rests and the events that it holds, but those that only later code can read.

    >>> parted("s", [note(Rest(3, 1_000, 2_000))])
    (Rest(events=3, since_ms=1000, until_ms=2000), [])
    >>> parted("s", [])
    (None, [])
    """
    rest = _rest(entries[0]) if entries else None
    held = entries if rest is None else entries[1:]
    return rest, list(_restored(session, held))


def recalled(archive: SessionArchive | None, session: str, rest: Rest) -> Sequence[Event]:
    """Return what rests, in log order: some milliseconds for each minute of a busy site's session. Blocks.

    Raises
    ------
    LogUnavailable
        When there is no archive, or it can't be read.
    """
    if archive is None:
        raise LogUnavailable(f"expected an archive to read {session} from, which rests; this log was given none")
    try:
        return archive.session_events(session, rest.since_ms, rest.until_ms)[-rest.events :]
    except CorruptState as error:
        raise LogUnavailable(str(error)) from error


def waking(keys: LogKeys, session: str, rest: Rest, events: Sequence[Event]) -> tuple[list[str], list[bytes]]:
    """Return the keys and arguments for ``wake.lua``; `events` are those that rest, at least one."""
    entries = [append_script.entry(event).listed for event in reversed(events)]
    return [keys.awake, keys.session(session)], [note(rest), *entries]


class Resting:
    """Lets sessions' lists rest, for the one process that writes the archive.

    Parameters
    ----------
    client : redis.Redis
        As of `recsys.log.redis.RedisLog`.
    after_s : int
        How long a list is unused before it rests.
    shard : int
    """

    def __init__(self, client: redis.Redis, after_s: int, shard: int = 0) -> None:
        self._client = client
        self._keys = LogKeys(shard)
        self._after_ms = 1_000 * after_s
        self._script = client.register_script(append_script.source("rest.lua"))

    def run(self, archived: Offset, now_ms: int) -> int:
        """Let the lists rest that have been unused for long enough and are archived whole; return how many do now.

        Those unused for longest come first, `STEP` at most. Raises `LogUnavailable`.
        """
        until_ms = min(now_ms - self._after_ms, offset_key(archived)[0] - 1)
        with log_errors():
            found: Any = self._client.zrange(
                self._keys.awake, 0, until_ms, byscore=True, offset=0, num=STEP, withscores=True
            )
            if not found:
                return 0
            looks = self._client.pipeline(transaction=False)
            for name, _ in found:
                looks.lindex(name, 0)
                looks.llen(name)
            seen = looks.execute()
            notes = (
                (int(used), note(_resting(first, length, int(used))) if first else b"")
                for (_, used), first, length in zip(found, seen[::2], seen[1::2], strict=True)
            )
            return int(self._script(keys=[self._keys.awake, *(name for name, _ in found)], args=list(chain(*notes))))


def _resting(first: bytes, length: int, used_ms: int) -> Rest:
    """Return what a list holds that begins with `first`, and was last used at `used_ms`."""
    before = _rest(first)
    if before is None:
        return Rest(length, session_list.event_time_ms(first) - _CLOCKS_MS, used_ms)
    return Rest(min(before.events + length - 1, SESSION_EVENTS), before.since_ms, used_ms)


def _restored(session: str, entries: Sequence[bytes]) -> Iterator[Event]:
    for entry in entries:
        with contextlib.suppress(InvalidEvent):
            yield session_list.restored(session, entry)


def _rest(entry: bytes) -> Rest | None:
    try:
        return _decoder.decode(entry)
    except msgspec.ValidationError:
        return None
