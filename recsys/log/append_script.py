"""What goes into the append script and what comes out, for the blocking and the asynchronous log alike."""

from collections.abc import Sequence
from importlib import resources
from typing import Any, Final, NamedTuple

from recsys.errors import InvalidEvent
from recsys.events import Event, SessionEvent, encode
from recsys.log.base import MAX_EVENT_BYTES, MAX_SEQ, SEEN_TTL_S, SESSION_EVENTS, Receipt
from recsys.log.keys import LogKeys

#: Most events in one run of the script, which holds up the server for 10 to 20 µs each.
BATCH: Final = 500

_NOT_APPENDED: Final = {b"duplicate": Receipt("duplicate", ""), b"full": Receipt("full", "")}


class Entry(NamedTuple):
    """One event, ready to be appended. `session` is empty for events of the catalogue."""

    session: str
    seq: int
    payload: bytes


def source(name: str) -> str:
    """Return the text of one of this package's Lua scripts."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def entry(event: Event) -> Entry:
    """Encode an event.

    Raises
    ------
    InvalidEvent
        When its sequence number or its size is out of bounds.
    """
    payload = encode(event)
    if len(payload) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"{event.tag()}: expected at most {MAX_EVENT_BYTES} bytes, received {len(payload)}")
    if not isinstance(event, SessionEvent):
        return Entry("", 0, payload)
    if not event.session or not 0 <= event.seq <= MAX_SEQ:
        raise InvalidEvent(
            f"{event.tag()}: expected a session and a sequence number of 0 to {MAX_SEQ}, "
            f"received {event.session!r} and {event.seq}"
        )
    return Entry(event.session, event.seq, payload)


def arguments(
    keys: LogKeys, entries: Sequence[Entry], max_length: int, session_ttl_s: int
) -> tuple[list[str], list[Any]]:
    """Return the keys and arguments for one run of ``append.lua``."""
    numbers: dict[str, int] = {}
    events: list[Any] = []
    for session, seq, payload in entries:
        number = numbers.setdefault(session, len(numbers) + 1) if session else 0
        events += (number, seq, payload)
    names = [keys.stream]
    for session in numbers:
        names += (keys.session(session), keys.seen(session))
    return names, [max_length, SESSION_EVENTS, session_ttl_s, SEEN_TTL_S, *events]


def receipts(reply: Sequence[bytes]) -> list[Receipt]:
    """Read what the script returned.

    >>> receipts([b"17-0", b"full"])
    [Receipt(outcome='accepted', offset='17-0'), Receipt(outcome='full', offset='')]
    """
    return [_NOT_APPENDED.get(answer) or Receipt("accepted", answer.decode()) for answer in reply]
