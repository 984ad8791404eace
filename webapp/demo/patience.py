"""How long the demo waits for its processes: for as long as they work at it."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

#: Share of the time that counts as working. Processes that only wait for something take a few hundredths.
_LEAST_SHARE: Final = 0.1
_TELL_EVERY_S: Final = 15.0
#: Where ``/proc/PID/stat`` has a process's own time, as user and as system, in what follows its name.
_TIMES: Final = slice(11, 13)


class Patience:
    """Waits while there is work done, and says what for.

    A machine that is busy with other things may take minutes to compile the engine, which is no reason to give up.

    Parameters
    ----------
    patience_s : float
        How long to wait without work.
    worked_s : callable
        How long those that are waited for have worked: their processors' time in seconds.
    tell : callable
        Told from time to time, in a line, what is waited for.
    now_s : callable
        A clock.
    """

    def __init__(
        self,
        patience_s: float,
        worked_s: Callable[[], float],
        tell: Callable[[str], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience_s, self._worked_s, self._tell, self._now_s = patience_s, worked_s, tell, now_s
        self._began_s = self._moved_s = self._told_s = now_s()
        self._worked_before_s = 0.0

    def lost(self, missing: str) -> str | None:
        """Return why waiting is over, None while it goes on; `missing` is what is waited for."""
        now_s, worked_s = self._now_s(), self._worked_s()
        if worked_s - self._worked_before_s >= _LEAST_SHARE * self._patience_s:
            self._moved_s, self._worked_before_s = now_s, worked_s
        if now_s - self._moved_s > self._patience_s:
            return f"not ready after {now_s - self._began_s:.0f} seconds, and hardly anything works at it: {missing}"
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._tell(f"not ready after {now_s - self._began_s:.0f} seconds, still waiting: {missing}")
        return None


def worked_s(pids: Iterable[int]) -> float:
    """Return the processors' time that these processes took so far, in seconds; 0 where the system does not tell."""
    return sum(map(_worked_s, pids))


def _worked_s(pid: int) -> float:
    try:
        # The name stands in brackets and may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[_TIMES])) / os.sysconf("SC_CLK_TCK")
