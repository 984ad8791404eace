"""The edges of all buckets: hours, days and weeks, click delays, and the n-th impression of a sitting."""

from bisect import bisect_right
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS

#: Weeks begin on Mondays; the first of 1970 was the fifth of January.
_MONDAY_MS: Final = 4 * DAY_MS

#: Upper edges of click delays in seconds since the slate was served; the last bucket has none.
DELAY_EDGES_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600)

#: First n of each bucket of the n-th impression.
NTH_EDGES: Final = (1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 25, 37, 49, 73, 97, 145, 193, 289)
_NTH: Final = tuple(bisect_right(NTH_EDGES, n) - 1 for n in range(NTH_EDGES[-1] + 1))

#: Positions from here on share one bucket.
LAST_POSITION: Final = 99


def hour_of(at_ms: int) -> int:
    """Return the start of the hour.

    >>> hour_of(7_200_001)
    7200000
    """
    return at_ms - at_ms % HOUR_MS


def day_of(at_ms: int) -> int:
    """Return the start of the day (UTC)."""
    return at_ms - at_ms % DAY_MS


def week_of(at_ms: int) -> int:
    """Return the start of the week (Monday, UTC).

    >>> week_of(3 * DAY_MS) // DAY_MS, week_of(4 * DAY_MS) // DAY_MS, week_of(11 * DAY_MS - 1) // DAY_MS
    (-3, 4, 4)
    """
    return at_ms - (at_ms - _MONDAY_MS) % WEEK_MS


def delay_bucket(delay_ms: int) -> int:
    """Return which of the `DELAY_EDGES_S` a delay stays below; their number when it is none.

    >>> delay_bucket(0), delay_bucket(999), delay_bucket(1_000), delay_bucket(3_600_000)
    (0, 0, 1, 13)
    """
    return bisect_right(DELAY_EDGES_S, delay_ms / 1_000)


def nth_bucket(n: int) -> int:
    """Return the bucket of a sitting's n-th impression, n from 1.

    >>> [nth_bucket(n) for n in (1, 6, 7, 8, 288, 289, 5_000)]
    [0, 5, 5, 6, 16, 17, 17]
    """
    return _NTH[n] if n < len(_NTH) else len(NTH_EDGES) - 1
