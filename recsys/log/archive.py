"""The bounded log: Parquet segments in a folder, which histories are written as and the live log is archived to.

A segment is named after its first and last offset, is written whole or not at all, and never changes. Its columns are
`received_ms` and `sequence` (the offset), `type`, `session` and `event_time_ms` (for people with a query engine) and
`payload` (the event as it stood in the log). Its metadata say `after` which offset it follows, so that one that is gone
from between others is missed.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys.durable import sole_writer, write_whole
from recsys.errors import CorruptState, DatasetError, StaleWriter
from recsys.events import Event, SessionEvent
from recsys.log.base import Reader, Record
from recsys.log.jsonl import JsonlLog
from recsys.log.records import event_in, record
from recsys.log.segments import Key, Segment, segments
from recsys.offsets import ORIGIN, Offset, offset_key

#: Records in a segment; a reader holds one segment at a time, some 20 MB.
SEGMENT_RECORDS: Final = 50_000

_SCHEMA: Final = pa.schema(
    [
        ("received_ms", pa.int64()),
        ("sequence", pa.int64()),
        ("type", pa.string()),
        ("session", pa.string()),
        ("event_time_ms", pa.int64()),
        ("payload", pa.binary()),
    ]
)

#: In a segment's metadata: where the archive ended before it. Segments of before have none.
_AFTER: Final = b"after"

Column = NDArray[np.int64]


class ArchiveLog:
    """Reads the segments of a folder (`recsys.log.base.Reader`), those written meanwhile included.

    Parameters
    ----------
    folder : Path
        Need not exist yet. One segment's file is a log of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: Segment | None = None
        self._received_ms: Column = np.empty(0, dtype=np.int64)
        self._sequences: Column = np.empty(0, dtype=np.int64)
        self._payloads: pa.ChunkedArray = pa.chunked_array([], pa.binary())

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`, in order.

        Raises
        ------
        CorruptState
            When a segment is damaged, or gone from between others. One that is lost for good has a file ``.lost`` in
            its place, and is passed over.
        """
        key = offset_key(after)
        if self._open is None or not self._open.first <= key < self._open.last:
            held = segments(self._folder)
            place = bisect_right(held, key, key=attrgetter("last"))
            if place == len(held):
                return []
            self._enter(held, place, key)
        start = self._place_after(key)
        found = zip(
            self._received_ms[start : start + limit].tolist(),
            self._sequences[start : start + limit].tolist(),
            self._payloads.slice(start, limit).to_pylist(),
            strict=True,
        )
        return [record(f"{milliseconds}-{sequence}", payload) for milliseconds, sequence, payload in found]

    def check(self) -> None:
        """Read everything once, for who must know beforehand that it can be read. Blocks, some 10 ms for each segment.

        Raises
        ------
        CorruptState
            As `read`.
        """
        held = segments(self._folder)
        for place in range(len(held)):
            self._enter(held, place, offset_key(ORIGIN))

    def end(self) -> Offset:
        """Return the last offset archived, `ORIGIN` when there is none."""
        found = segments(self._folder)
        return "{}-{}".format(*found[-1].last) if found else ORIGIN

    def first(self) -> Offset:
        """Return the oldest offset held, `ORIGIN` when there is none."""
        found = segments(self._folder)
        return "{}-{}".format(*found[0].first) if found else ORIGIN

    def session_events(self, session: str, since_ms: int = 0, until_ms: int | None = None) -> list[Event]:
        """Return what a session did, in log order; half a millisecond for each segment, so it blocks for long.

        What only later code can read is left out, as it has no event in `read`.

        Parameters
        ----------
        session : str
        since_ms, until_ms : int
            Receive times between which to look, both included.

        Raises
        ------
        CorruptState
            When a segment can't be read.
        """
        latest_ms = math.inf if until_ms is None else until_ms
        found = (
            event_in(payload)
            for segment in segments(self._folder)
            if segment.last[0] >= since_ms and segment.first[0] <= latest_ms
            for received_ms, payload in _of_session(segment.path, session)
            if since_ms <= received_ms <= latest_ms
        )
        return [event for event in found if event is not None]

    def _enter(self, held: Sequence[Segment], place: int, after: Key) -> None:
        """Open the segment that has what comes after `after`, and see that none is gone from before it."""
        end = self._load(held[place])
        if place and max(after, held[place - 1].last) < end:
            self._check_lost(held[place - 1].last, end)

    def _load(self, segment: Segment) -> Key:
        """Open a segment; return where the archive ended before it, as far as it says."""
        self._open = None
        try:
            with pq.ParquetFile(segment.path, page_checksum_verification=True) as file:
                if not file.schema_arrow.equals(_SCHEMA):
                    raise CorruptState(f"expected the columns of a segment in {segment.path}, received others")
                end = (file.schema_arrow.metadata or {}).get(_AFTER, ORIGIN.encode())
                table = file.read(columns=["received_ms", "sequence", "payload"])
        except (pa.ArrowException, OSError) as error:
            raise CorruptState(f"expected a Parquet segment in {segment.path}, received: {error}") from error
        # Columns, not lists: a segment is opened in milliseconds, beside a server's event loop too.
        self._received_ms, self._sequences = table["received_ms"].to_numpy(), table["sequence"].to_numpy()
        self._payloads = table["payload"]
        if not len(table) or (self._key(0), self._key(-1)) != (segment.first, segment.last):
            raise CorruptState(f"expected the offsets in the name of {segment.path}, received others")
        self._open = segment
        return offset_key(end.decode())

    def _check_lost(self, held: Key, end: Key) -> None:
        """Raise `CorruptState` unless somebody said that what stood after `held` and up to `end` is lost."""
        said = self._folder / f"{_name(end)}.lost"
        if not said.exists():
            raise CorruptState(
                f"expected in {self._folder} a segment with the records after {held[0]}-{held[1]} up to "
                f"{end[0]}-{end[1]}, received none: put it back, or go on without it by an empty file {said.name} there"
            )

    def _key(self, place: int) -> Key:
        return int(self._received_ms[place]), int(self._sequences[place])

    def _place_after(self, key: Key) -> int:
        """Return the place of the open segment's first record after `key`."""
        first, last = (
            np.searchsorted(self._received_ms, key[0], "left"),
            np.searchsorted(self._received_ms, key[0], "right"),
        )
        return int(first + np.searchsorted(self._sequences[first:last], key[1], "right"))


def _of_session(path: Path, session: str) -> Iterator[tuple[int, bytes]]:
    """Return a segment's receive times and payloads of a session. Payloads are read only where there are some."""
    try:
        with pq.ParquetFile(path, read_dictionary=["session"]) as file:
            sessions = file.read(columns=["session"], use_threads=False)["session"]
            if not any(pc.index(chunk.dictionary, session).as_py() >= 0 for chunk in sessions.chunks):
                return iter(())
            columns = file.read(columns=["received_ms", "payload"], use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise CorruptState(f"expected a Parquet segment in {path}, received: {error}") from error
    own = columns.filter(pc.equal(sessions, session))
    return zip(own["received_ms"].to_pylist(), own["payload"].to_pylist(), strict=True)


def open_log(path: Path) -> Reader:
    """Open a recorded log: a folder of Parquet segments, one segment's ``.parquet`` file, or a ``.jsonl`` file.

    Raises
    ------
    DatasetError
        When it is neither.
    """
    if path.is_dir() or (path.is_file() and path.suffix == ".parquet"):
        return ArchiveLog(path)
    if path.is_file() and path.suffix in (".jsonl", ".ndjson"):
        return JsonlLog(path)
    raise DatasetError(f"expected a folder of Parquet segments, a .parquet or a .jsonl file, received {path}")


def write_segment(folder: Path, records: Sequence[Record]) -> Path:
    """Append one segment to the archive: durable when this returns, invisible if it does not.

    Parameters
    ----------
    folder : Path
        Made when missing.
    records : sequence of Record
        In log order, at least one; all after the archive's end.

    Raises
    ------
    StaleWriter
        When the archive ends after the first record already: somebody else wrote, or a history comes too late.
    """
    keys = [offset_key(each.offset) for each in records]
    if not keys or any(later <= earlier for earlier, later in pairwise(keys)):
        raise ValueError(f"expected at least one record and growing offsets, received {len(keys)} records")
    name = f"{_name(keys[0])}_{_name(keys[-1])}.parquet"
    with sole_writer(folder):
        end = ArchiveLog(folder).end()
        if keys[0] <= offset_key(end):
            raise StaleWriter(
                f"{folder}: expected records after the archive's end {end}, "
                f"received {records[0].offset}: read on from its end"
            )
        table = _table(keys, records).replace_schema_metadata({_AFTER: end})
        write_whole(folder / name, memoryview(_parquet(table)))
    return folder / name


def write_segments(folder: Path, records: Iterable[Record], size: int = SEGMENT_RECORDS) -> Offset:
    """Append any number of records in segments of `size`; return the archive's end. Raises as `write_segment`."""
    remaining = iter(records)
    while batch := list(islice(remaining, size)):
        write_segment(folder, batch)
    return ArchiveLog(folder).end()


def _name(key: Key) -> str:
    """Return an offset as the names of files have it."""
    return "{:015d}-{:010d}".format(*key)


def _table(keys: Sequence[Key], records: Sequence[Record]) -> pa.Table:
    events = [each.event for each in records]
    columns: list[list[Any]] = [
        [milliseconds for milliseconds, _ in keys],
        [sequence for _, sequence in keys],
        [event.tag() if event else None for event in events],
        [event.session if isinstance(event, SessionEvent) else None for event in events],
        [event.event_time_ms if event else None for event in events],
        [each.payload for each in records],
    ]
    return pa.table(columns, schema=_SCHEMA)


def _parquet(table: pa.Table) -> pa.Buffer:
    written = pa.BufferOutputStream()
    pq.write_table(table, written, compression="zstd", write_page_checksum=True)
    return written.getvalue()
