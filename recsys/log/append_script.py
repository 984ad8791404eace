"""What goes into the append script and what comes out, for the blocking and the asynchronous log alike."""

from collections.abc import Sequence
from importlib import resources
from typing import Any, Final, NamedTuple

from recsys.errors import InvalidEvent
from recsys.events import Event, SessionEvent, SlateServed, encode
from recsys.log import session_list
from recsys.log.base import MAX_EVENT_BYTES, MAX_SEQ, SEEN_TTL_S, SESSION_EVENTS, Receipt
from recsys.log.keys import LogKeys

#: Most events in one run of the script, which holds up the server for 10 to 20 µs each.
BATCH: Final = 500

_NOT_APPENDED: Final = {b"duplicate": Receipt("duplicate", ""), b"full": Receipt("full", "")}


class Entry(NamedTuple):
    """One event, ready to be appended.

    Attributes
    ----------
    session : str
        Empty for events of the catalogue.
    seq : int
    payload : bytes
        As the log holds it.
    listed : bytes
        As the session's own list holds it; empty for events of the catalogue.
    recognised : bool
        Whether it says whose session this is: that of a visitor who lets earlier sessions count.
    """

    session: str
    seq: int
    payload: bytes
    listed: bytes = b""
    recognised: bool = False


class Lifetimes(NamedTuple):
    """How long a session's own list outlives its last event.

    Attributes
    ----------
    session_s : int
        At least the inactivity gap, so that another process can take the visitor over.
    recognised_s : int
        Of visitors who let earlier sessions count, not less than `session_s`.
    """

    session_s: int
    recognised_s: int


LIFETIMES: Final = Lifetimes(session_s=2_400, recognised_s=86_400)


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
    recognised = isinstance(event, SlateServed) and event.visitor != ""
    return Entry(event.session, event.seq, payload, session_list.shortened(event), recognised)


def arguments(
    keys: LogKeys, entries: Sequence[Entry], max_length: int, lifetimes: Lifetimes
) -> tuple[list[str], list[Any]]:
    """Return the keys and arguments for one run of ``append.lua``."""
    numbers: dict[str, int] = {}
    lives_s: list[int] = []
    events: list[Any] = []
    for session, seq, payload, listed, recognised in entries:
        number = numbers.setdefault(session, len(numbers) + 1) if session else 0
        if number > len(lives_s):
            lives_s.append(lifetimes.session_s)
        if recognised:
            lives_s[number - 1] = lifetimes.recognised_s
        events += (number, seq, payload, listed)
    names = [keys.stream, keys.awake]
    for session in numbers:
        names += (keys.session(session), keys.seen(session))
    return names, [max_length, SESSION_EVENTS, SEEN_TTL_S, *lives_s, *events]


def receipts(reply: Sequence[bytes]) -> list[Receipt]:
    """Read what the script returned.

    >>> receipts([b"17-0", b"full"])
    [Receipt(outcome='accepted', offset='17-0'), Receipt(outcome='full', offset='')]
    """
    return [_NOT_APPENDED.get(answer) or Receipt("accepted", answer.decode()) for answer in reply]
