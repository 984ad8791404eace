"""How long each stage on the way of a click took."""

import time


class Laps:
    """A stopwatch that is read at the end of each stage.

    Attributes
    ----------
    ms : dict of stage to milliseconds
        In the order in which they ended.
    """

    __slots__ = ("_since", "ms")

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._since = time.perf_counter()

    def end(self, stage: str) -> None:
        """Note that a stage ended now, and the next one begins."""
        now = time.perf_counter()
        self.ms[stage] = round((now - self._since) * 1_000, 3)
        self._since = now
