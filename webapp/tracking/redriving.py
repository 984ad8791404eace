"""Trying dead letters again: newer code may read them, and the catalogue may know their items by now.

A letter is judged like anything that comes in, with the tokens that came with it and the time when it came. What
passes is appended under its own session and number, which the log holds once, so that trying twice is trying once. The
session itself learns nothing from it any more; the world does, as far as windows are still open.
"""

import dataclasses
from collections import Counter
from collections.abc import Container

from recsys.errors import FreshetError, InvalidEvent, RefusedEvent
from recsys.log.base import DeadLetter, Log
from webapp.tracking.tokens import read_session
from webapp.tracking.validation import MAX_AGE_MS, Validated, validate
from webapp.tracking.wire import Batch, decode_batch


class NotRedrivable(FreshetError):
    """A dead letter can't enter the log as it is; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a letter's events.

    Attributes
    ----------
    outcomes : dict of outcome to int
        ``accepted``, ``duplicate``, ``full``, or ``refused: <reason>``.
    gone : bool
        Whether the letter was let go: all that it could give is in the log.
    """

    outcomes: dict[str, int]
    gone: bool


def judge(letter: DeadLetter, items: Container[str], now_ms: int) -> Validated:
    """Return what would become of a letter's events, without doing anything.

    Raises
    ------
    NotRedrivable
        When nothing in it could enter the log.
    """
    if letter.size > len(letter.payload):
        raise NotRedrivable(f"only the first {len(letter.payload)} of its {letter.size} bytes were kept")
    try:
        batch = _batch(letter)
        session = read_session(batch.session)
    except InvalidEvent as error:
        raise NotRedrivable(f"it still can't be read: {error}") from error
    except RefusedEvent as error:
        raise NotRedrivable(f"its session's token is not to be believed: {error}") from error
    if session.consent == "off":
        raise NotRedrivable("its visitor let nothing be kept")
    if now_ms - session.at_ms > MAX_AGE_MS:
        raise NotRedrivable("it is older than what the log remembers of its session: it could count twice")
    checked = validate(batch, letter.received_ms, items)
    if not checked.events:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in checked.reasons.items()) or "it has no events"
        raise NotRedrivable(f"it would be refused again: {reasons}")
    return checked


def redrive(letter: DeadLetter, log: Log, items: Container[str], now_ms: int) -> Redriven:
    """Append what a letter holds, once, and let it go.

    Raises
    ------
    NotRedrivable
        As `judge`; the letter stays.
    LogUnavailable
        When the log can't be reached; trying again is safe.
    """
    checked = judge(letter, items, now_ms)
    outcomes = Counter[str](receipt.outcome for receipt in log.append(checked.events))
    outcomes.update({f"refused: {reason}": count for reason, count in checked.reasons.items()})
    gone = not outcomes["full"]
    if gone:
        log.drop_dead_letter(letter.id)
    return Redriven({outcome: count for outcome, count in outcomes.items() if count}, gone)


def drop_letters_of(session: str, log: Log) -> int:
    """Let go of every letter that is known to be a session's; return how many. Raises `LogUnavailable`.

    Of what nobody can read nobody can tell whose it is.
    """
    return sum(log.drop_dead_letter(letter.id) for letter in log.dead_letters() if _session_of(letter) == session)


def _session_of(letter: DeadLetter) -> str | None:
    try:
        return read_session(_batch(letter).session).session
    except (InvalidEvent, RefusedEvent):
        return None


def _batch(letter: DeadLetter) -> Batch:
    """Return the batch that the letter is, or was part of. Raises `InvalidEvent`."""
    if letter.reason == "undecodable":
        return decode_batch(letter.payload)
    return Batch.of_letter(letter.payload, letter.context)
