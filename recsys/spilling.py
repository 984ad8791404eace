"""An ordered map of which only the newest entries stand in memory: older ones wait on disk, packed.

What is open of the last minute is asked for all the time, what is older hardly ever until its time is over. So memory
holds a number of entries, whatever the rate and however long they are kept. The disk is a private database in a file
that has no name, in the folder for temporary files: it is gone with the process, and nothing is ever read back from it
after a restart. Snapshots hold every entry.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from recsys.errors import StoreUnavailable

T = TypeVar("T")

#: Entries that were read from disk and stand in memory for a while, as they may change.
LENT: Final = 64

_SETTINGS: Final = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -2048",
    # Never committed: the pages that the cache has no room for are written, and those alone.
    "BEGIN",
)
_TABLES: Final = (
    "CREATE TABLE entry (place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, packed BLOB NOT NULL, owner TEXT)",
    "CREATE INDEX owned ON entry (owner) WHERE owner IS NOT NULL",
)
#: First byte of a msgpack map whose size follows in four bytes.
_MAP32: Final = b"\xdf"


class SpillingMap(Generic[T]):
    """A map in order of insertion. A value that is changed is changed in the map, be it in memory or on disk.

    Parameters
    ----------
    in_memory : int
        Newest entries that stand in memory, at least 1, as whoever put it in may still change it; about 10 µs for each
        that does not any more, and again when it is read.
    pack, unpack : callable
        From a value to msgpack bytes and back; what is unpacked must be worth what was packed.
    owner : callable, optional
        From a value to whose it is, which never changes: for `owned`.

    Raises
    ------
    ValueError
        When none is to stand in memory.
    StoreUnavailable
        From every method, when the disk takes nothing more, and from then on.

    >>> held = SpillingMap(1, msgspec.msgpack.encode, msgspec.msgpack.decode)
    >>> held.put("old", [1])
    >>> held.put("new", [2])
    >>> held.get("old").append(3)
    >>> held.oldest(), len(held)
    (('old', [1, 3]), 2)
    """

    def __init__(
        self,
        in_memory: int,
        pack: Callable[[T], bytes],
        unpack: Callable[[bytes], T],
        owner: Callable[[T], str | None] = lambda value: None,
    ) -> None:
        if in_memory < 1:
            raise ValueError(f"expected at least 1 entry in memory, received {in_memory}")
        self._in_memory = in_memory
        self._pack = pack
        self._unpack = unpack
        self._owner = owner
        self._near: dict[str, T] = {}
        self._lent: dict[str, T] = {}
        self._disk: sqlite3.Connection | None = None
        self._spilled = 0
        self._front: str | None = None

    def __len__(self) -> int:
        return len(self._near) + self._spilled

    def __contains__(self, key: str) -> bool:
        return key in self._near or (self._spilled > 0 and self._is_on_disk(key))

    def get(self, key: str) -> T | None:
        """Return the value, None where there is none."""
        found = self._near.get(key)
        return self._borrow(key) if found is None and self._spilled else found

    def put(self, key: str, value: T) -> None:
        """Add a value as the newest; there must be none of this key."""
        self._near[key] = value
        if len(self._near) > self._in_memory:
            oldest = next(iter(self._near))
            value = self._near.pop(oldest)
            self._spill(oldest, value, self._pack(value))

    def pop(self, key: str) -> T | None:
        """Take a value out; return it, None where there is none."""
        found = self._near.pop(key, None)
        if found is None and self._spilled:
            found = self._borrow(key)
            if found is not None:
                del self._lent[key]
                self._run("DELETE FROM entry WHERE key = ?", key)
                self._spilled -= 1
                self._front = None if self._front == key else self._front
        return found

    def oldest(self) -> tuple[str, T] | None:
        """Return the entry that was added first, None where there is none."""
        if not self._spilled:
            return next(iter(self._near.items()), None)
        if self._front is None:
            ((self._front,),) = self._run("SELECT key FROM entry ORDER BY place LIMIT 1")
        value = self._borrow(self._front)
        assert value is not None
        return self._front, value

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield all entries in order. What stands on disk is unpacked anew: not to be changed."""
        for key, packed in self._on_disk():
            yield key, self._unpack(packed)
        yield from self._near.items()

    def owned(self, owner: str) -> list[str]:
        """Return the keys of what is somebody's, in order. Costs a pass over what stands in memory."""
        rows = self._run("SELECT key FROM entry WHERE owner = ? ORDER BY place", owner) if self._spilled else ()
        return [key for (key,) in rows] + [key for key, value in self._near.items() if self._owner(value) == owner]

    def change_all(self, change: Callable[[T], None]) -> None:
        """Let `change` change every value, in order. Costs some 20 µs for each that stands on disk."""
        for (key,) in self._run("SELECT key FROM entry ORDER BY place") if self._spilled else ():
            value = self._borrow(key)
            assert value is not None
            change(value)
        for value in self._near.values():
            change(value)

    def to_state(self) -> msgspec.Raw:
        """Return a msgpack map of all entries in order: the same bytes wherever each of them stands."""
        encode = msgspec.msgpack.encode
        state = bytearray(_MAP32 + len(self).to_bytes(4, "big"))
        for key, packed in self._on_disk():
            state += encode(key)
            state += packed
        for key, value in self._near.items():
            state += encode(key)
            state += self._pack(value)
        return msgspec.Raw(state)

    def restore(self, state: msgspec.Raw) -> None:
        """Become the map that `to_state` described. Raises `msgspec.DecodeError` on anything else."""
        entries = msgspec.msgpack.decode(state, type=dict[str, msgspec.Raw])
        self._near, self._lent, self._disk, self._spilled, self._front = {}, {}, None, 0, None
        for place, (key, packed) in enumerate(entries.items()):
            value = self._unpack(bytes(packed))
            if place < len(entries) - self._in_memory:
                self._spill(key, value, bytes(packed))
            else:
                self._near[key] = value

    def _spill(self, key: str, value: T, packed: bytes) -> None:
        self._run("INSERT INTO entry (key, packed, owner) VALUES (?, ?, ?)", key, packed, self._owner(value))
        self._spilled += 1

    def _borrow(self, key: str) -> T | None:
        """Return a value on disk, to be written back once it is no longer among the last `LENT` that were read."""
        found = self._lent.get(key)
        if found is None:
            rows = self._run("SELECT packed FROM entry WHERE key = ?", key)
            if not rows:
                return None
            found = self._lent[key] = self._unpack(rows[0][0])
            if len(self._lent) > LENT:
                self._give_back(next(iter(self._lent)))
        return found

    def _give_back(self, key: str) -> None:
        self._run("UPDATE entry SET packed = ? WHERE key = ?", self._pack(self._lent.pop(key)), key)

    def _is_on_disk(self, key: str) -> bool:
        return key in self._lent or bool(self._run("SELECT 1 FROM entry WHERE key = ?", key))

    def _on_disk(self) -> Iterator[tuple[str, bytes]]:
        for key in list(self._lent):
            self._give_back(key)
        if self._disk is not None:
            try:
                yield from self._disk.execute("SELECT key, packed FROM entry ORDER BY place")
            except sqlite3.Error as error:
                raise unavailable(error) from error

    def _run(self, statement: str, *values: Any) -> list[Any]:
        try:
            if self._disk is None:
                self._disk = new_disk(*_TABLES)
            return self._disk.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error


def new_disk(*tables: str) -> sqlite3.Connection:
    """Return a private database in a file that has no name, with these tables: 2 MB of it stand in memory."""
    disk = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for statement in (*_SETTINGS, *tables):
        disk.execute(statement)
    return disk


def unavailable(error: sqlite3.Error) -> StoreUnavailable:
    """Return what a private database that takes nothing more means, and what to do."""
    return StoreUnavailable(
        f"expected room in the folder for temporary files (SQLITE_TMPDIR, TMPDIR), received: {error}"
    )
