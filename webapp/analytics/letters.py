"""Dead letters as staff see and handle them; what they do is written down beside Django's other log entries."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from django.contrib.admin.models import CHANGE, DELETION
from django.contrib.auth.models import User

from recsys.log.base import DeadLetter
from webapp import wiring
from webapp.analytics import audit
from webapp.analytics.models import StaffPage
from webapp.analytics.templatetags.figures import counted
from webapp.tracking.redriving import NotRedrivable, Redriven, judge, redrive
from webapp.tracking.refusals import REASONS
from webapp.tracking.services import KnownItems

_PREVIEW: Final = 60
_HEX_ROW: Final = 16


@dataclasses.dataclass(frozen=True, slots=True)
class HexRow:
    """Sixteen bytes: their place, their digits, and what of them is text."""

    place: str
    digits: str
    text: str


def letters() -> Sequence[DeadLetter]:
    """Return the dead letters held. Raises `LogUnavailable`."""
    return wiring.event_log().dead_letters()


def letter_named(letter_id: str) -> DeadLetter | None:
    """Return the dead letter of that id, None when it is gone. Raises `LogUnavailable`."""
    return next((letter for letter in letters() if letter.id == letter_id), None)


def meaning(letter: DeadLetter) -> str:
    """Return why it is here, in words."""
    return REASONS.get(letter.reason, "put aside by another version of this site")


def preview(letter: DeadLetter) -> str:
    """Return the beginning of its bytes as harmless text.

    >>> preview(DeadLetter("1-0", "undecodable", b"{\\x00<b>", 5))
    '{·<b>'
    """
    return _text(letter.payload[:_PREVIEW])


def hex_rows(payload: bytes) -> list[HexRow]:
    """Return the bytes as people read them who look for what is wrong.

    >>> hex_rows(b"ab\\x00")[0]
    HexRow(place='0000', digits='61 62 00', text='ab·')
    """
    starts = range(0, len(payload), _HEX_ROW)
    rows = [(start, payload[start : start + _HEX_ROW]) for start in starts]
    return [HexRow(f"{start:04x}", part.hex(" "), _text(part)) for start, part in rows]


def verdict(letter: DeadLetter) -> tuple[bool, str]:
    """Return whether the letter could enter the log now, and what would become of it."""
    try:
        checked = judge(letter, KnownItems(), wiring.clock().now_ms())
    except NotRedrivable as error:
        return False, str(error)
    refused = checked.reasons.total()
    return True, f"{len(checked.events)} would enter the log" + (
        f", {refused} would be refused again" if refused else ""
    )


def try_again(letter: DeadLetter) -> Redriven:
    """Let a letter enter the log if it can by now. Raises `NotRedrivable` and `LogUnavailable`."""
    return redrive(letter, wiring.event_log(), KnownItems(), wiring.clock().now_ms())


def redrive_one(letter: DeadLetter, user: User) -> Redriven:
    """Try a letter again, and write down who did. Raises as `try_again` does."""
    redriven = try_again(letter)
    _write_down(user, CHANGE, letter.id, f"redriven: {told(redriven.outcomes)}")
    return redriven


def discard(letter: DeadLetter, user: User) -> bool:
    """Throw a letter away, and write down who did; return whether it was still there."""
    gone = wiring.event_log().drop_dead_letter(letter.id)
    if gone:
        _write_down(user, DELETION, letter.id, f"discarded: {letter.reason}, {counted(letter.size, 'byte')}")
    return gone


def told(outcomes: dict[str, int]) -> str:
    """Write down what became of events.

    >>> told({"accepted": 2, "duplicate": 1})
    '2 accepted, 1 duplicate'
    """
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())) or "nothing"


def _write_down(user: User, flag: int, letter_id: str, what: str) -> None:
    audit.write_down(user, StaffPage, flag, what, f"dead letter {letter_id}", letter_id)


def _text(payload: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in payload)
