"""One minute of the tail, second by second: the data behind the live page's charts, from the log that they follow."""

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from webapp.analytics.samples import Sample
from webapp.analytics.tail import Entry, Tail

MINUTE_MS: Final = 60_000
#: The log's lines that are read for one page at most.
MOST_LINES: Final = 30_000
_LINES_AT_ONCE: Final = 2_000
#: How addresses write the second, in UTC, at which a minute ends.
_FORM: Final = "%Y-%m-%dT%H:%M:%S"


@dataclasses.dataclass(slots=True)
class Second:
    """What one second brought.

    Attributes
    ----------
    at_ms : int
        When it began.
    events : int
        What entered the log.
    simulated : int
        Of these, by simulated visitors.
    yours : int
        Of the session of whoever looks.
    explored : int
        Slots that chance filled.
    outside : int
        What was duplicate, late or refused.
    lag_ms : int or None
        The fold's lag; None for the seconds in which no sample was taken of it.
    """

    at_ms: int
    events: int = 0
    simulated: int = 0
    yours: int = 0
    explored: int = 0
    outside: int = 0
    lag_ms: int | None = None

    def take(self, entry: Entry, yours: str) -> None:
        """Count a line of the tail."""
        in_log = bool(entry.offset)
        self.events += in_log
        self.simulated += in_log and entry.simulated
        self.yours += entry.count if entry.session == yours else 0
        self.explored += entry.explored
        self.outside += entry.count if entry.outcome != "accepted" else 0


def name_of(ends_ms: int) -> str:
    """Return how addresses name the minute that ends then.

    >>> name_of(1_700_000_000_999)
    '2023-11-14T22:13:20'
    """
    return datetime.datetime.fromtimestamp(ends_ms // 1_000, tz=datetime.UTC).strftime(_FORM)


def end_of(name: str, now_ms: int) -> int | None:
    """Return when the minute of that name ends, None where it names none that is over.

    >>> end_of("2023-11-14T22:13:20", now_ms=1_700_000_000_000)
    1700000000000
    >>> end_of("2023-11-14T22:13:21", now_ms=1_700_000_000_000), end_of("soon", now_ms=1_700_000_000_000)
    (None, None)
    """
    try:
        ends = datetime.datetime.strptime(name, _FORM).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    ends_ms = round(ends.timestamp() * 1_000)
    return ends_ms if MINUTE_MS < ends_ms <= now_ms else None


def seconds(
    tail: Tail, samples: Sequence[Sample], ends_ms: int, *, yours: str, real_only: bool = False
) -> list[Second]:
    """Return the seconds of the minute that ends then, oldest first.

    Fewer than 60 where the minute has more than `MOST_LINES` lines: those that were read to their end. Blocks; raises
    `LogUnavailable` and `redis.RedisError`.
    """
    starts_ms = ends_ms - MINUTE_MS
    found = {at_ms: Second(at_ms) for at_ms in range(starts_ms, ends_ms, 1_000)}
    read_until_ms = ends_ms
    for lines, entry in enumerate(_between(tail.after, starts_ms, ends_ms)):
        if lines == MOST_LINES:
            read_until_ms = _second_of(entry)
            break
        if not (real_only and entry.simulated):
            found[_second_of(entry)].take(entry, yours)
    for entry in _between(tail.noted, starts_ms, ends_ms):
        if not (real_only and entry.simulated):
            found[_second_of(entry)].take(entry, yours)
    for sample in samples:
        if starts_ms <= sample.at_ms < ends_ms:
            found[_second_of(sample)].lag_ms = sample.lag_ms
    return [second for second in found.values() if second.at_ms < read_until_ms]


def _second_of(something: Entry | Sample) -> int:
    return something.at_ms // 1_000 * 1_000


def _between(read: Callable[[str, int], Sequence[Entry]], starts_ms: int, ends_ms: int) -> Iterator[Entry]:
    """Yield the lines of a time, as far as `read` (place, how many) has them."""
    after = f"{starts_ms - 1}-0"
    while entries := read(after, _LINES_AT_ONCE):
        for entry in entries:
            if entry.at_ms >= ends_ms:
                return
            if entry.at_ms >= starts_ms:
                yield entry
        after = entries[-1].offset or entries[-1].note
