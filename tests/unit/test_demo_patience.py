"""The demo waits for as long as its processes work at starting, and says what for."""

import os

from recsys.clock import ManualClock
from webapp.demo.patience import Patience, worked_s


class Waiting:
    """A start that is watched by the clock of a test."""

    def __init__(self, patience_s: float) -> None:
        self.clock = ManualClock(0)
        self.worked_s = 0.0
        self.told: list[str] = []
        self.patience = Patience(patience_s, lambda: self.worked_s, self.told.append, self._now_s)

    def lasts(self, seconds: int, share: float) -> str | None:
        """Return why waiting ended within the seconds, of which the processes work a share."""
        for _ in range(seconds):
            self.clock.advance(1_000)
            self.worked_s += share
            if (lost := self.patience.lost("the web process does not answer")) is not None:
                return lost
        return None

    def _now_s(self) -> float:
        return self.clock.now_ms() / 1_000


def test_it_waits_while_there_is_work_done_however_long_that_takes() -> None:
    assert Waiting(120.0).lasts(3_600, share=0.3) is None


def test_it_gives_up_where_nothing_is_done_but_waiting_and_says_what_was_missing() -> None:
    waiting = Waiting(120.0)
    assert waiting.lasts(300, share=0.5) is None
    assert waiting.lasts(300, share=0.04) == (
        "not ready after 409 seconds, and hardly anything works at it: the web process does not answer"
    )


def test_it_says_from_time_to_time_what_it_waits_for() -> None:
    waiting = Waiting(120.0)
    assert waiting.lasts(14, share=1.0) is None
    assert waiting.told == []
    assert waiting.lasts(31, share=1.0) is None
    assert waiting.told == [
        f"not ready after {seconds} seconds, still waiting: the web process does not answer" for seconds in (15, 30, 45)
    ]


def test_work_is_the_processors_time_of_processes_that_there_are() -> None:
    mine = worked_s([os.getpid()])
    assert 0.0 < mine <= sum(os.times()[:2]) + 0.02
    assert worked_s([os.getpid(), 2**22 + 1]) >= mine
