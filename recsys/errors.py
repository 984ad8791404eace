"""One exception tree: every error says what was expected, what was received, and what to do."""

from typing import Final

import msgspec

#: What msgspec's decoders raise of bytes that they can't read: no such message, no UTF-8, endless nesting.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class FreshetError(Exception):
    """Base of everything that the engine raises on purpose."""


class InvalidEvent(FreshetError):
    """Bytes or fields that are not an event of a known schema: refuse, count, never retry."""


class RefusedEvent(FreshetError):
    """A well-formed event that must not enter the log.

    Parameters
    ----------
    reason : str
        A short, stable code such as ``"not_shown"``: counted by reason and shown to staff.
    detail : str
        What was expected and what was received.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class LogFull(FreshetError):
    """The log is at its bound: backpressure, the sender keeps the event and tries again later."""


class LogUnavailable(FreshetError):
    """The log can't be reached: nothing was acknowledged, the sender keeps the event."""


class StoreUnavailable(FreshetError):
    """Snapshots, deltas or the lease can't be reached: go on with what is held and try again."""


class StaleWriter(FreshetError):
    """A writer whose lease has passed to another tried to write; the store refused it."""


class CorruptState(FreshetError):
    """Snapshot or delta bytes that fail their hash or do not fit this code."""


class DeltaGap(FreshetError):
    """A delta starts after the replica's offset: load the newest snapshot instead."""


class WorldGone(FreshetError):
    """A world of the past that can't be rebuilt: its snapshots or records are not held any more, or too far away."""


class DatasetError(FreshetError):
    """A data set that can't be used at all (single bad rows are set aside, not raised)."""


class ConfigurationError(FreshetError):
    """A setting with a value that the engine can't work with."""
