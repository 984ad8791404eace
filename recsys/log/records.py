"""From the bytes that a log holds to what its readers get."""

from recsys.errors import InvalidEvent
from recsys.events import Event, decode
from recsys.log.base import Record
from recsys.offsets import Offset


def record(offset: Offset, payload: bytes) -> Record:
    """Return the record that stands at `offset`; without an event where the bytes are none.

    >>> record("1-0", b"?").event is None
    True
    """
    return Record(offset, event_in(payload), payload)


def event_in(payload: bytes) -> Event | None:
    """Return the event that bytes of the log are, None where this code can't read them."""
    try:
        return decode(payload)
    except InvalidEvent:
        return None


def highest_bit(bits: bytes) -> int:
    """Return the number of the highest bit set, 0 when there is none; bit 0 is the first byte's most significant.

    Redis numbers bits like that, so that a bitmap is exactly as long as its highest bit needs.

    >>> highest_bit(b""), highest_bit(bytes([0b0110_0000])), highest_bit(bytes([0, 0b0000_0001]))
    (0, 2, 15)
    """
    if not bits or not bits[-1]:
        return 0
    last = bits[-1]
    return len(bits) * 8 - 1 - ((last & -last).bit_length() - 1)
