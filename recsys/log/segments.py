"""Which segments a folder of the archive has: their names say from where to where each reaches."""

import functools
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from recsys.errors import CorruptState

_NAME: Final = re.compile(r"(\d+)-(\d+)_(\d+)-(\d+)\.parquet")
#: A folder that changed so lately is listed again: file systems tell time in steps, and two changes may share one.
_SETTLED_NS: Final = 2_000_000_000

#: An offset as numbers (`recsys.offsets.offset_key`).
Key = tuple[int, int]


class Segment(NamedTuple):
    """A file of the archive with the offsets of its first and last record, as numbers."""

    first: Key
    last: Key
    path: Path


def segments(folder: Path) -> Sequence[Segment]:
    """Return a folder's segments in log order; a folder that does not exist has none. Other files are ignored.

    One segment's file stands for itself, whatever its name.
    """
    if folder.is_file():
        return [_named_by_its_records(folder)]
    return _folder(folder).segments() if folder.is_dir() else []


def records_in(segment: Segment) -> int:
    """Return how many records a segment has, by its last bytes. Raises `CorruptState` on a damaged one."""
    try:
        return int(pq.read_metadata(segment.path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(segment.path, error) from error


class _Listing(NamedTuple):
    """What a folder holds until it changes.

    Attributes
    ----------
    changed_ns : int or None
        When it last did; None where it may have done so since.
    names : frozenset of str
        Of all its files.
    segments : list of Segment
        In log order.
    """

    changed_ns: int | None = None
    names: frozenset[str] = frozenset()
    segments: Sequence[Segment] = ()


class _Folder:
    """The segments of a folder, which is listed when it has changed, and of which only new names are read.

    A quiet site writes a segment a minute, and asks several times a second where its archive ends. For any thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listing = _Listing()

    def segments(self) -> Sequence[Segment]:
        changed_ns = self._path.stat().st_ctime_ns
        if changed_ns != self._listing.changed_ns:
            self._listing = self._list(changed_ns)
        return self._listing.segments

    def _list(self, changed_ns: int) -> _Listing:
        before = self._listing
        is_settled = time.time_ns() - changed_ns > _SETTLED_NS
        with os.scandir(self._path) as entries:
            names = frozenset(entry.name for entry in entries)
        found = before.segments
        if names != before.names:
            kept = (segment for segment in found if segment.path.name in names)
            new = ((_NAME.fullmatch(name), self._path / name) for name in names - before.names)
            found = sorted([*kept, *(_segment(match, path) for match, path in new if match)])
        return _Listing(changed_ns if is_settled else None, names, found)


@functools.lru_cache(maxsize=8)
def _folder(path: Path) -> _Folder:
    return _Folder(path)


def _segment(match: re.Match[str], path: Path) -> Segment:
    return Segment((int(match[1]), int(match[2])), (int(match[3]), int(match[4])), path)


def _named_by_its_records(path: Path) -> Segment:
    try:
        offsets = pq.read_table(path, columns=["received_ms", "sequence"]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    if not offsets:
        raise CorruptState(f"expected records in {path}, received none")
    first, last = offsets[0], offsets[-1]
    return Segment((first["received_ms"], first["sequence"]), (last["received_ms"], last["sequence"]), path)


def _damaged(path: Path, error: Exception) -> CorruptState:
    return CorruptState(f"expected a Parquet segment in {path}, received: {error}")
