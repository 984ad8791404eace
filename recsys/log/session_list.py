"""An event as it stands in its session's own list: without the session's id, and with names in one byte.

An impression takes 41 bytes instead of 124. These lists are most of what the server holds in memory: one for everybody
who was here lately.
"""

from typing import Any, Final

import msgspec

from recsys.events import Event, SessionEvent, decode

#: Names by number. Lists outlive a release: add at the end only.
_FIELDS: Final = (
    "type", "event_time_ms", "v", "seq", "simulated", "item", "slate", "position", "dwell_ms",
    "surface", "items", "propensities", "arm", "version", "packed", "visitor", "explored",
    "referrer", "page", "device",
)  # fmt: skip
_TYPES: Final = (
    "slate", "impression", "click", "dwell", "dismissal", "dismissal_undone", "session_forgotten",
    "session_began",
)  # fmt: skip

Name = str | int

_FIELD_NUMBERS: Final[dict[Name, Name]] = {name: number for number, name in enumerate(_FIELDS)}
_FIELD_NAMES: Final[dict[Name, Name]] = dict(enumerate(_FIELDS))
_TYPE_NUMBERS: Final[dict[Name, Name]] = {name: number for number, name in enumerate(_TYPES)}
_TYPE_NAMES: Final[dict[Name, Name]] = dict(enumerate(_TYPES))
_TYPE: Final = _FIELD_NUMBERS["type"]
_TIME: Final = _FIELD_NUMBERS["event_time_ms"]

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[dict[Name, Any]] = msgspec.msgpack.Decoder(dict[Name, Any])


def shortened(event: SessionEvent) -> bytes:
    """Return an event of a session as its list holds it. What has no number yet keeps its name.

    >>> from recsys.events import Click
    >>> click = Click(event_time_ms=5, session="s", seq=1, item="7")
    >>> restored("s", shortened(click)) == click
    True
    """
    named: dict[Name, Any] = msgspec.to_builtins(event, builtin_types=(bytes,))
    del named["session"]
    fields = {_FIELD_NUMBERS.get(name, name): value for name, value in named.items()}
    fields[_TYPE] = _TYPE_NUMBERS.get(fields[_TYPE], fields[_TYPE])
    return _encoder.encode(fields)


def event_time_ms(entry: bytes) -> int:
    """Return when the event that a list holds happened."""
    fields = _decoder.decode(entry)
    return int(fields[_TIME] if _TIME in fields else fields["event_time_ms"])


def restored(session: str, entry: bytes) -> Event:
    """Return the event that a session's list holds, also as lists of before held them: as the log does.

    Raises
    ------
    InvalidEvent
        When it is of a schema that this code does not know.
    """
    short = _decoder.decode(entry)
    if "session" in short:
        return decode(entry)
    fields = {_FIELD_NAMES.get(name, name): value for name, value in short.items()}
    kind = fields.get("type", "")
    return decode(_encoder.encode(fields | {"type": _TYPE_NAMES.get(kind, kind), "session": session}))
