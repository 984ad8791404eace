"""How long it takes from a click's receipt until this process serves what it taught: a histogram in Redis by day.

Each process counts in memory, and adds what it counted to a hash from time to time. Clicks that come with a snapshot
are not counted: nobody waited for them. Nor are those that came before this process was there, or that it served once:
a learner that begins anew tells of all of them again.
"""

import functools
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import redis

from webapp import wiring

#: Upper edges in milliseconds; the last bucket has none.
EDGES_MS: Final = (
    50,
    100,
    200,
    300,
    400,
    500,
    600,
    700,
    800,
    1_000,
    1_500,
    2_000,
    3_000,
    5_000,
    10_000,
    30_000,
    60_000,
)

#: A hash by day: process and bucket to clicks.
KEY: Final = "freshet:staff:lag:{day}"
DAYS_KEPT: Final = 8
_DAY_MS: Final = 86_400_000


class Lags:
    """What this process has counted and not yet told.

    Parameters
    ----------
    since_ms : int
        When it began; clicks received by then are others' to count.
    """

    def __init__(self, since_ms: int = 0) -> None:
        self._counts: Counter[int] = Counter()
        self._counted_ms = since_ms

    def note(self, clicked_ms: Sequence[int], now_ms: int) -> None:
        """Count clicks, received at these times, that are served now."""
        news = [at_ms for at_ms in clicked_ms if at_ms > self._counted_ms]
        for at_ms in news:
            self._counts[bisect_right(EDGES_MS, max(now_ms - at_ms, 0))] += 1
        self._counted_ms = max(news, default=self._counted_ms)

    def post(self, client: redis.Redis, process: str, now_ms: int) -> None:
        """Add what was counted to today's hash. Raises `redis.RedisError`; then it is told the next time."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        key = KEY.format(day=now_ms // _DAY_MS)
        pipeline = client.pipeline()
        for bucket, clicks in counts.items():
            pipeline.hincrby(key, f"{process} {bucket}", clicks)
        pipeline.expire(key, DAYS_KEPT * _DAY_MS // 1_000)
        try:
            pipeline.execute()
        except redis.RedisError:
            self._counts.update(counts)
            raise


@functools.cache
def lags() -> Lags:
    """Return this process's counts."""
    return Lags(wiring.clock().now_ms())


def histogram(client: redis.Redis, now_ms: int, days: int) -> dict[str, list[int]]:
    """Return clicks by bucket for each process, over the last days. Raises `redis.RedisError`."""
    found: dict[str, list[int]] = {}
    today = now_ms // _DAY_MS
    for day in range(today - min(days, DAYS_KEPT) + 1, today + 1):
        stored: Any = client.hgetall(KEY.format(day=day))
        for field, clicks in sorted(stored.items()):
            process, _, bucket = field.decode().rpartition(" ")
            counts = found.setdefault(process, [0] * (len(EDGES_MS) + 1))
            counts[int(bucket)] += int(clicks)
    return found
