"""Injected time: serving reads the wall clock, replay and the fold read the log's."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where "now" comes from, in whole milliseconds since the Unix epoch."""

    def now_ms(self) -> int:
        """Return the current time in milliseconds."""
        ...


def is_due(last_ms: int, every_ms: int, now_ms: int) -> bool:
    """Return whether what was done at `last_ms` is due again.

    So it is, too, where `last_ms` is in the future: the clock was set back since, which must not put it off.

    >>> [is_due(1_000, 50, now_ms) for now_ms in (999, 1_000, 1_049, 1_050)]
    [True, False, False, True]
    """
    return not 0 <= now_ms - last_ms < every_ms


class SystemClock:
    """The wall clock."""

    def now_ms(self) -> int:
        """Return the wall clock's time in milliseconds."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when told to: tests, replay and simulation.

    >>> clock = ManualClock(1_000)
    >>> clock.advance(500)
    >>> clock.now_ms()
    1500
    """

    def __init__(self, start_ms: int = 0) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        """Return the time last set."""
        return self._now_ms

    def advance(self, by_ms: int) -> None:
        """Move forward by `by_ms` milliseconds."""
        self._now_ms += by_ms

    def set(self, now_ms: int) -> None:
        """Jump to `now_ms`."""
        self._now_ms = now_ms
