"""What a session did so far, by world row: the session's half of every feature."""

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.events import SessionBegan
from recsys.models.entries import class_of, hour_class
from recsys.renumbering import Places, moved, moved_keys
from recsys.sessions.taste import Taste
from recsys.world import SESSION_CLICKS

#: Items that a session knows to have opened, to have refused, and to have passed over: so many each, the latest.
COUNTED_ITEMS: Final = 4_096
#: Latest clicks that a session remembers in order, each as often as it happened.
TRAIL: Final = 128

_NOWHERE: Final = np.empty(0, dtype=np.int64)


class ContextState(msgspec.Struct, frozen=True):
    """A `SessionContext` as it stands in the fold's snapshot; maps are lists of pairs in insertion order."""

    id: str
    last_ms: int
    clicked: list[int]
    opened: list[tuple[int, int]]
    dismissed: list[tuple[int, int]]
    passed: list[tuple[int, int]]
    taste: bytes
    trail: list[int]
    began_ms: int = 0
    entry: tuple[int, ...] = ()


@dataclasses.dataclass(slots=True)
class SessionContext:
    """What one session clicked, dismissed and passed over.

    Attributes
    ----------
    id : str
        Session id.
    last_ms : int
        Event time of its latest event, milliseconds.
    clicked : list of int
        Rows of the latest distinct items opened, newest last, at most `SESSION_CLICKS`.
    trail : list of int
        Rows of the latest clicks in the order in which they happened, repeats included, at most `TRAIL`.
    opened : dict of row to count
        Items opened, and how often; of these and the following the `COUNTED_ITEMS` that were first counted last.
    dismissed : dict of row to count
        Items that are "not for me" at the moment, and how often that was said.
    passed : dict of row to count
        Items seen and not chosen, and in how many slates.
    taste : Taste
        What that says about the items that the visitor likes.
    began_ms : int
        When it began; 0 where nobody asks (what everybody gets).
    entry : tuple of int
        Its classes of entry that were told (`recsys.models.entries`).
    key : int
        63 bits of the id: what the neighbour index knows the session by.

    >>> context = SessionContext("s")
    >>> for row in (4, 7, 4):
    ...     context.click(row, at_ms=1_000)
    >>> context.clicked, context.opened
    ([7, 4], {4: 2, 7: 1})
    """

    id: str
    last_ms: int = 0
    clicked: list[int] = dataclasses.field(default_factory=list)
    trail: list[int] = dataclasses.field(default_factory=list)
    opened: dict[int, int] = dataclasses.field(default_factory=dict)
    dismissed: dict[int, int] = dataclasses.field(default_factory=dict)
    passed: dict[int, int] = dataclasses.field(default_factory=dict)
    taste: Taste = dataclasses.field(default_factory=Taste)
    began_ms: int = 0
    entry: tuple[int, ...] = ()
    key: int = dataclasses.field(init=False)
    _newest_first: NDArray[np.int64] | None = dataclasses.field(default=None, init=False, repr=False, compare=False)
    _path: NDArray[np.int64] | None = dataclasses.field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        digest = hashlib.blake2b(self.id.encode(), digest_size=8).digest()
        self.key = int.from_bytes(digest, "little") >> 1

    def touch(self, at_ms: int) -> None:
        """Note that the session was active at `at_ms`; events may arrive out of order."""
        self.last_ms, self.began_ms = max(self.last_ms, at_ms), min(self.began_ms, at_ms)

    def enter(self, event: SessionBegan) -> None:
        """Note how the session came."""
        told = (class_of("referrer", event.referrer), class_of("page", event.page), class_of("device", event.device))
        self.entry = tuple(one for one in told if one is not None)

    def classes(self) -> tuple[int, ...]:
        """Return the session's classes of entry, as far as they are known."""
        return (hour_class(self.began_ms), *self.entry) if self.began_ms else self.entry

    def click(self, row: int, at_ms: int) -> None:
        """Note that an item was opened: it becomes the newest click."""
        self.touch(at_ms)
        _count(self.opened, row)
        if row in self.clicked:
            self.clicked.remove(row)
        self.clicked.append(row)
        del self.clicked[:-SESSION_CLICKS]
        self.trail.append(row)
        del self.trail[:-TRAIL]
        self._newest_first = self._path = None

    def newest_first(self) -> NDArray[np.int64]:
        """Return `clicked`, newest first, and below how often each was opened: shape (2, n). Do not write to it.

        Made once after each click, for the many loops that want it.
        """
        if self._newest_first is None:
            rows = self.clicked[::-1]
            counts = [self.opened.get(row, 1) for row in rows]
            self._newest_first = np.array(rows + counts, dtype=np.int64).reshape(2, -1)
        return self._newest_first

    def path(self) -> NDArray[np.int64]:
        """Return `trail` as an array, empty where its last click stands there once: then there is nothing to retrace.

        Do not write to it; made once after each click.
        """
        if self._path is None:
            again = self.trail and self.trail.count(self.trail[-1]) > 1
            self._path = np.array(self.trail, dtype=np.int64) if again else _NOWHERE
        return self._path

    def dismiss(self, row: int) -> None:
        """Note "not for me"."""
        _count(self.dismissed, row)
        self.taste.refuse(row)

    def undo(self, row: int) -> None:
        """Take every dismissal of an item back."""
        self.dismissed.pop(row, None)
        self.taste.restore(row)

    def pass_over(self, rows: Iterable[int]) -> None:
        """Note items that one slate showed and the visitor did not choose."""
        for row in rows:
            _count(self.passed, row)

    def renumber(self, places: Places) -> None:
        """Name items by their new rows; those that are gone are forgotten."""
        self.clicked = moved(self.clicked, places)
        self.trail = moved(self.trail, places)
        self.opened = moved_keys(self.opened, places)
        self.dismissed = moved_keys(self.dismissed, places)
        self.passed = moved_keys(self.passed, places)
        self.taste.renumber(places)
        self._newest_first = self._path = None

    def to_state(self) -> ContextState:
        """Return the context for a snapshot."""
        return ContextState(
            id=self.id,
            last_ms=self.last_ms,
            clicked=list(self.clicked),
            trail=list(self.trail),
            opened=list(self.opened.items()),
            dismissed=list(self.dismissed.items()),
            passed=list(self.passed.items()),
            taste=self.taste.to_state(),
            began_ms=self.began_ms,
            entry=self.entry,
        )

    @classmethod
    def from_state(cls, state: ContextState) -> "SessionContext":
        """Return the context that `to_state` described, with maps in the same order."""
        return cls(
            id=state.id,
            last_ms=state.last_ms,
            clicked=list(state.clicked),
            trail=list(state.trail),
            opened=dict(state.opened),
            dismissed=dict(state.dismissed),
            passed=dict(state.passed),
            taste=Taste.from_state(state.taste),
            began_ms=state.began_ms,
            entry=state.entry,
        )


def _count(counts: dict[int, int], row: int) -> None:
    counts[row] = counts.get(row, 0) + 1
    if len(counts) > COUNTED_ITEMS:
        del counts[next(iter(counts))]
