"""Numbers in words and in addresses.

Anybody writes addresses, so reading a number there never fails and never takes long.
"""

from typing import Final

#: What every larger number is read as: still larger than any page, step or place there is.
LARGEST: Final = 10**18


def number_named(text: str) -> int | None:
    """Return the number from 0 to `LARGEST` that a text names in plain digits, None where it names none.

    >>> number_named("17"), number_named("0017"), number_named("9" * 5_000) == LARGEST
    (17, 17, True)
    >>> number_named(""), number_named("-1"), number_named("1.0"), number_named("¹"), number_named("१")
    (None, None, None, None, None)
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) < len(str(LARGEST)) else LARGEST


def counted(count: float, noun: str) -> str:
    """Write how many there are of something that an s makes many.

    >>> counted(0, "click"), counted(1, "click"), counted(1_200, "click"), counted(20.0, "event")
    ('0 clicks', '1 click', '1,200 clicks', '20 events')
    """
    return f"{count:,.15g} {noun}{'' if count == 1 else 's'}"
