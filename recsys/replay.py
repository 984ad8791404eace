"""A recorded log through the same code as the live one, in event time."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from recsys.learner import Learner
from recsys.log.base import Reader, Record
from recsys.offsets import Offset, offset_key

_BATCH: Final = 2_000


class ReplayResult(NamedTuple):
    """What a replay came to. `seconds` is how long it took here; the rest is the same everywhere."""

    events: int
    seconds: float
    offset: Offset
    state_sha256: str


def replay(
    reader: Reader,
    learner: Learner,
    until: Offset | None = None,
    progress: Callable[[int], None] = lambda folded: None,
) -> ReplayResult:
    """Fold what `reader` holds after the learner's own offset.

    Parameters
    ----------
    reader : Reader
        A recorded or live log.
    learner : Learner
        New, or restored from a snapshot; changed in place.
    until : Offset, optional
        Last offset to fold; the end by default.
    progress : callable
        Told how many records each batch had.
    """
    started = time.perf_counter()
    events = 0
    while batch := _after(reader, learner.world.offset, until):
        learner.fold(batch)
        events += len(batch)
        progress(len(batch))
    return ReplayResult(events, time.perf_counter() - started, learner.world.offset, learner.state_sha256())


def _after(reader: Reader, offset: Offset, until: Offset | None) -> list[Record]:
    batch = list(reader.read(offset, _BATCH))
    if until is None:
        return batch
    return [record for record in batch if offset_key(record.offset) <= offset_key(until)]
