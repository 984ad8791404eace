"""A short memory of the fold's counts, so that the staff page can tell rates and how they move.

The fold says only what it has counted so far; what it counted a quarter of an hour ago is kept here.
"""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import redis
import structlog

from webapp import wiring
from webapp.background import while_serving
from webapp.training.status import FoldStatus, StatusBoard, board

SAMPLE_EVERY_S: Final = 5
#: A quarter of an hour.
SAMPLES: Final = 180

#: A list of samples, newest first, at most `SAMPLES` of them.
SAMPLES_KEY: Final = "freshet:staff:samples"
#: Held by the process that took the newest sample, until the next is due.
SAMPLED_KEY: Final = "freshet:staff:sampled"

_logger = structlog.get_logger(__name__)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """The fold's counts at one moment.

    Attributes
    ----------
    at_ms : int
        When the fold had counted this (wall clock).
    events, impressions, clicks : int
        Folded since the log began: all of its records, items of lists that were seen, and all clicks.
    listed_clicks : int or None
        Clicks on what was seen so; None of a fold that did not count them apart.
    lag_ms : int
        Age of the oldest event that was not folded.
    every_ms : int
        Where the knob stood.
    waited_ms : int
        How long the oldest event of the last run had waited; 0 when there was none.
    cpu_ms : int
        Processor time of the process that folds.
    holder : str
        That process.
    """

    at_ms: int
    events: int
    impressions: int
    clicks: int
    lag_ms: int
    listed_clicks: int | None = None
    every_ms: int = 0
    waited_ms: int = 0
    cpu_ms: int = 0
    holder: str = ""


def sample_of(status: FoldStatus, every_ms: int) -> Sample:
    """Return what there is to remember of a status, and of the knob."""
    counters = status.counters
    return Sample(
        at_ms=status.ran_ms,
        events=counters.get("records", 0),
        impressions=counters.get("impressions", 0),
        clicks=counters.get("clicks", 0),
        listed_clicks=counters.get("listed_clicks"),
        lag_ms=status.lag_ms,
        every_ms=every_ms,
        waited_ms=status.waited_ms,
        cpu_ms=status.cpu_ms,
        holder=status.holder,
    )


def take(client: redis.Redis, status_board: StatusBoard) -> bool:
    """Remember the fold's counts, unless another process did just now; return whether it did."""
    if not client.set(SAMPLED_KEY, 1, nx=True, px=SAMPLE_EVERY_S * 1_000 - 500):
        return False
    status = status_board.read()
    if status is None:
        return False
    pipeline = client.pipeline()
    pipeline.lpush(SAMPLES_KEY, msgspec.json.encode(sample_of(status, wiring.knobs().fold_every_ms)))
    pipeline.ltrim(SAMPLES_KEY, 0, SAMPLES - 1)
    pipeline.execute()
    return True


def recent(client: redis.Redis, since_ms: int) -> list[Sample]:
    """Return the samples since then, oldest first, one for each time at which the fold ran."""
    stored: Any = client.lrange(SAMPLES_KEY, 0, -1)
    found = {sample.at_ms: sample for sample in (msgspec.json.decode(payload, type=Sample) for payload in stored)}
    return [found[at_ms] for at_ms in sorted(found) if at_ms >= since_ms]


def per_second(samples: Sequence[Sample], field: str) -> list[float | None]:
    """Return the rate of a count between each two samples; None where it began anew (a new lineage).

    >>> def at(second, events):
    ...     return Sample(at_ms=second * 1_000, events=events, impressions=0, clicks=0, lag_ms=0)
    >>> per_second([at(0, 10), at(10, 60), at(20, 5)], "events")
    [5.0, None]
    """
    rates: list[float | None] = []
    for earlier, later in itertools.pairwise(samples):
        grown = getattr(later, field) - getattr(earlier, field)
        rates.append(None if grown < 0 else grown * 1_000 / (later.at_ms - earlier.at_ms))
    return rates


@while_serving
async def remember() -> None:
    """Take a sample from time to time, as long as this process serves."""
    while True:
        try:
            await asyncio.to_thread(take, wiring.redis_client(), board())
        except redis.RedisError as error:
            _logger.debug("sample_missed", error=str(error))
        await asyncio.sleep(SAMPLE_EVERY_S)
