"""Places in the log: ``"milliseconds-sequence"``, receive time first, as Redis Streams write them."""

from typing import Final

Offset = str

ORIGIN: Final[Offset] = "0-0"


def offset_key(offset: Offset) -> tuple[int, int]:
    """Return the offset as numbers that sort in log order.

    >>> offset_key("17-3")
    (17, 3)
    """
    milliseconds, _, sequence = offset.partition("-")
    return int(milliseconds), int(sequence or 0)
