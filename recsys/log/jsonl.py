"""Recorded logs as JSON lines: for people, for exchange, and for writing one by hand.

A line is an event's JSON with one more field, `offset`. Where that is missing, the line stands at its event time (or
right after the line before, if that is later). A record whose bytes are no event is ``{"offset": …, "dead": base64}``.
"""

import codecs
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import msgspec

from recsys.errors import UNREADABLE, DatasetError, InvalidEvent
from recsys.events import decode_json, encode, encode_json
from recsys.log.base import Record
from recsys.offsets import ORIGIN, Offset, offset_key

_Key = tuple[int, int]


class _Place(msgspec.Struct):
    """The part of a line that is not the event."""

    # As many digits as are certain to fit into 64 bits.
    offset: Annotated[str, msgspec.Meta(pattern=r"\A([0-9]{1,18}-[0-9]{1,18})?\Z")] = ""
    dead: bytes | None = None


#: No event stands at its own time from here on: no offset has so many digits.
_NEVER: Final = (10**18, 0)

_place = msgspec.json.Decoder(_Place)


class JsonlLog:
    """Reads one recorded log from its beginning to its end (`recsys.log.base.Reader`).

    Reading on from where the last read ended costs nothing; from anywhere else it scans from the start. A line that
    is not an event becomes a record without one, as in the live log.

    Parameters
    ----------
    path : Path
        Of a file that does not change meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = offset_key(ORIGIN)
        self._ahead: Iterator[Record] = iter(())
        self._started = False

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`. Raises `DatasetError` when offsets do not grow."""
        key = offset_key(after)
        if not self._started or key != self._position:
            self._ahead = (each for each in self._scan() if offset_key(each.offset) > key)
            self._started = True
        found = list(islice(self._ahead, limit))
        self._position = offset_key(found[-1].offset) if found else key
        return found

    def end(self) -> Offset:
        """Return the last record's offset; scans the file."""
        end = ORIGIN
        for each in self._scan():
            end = each.offset
        return end

    def _scan(self) -> Iterator[Record]:
        before = offset_key(ORIGIN)
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip()
                if not text:
                    continue
                each = _read_line(text, before)
                key = offset_key(each.offset)
                if key <= before:
                    raise DatasetError(
                        f"{self._path}, line {number}: expected an offset after {before[0]}-{before[1]}, "
                        f"received {each.offset}"
                    )
                before = key
                yield each


def export_jsonl(records: Iterable[Record], file: BinaryIO) -> int:
    """Write records as JSON lines; return how many."""
    count = 0
    for each in records:
        file.write(_line(each) + b"\n")
        count += 1
    return count


def _line(each: Record) -> bytes:
    if each.event is None:
        return msgspec.json.encode({"offset": each.offset, "dead": each.payload})
    return b'{"offset":"%s",%s' % (each.offset.encode(), encode_json(each.event)[1:])


def _read_line(line: bytes, before: _Key) -> Record:
    next_ = f"{before[0]}-{before[1] + 1}"
    try:
        place = _place.decode(line)
        offset = place.offset
        if place.dead is not None:
            return Record(offset or next_, None, place.dead)
        event = decode_json(line)
        payload = encode(event)
    except (*UNREADABLE, InvalidEvent, OverflowError):
        return Record(next_, None, line)
    if not offset:
        offset = f"{event.event_time_ms}-0" if before < (event.event_time_ms, 0) < _NEVER else next_
    return Record(offset, event, payload)
