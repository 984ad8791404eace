"""What every data set is once it has been read: items, events in order, and the rows that were set aside."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from recsys.datasets.on_disk import OnDisk
from recsys.errors import DatasetError
from recsys.events import AnyEvent, Event, ItemUpserted
from recsys.offsets import Offset

#: Latest time that any row may name: the end of the year 9999, in milliseconds.
MAX_TIME_MS: Final = 253_402_300_799_999
#: What text matches, and what ids match. Databases hold no zero bytes; what the engine calls something by that has no
#: id itself is ids with a unit separator between them (`recsys.labels.implicit_slate`). Pages have ids in their
#: addresses, which hold no line breaks, and in which . and .. between slashes, however they are written, are steps.
NO_ZEROS: Final = r"\A[^\x00]*\Z"
ADDRESSABLE: Final = r"\A(?!(.*/)?\.\.?(/|\Z))[^\x00\x1f\r\n]*\Z"

_YEAR_MS: Final = 365.25 * 86_400_000
_CHUNK_BYTES: Final = 1 << 20


class Rejected(msgspec.Struct, frozen=True):
    """A row that was set aside.

    Attributes
    ----------
    file : str
        Name of the file.
    line : int
        Line in the file, from 1 (Parquet: row, from 1).
    reason : str
        What was expected and what was received.
    row : object
        The row as far as it could be read.
    """

    file: str
    line: int
    reason: str
    row: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Dataset:
    """A recorded history.

    Attributes
    ----------
    name : str
        Which data set this is.
    fingerprint : str
        sha256 over the files that it was read from.
    items : sequence of ItemUpserted
        The catalogue as of the end.
    events : sequence of Event
        Catalogue and history, in order of event time; what has the same time keeps the order of the source. They
        wait on disk.
    rejected : sequence of Rejected
        Rows set aside, in file order.
    notes : sequence of str
        What else a reader should know, one line each.
    """

    name: str
    fingerprint: str
    items: Sequence[ItemUpserted]
    events: Sequence[Event]
    rejected: Sequence[Rejected] = ()
    notes: Sequence[str] = ()

    @property
    def end_ms(self) -> int:
        """Time of the last event in milliseconds."""
        return self.events[-1].event_time_ms

    def timed(self, shift_ms: int) -> Iterator[tuple[Offset, Event]]:
        """Yield the events moved by `shift_ms`, each with its offset: its time, then a number within that time.

        Raises
        ------
        DatasetError
            When the first one would come before 1970, where no log begins.
        """
        if self.events[0].event_time_ms + shift_ms < 0:
            years = (self.end_ms - self.events[0].event_time_ms) / _YEAR_MS
            end = 1970 + (self.end_ms + shift_ms) // _YEAR_MS
            raise DatasetError(
                f"{self.name}: expected a history that begins in 1970 or later once it ends in {end:.0f}, "
                f"received one of {years:,.0f} years: are its first and its last time real?"
            )
        last_ms, sequence = -1, 0
        for event in self.events:
            at_ms = event.event_time_ms + shift_ms
            sequence = sequence + 1 if at_ms == last_ms else 0
            last_ms = at_ms
            yield f"{at_ms}-{sequence}", msgspec.structs.replace(event, event_time_ms=at_ms)


def assembled(
    name: str,
    sources: Iterable[Path | bytes],
    items: Sequence[ItemUpserted],
    events: Iterable[Event],
    rejected: Sequence[Rejected],
    notes: Sequence[str] = (),
) -> Dataset:
    """Return the data set with items and events in one order.

    Raises
    ------
    DatasetError
        When no item is left: there is nothing to recommend.
    """
    if not items:
        first = f"; first: {rejected[0].file} line {rejected[0].line}: {rejected[0].reason}" if rejected else ""
        raise DatasetError(f"{name}: expected at least one usable item, received none{first}")
    # Items first: one stands before what happened to it in the same millisecond.
    ordered: OnDisk[Event] = OnDisk(chain(items, events), AnyEvent, key=lambda event: event.event_time_ms)
    return Dataset(name, fingerprint(sources), items, ordered, rejected, notes)


def fingerprint(sources: Iterable[Path | bytes]) -> str:
    """Return the sha256 over files (or bytes), in the order given."""
    digest = hashlib.sha256()
    for source in sources:
        if isinstance(source, bytes):
            digest.update(source)
            continue
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


class SessionNumbers:
    """Numbers each user's sessions, from 1; asked in order of time.

    A session ends by inactivity: what comes more than `gap_s` after the user's last event begins a new one.

    >>> numbers = SessionNumbers(gap_s=60)
    >>> [numbers.of(*visit) for visit in (("ann", 0), ("bob", 10), ("ann", 60_000), ("ann", 200_000))]
    [1, 1, 1, 2]
    """

    def __init__(self, gap_s: int) -> None:
        self._gap_ms = gap_s * 1_000
        self._last: dict[Hashable, tuple[int, int]] = {}

    def of(self, user: Hashable, at_ms: int) -> int:
        """Return the number of the session that what a user does now belongs to."""
        number, before_ms = self._last.get(user, (0, at_ms))
        if number == 0 or at_ms - before_ms > self._gap_ms:
            number += 1
        self._last[user] = (number, at_ms)
        return number


def reasons(rejected: Iterable[Rejected]) -> list[tuple[str, int]]:
    """Return how many rows each file had set aside for each kind of reason, most frequent first.

    The kind is what stands before the reason's first colon: "unknown item: '7'" counts as "unknown item".
    """
    counts = Counter(f"{row.file}: {row.reason.partition(':')[0]}" for row in rejected)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def save_rejected(rejected: Sequence[Rejected], path: Path) -> None:
    """Write the rows set aside as JSON lines; without any, remove what an earlier run left there."""
    if not rejected:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for row in rejected:
            file.write(msgspec.json.encode(row, enc_hook=str) + b"\n")
