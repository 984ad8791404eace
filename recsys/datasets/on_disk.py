"""A sequence that waits on disk, packed: a history of any length is read in the same memory.

As in `recsys.spilling`, the disk is a private database in a file that has no name, gone with the process.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar, overload

import msgspec

from recsys.spilling import new_disk, unavailable

T = TypeVar("T")

_encode: Final = msgspec.msgpack.Encoder().encode


class OnDisk(Sequence[T]):
    """Values on disk, in the order in which they come, or in that of a key.

    Parameters
    ----------
    values : iterable
        What MessagePack can hold; read once.
    kind : type
        What they are read back as.
    key : callable, optional
        Whole number to order them by; those with the same number stay in the order in which they come.

    Raises
    ------
    StoreUnavailable
        From every method, when the disk takes nothing more.

    >>> held = OnDisk([3, 1, 2], int, key=int)
    >>> list(held), held[-1], held[:2]
    ([1, 2, 3], 3, [1, 2])
    """

    def __init__(self, values: Iterable[T], kind: Any, key: Callable[[T], int] | None = None) -> None:
        self._decode: Callable[[bytes], T] = msgspec.msgpack.Decoder(kind).decode
        try:
            self._disk = new_disk("CREATE TABLE entry (place INTEGER PRIMARY KEY, packed BLOB NOT NULL)")
            if key is None:
                self._insert("entry (packed) VALUES (?)", ((_encode(value),) for value in values))
            else:
                self._disk.execute("CREATE TABLE unordered (key INTEGER NOT NULL, packed BLOB NOT NULL)")
                self._insert("unordered VALUES (?, ?)", ((key(value), _encode(value)) for value in values))
                self._disk.execute("INSERT INTO entry (packed) SELECT packed FROM unordered ORDER BY key, rowid")
                self._disk.execute("DROP TABLE unordered")
            ((length,),) = self._disk.execute("SELECT count(*) FROM entry")
        except sqlite3.Error as error:
            raise unavailable(error) from error
        self._length: int = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        try:
            for (packed,) in self._disk.execute("SELECT packed FROM entry ORDER BY place"):
                yield self._decode(packed)
        except sqlite3.Error as error:
            raise unavailable(error) from error

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self._at(each) for each in range(self._length)[place]]
        return self._at(range(self._length)[place])

    def _at(self, place: int) -> T:
        try:
            ((packed,),) = self._disk.execute("SELECT packed FROM entry WHERE place = ?", (place + 1,))
        except sqlite3.Error as error:
            raise unavailable(error) from error
        return self._decode(packed)

    def _insert(self, into: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._disk.executemany(f"INSERT INTO {into}", rows)
