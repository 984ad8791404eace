"""Item statistics: how often each item was seen and clicked, fading with time and with the sessions that came after.

Counts are decayed when they are touched, to the moment in their ``counted_ms`` (and ``counted_serial``); whoever reads
them decays them further to its own now (`recsys.features`). Fading by sessions instead of seconds fits a site of
any size: what is popular changes as fast as people come.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import POPULARITY, STATISTICS
from recsys.world import World

#: Sessions after which a click counts e times less: one scale for each of `layout.POPULARITY`.
SESSIONS_KEPT: Final = np.array([8_000.0, 40_000.0, 200_000.0])

_MS: Final = 1_000.0
_POPULARITY: Final = STATISTICS.index(POPULARITY[0])
_COUNTED_SERIAL: Final = STATISTICS.index("counted_serial")
_IMPRESSIONS: Final = STATISTICS.index("impressions")
_CLICKS: Final = STATISTICS.index("clicks")
_RECENT_CLICKS: Final = STATISTICS.index("recent_clicks")
_COUNTED_MS: Final = STATISTICS.index("counted_ms")
_BEGINNINGS: Final = STATISTICS.index("beginnings")
#: Which of `SESSIONS_KEPT` what sessions begin with fades by: the shortest, as there is one for each session.
BEGINNINGS_SCALE: Final = 0


def count(
    world: World,
    row: int,
    at_ms: int,
    *,
    impressions: int = 0,
    clicks: int = 0,
    shown: bool = True,
    begins: bool = False,
) -> None:
    """Add to an item's counts at event time `at_ms`. An event older than the last one counts as if it were now.

    Clicks of a history that does not know what was `shown` count for popularity, and say nothing of a click rate.
    A click that `begins` its session is counted among what sessions begin with as well.
    """
    items = world.items
    _count(
        items["statistics"],
        row,
        at_ms,
        world.serial,
        world.config.popularity_half_life_s * _MS,
        world.config.trending_half_life_s * _MS,
        impressions,
        clicks,
        shown,
        begins,
    )
    items.touch(row)


def fading(world: World) -> float:
    """Return the rate per millisecond at which what is known of an item's clicks fades."""
    return math.log(2.0) / (_MS * world.config.popularity_half_life_s)


@compiled
def _count(
    counts: NDArray[np.float64],
    row: int,
    at_ms: int,
    serial: int,
    popularity_half_life_ms: float,
    trending_half_life_ms: float,
    seen: int,
    clicked: int,
    shown: bool,
    begins: bool,
) -> None:
    statistics = counts[row]
    idle_ms = max(at_ms - statistics[_COUNTED_MS], 0.0)
    kept = 2.0 ** (-idle_ms / popularity_half_life_ms)
    statistics[_IMPRESSIONS] = statistics[_IMPRESSIONS] * kept + seen
    statistics[_CLICKS] = statistics[_CLICKS] * kept + (clicked if shown else 0)
    kept_recent = 2.0 ** (-idle_ms / trending_half_life_ms)
    statistics[_RECENT_CLICKS] = statistics[_RECENT_CLICKS] * kept_recent + clicked
    statistics[_COUNTED_MS] += idle_ms
    if clicked:
        idle = serial - statistics[_COUNTED_SERIAL]
        for scale in range(SESSIONS_KEPT.shape[0]):
            place = _POPULARITY + scale
            statistics[place] = statistics[place] * math.exp(-idle / SESSIONS_KEPT[scale]) + clicked
        kept = math.exp(-idle / SESSIONS_KEPT[BEGINNINGS_SCALE])
        statistics[_BEGINNINGS] = statistics[_BEGINNINGS] * kept + (clicked if begins else 0)
        statistics[_COUNTED_SERIAL] = serial
