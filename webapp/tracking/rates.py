"""How fast one session may send: a token bucket each, so that a bot fills its own bucket and not the log."""

from collections import OrderedDict
from typing import Final

#: Sessions remembered by one process; the longest silent is forgotten first, and starts again with a full bucket.
SESSIONS: Final = 50_000


class RateLimit:
    """Token buckets by session, in this process's memory.

    Parameters
    ----------
    per_s : float
        Events a second that a session may send for ever.
    burst : int
        Events that it may send at once after a silence: an outbox filled offline must fit.

    >>> limit = RateLimit(per_s=1.0, burst=3)
    >>> limit.take("s", 5, now_ms=0), limit.take("s", 5, now_ms=2_000)
    (3, 2)
    """

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_ms = per_s / 1_000
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, session: str, wanted: int, now_ms: int) -> int:
        """Return how many of `wanted` events the session may send now, and take them from its bucket."""
        level, filled_ms = self._buckets.pop(session, (float(self._burst), now_ms))
        level = min(level + max(now_ms - filled_ms, 0) * self._per_ms, self._burst)
        granted = min(wanted, int(level))
        self._buckets[session] = (level - granted, now_ms)
        if len(self._buckets) > SESSIONS:
            self._buckets.popitem(last=False)
        return granted
