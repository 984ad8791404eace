"""The label join: slate ⋈ impression ⋈ click, in log order, becomes choices to learn from.

A click is a choice at once, among what had been seen by then. A slate without one becomes "none of these" when its
attribution window closes, and of one with clicks the rest does: what its clicks have charged to the other items is
remembered, so that no item is blamed twice for not being clicked. What was seen without a list and not clicked teaches
nothing. What happens or comes after its window is late: counted, and not learned from. Windows close by the receive
time of the records folded so far, never by a wall clock, so that the join is the same on every run.
"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.events import Click, Dismissal, Impression, ItemEvent
from recsys.examples import Example
from recsys.models.base import NONE_OF_THESE
from recsys.renumbering import Places
from recsys.sessions import Choice, ShownSlate
from recsys.spilling import SpillingMap

#: Slates whose window may be open at once; beyond that the oldest are closed early, and counted.
MAX_PENDING: Final = 200_000
#: Open windows, and closed ones that are remembered, that stand in memory: some 1.1 kB and 0.2 kB each.
PENDING_IN_MEMORY: Final = 8_192
CLOSED_IN_MEMORY: Final = 16_384
#: A closed window is remembered for this many windows more, to tell what is late from what never was.
REMEMBERED_WINDOWS: Final = 6

#: Between session and item in the key of an item that was seen without a list.
_BETWEEN: Final = "\x1f"

COUNTS: Final = ("slates", "joined", "expired", "left", "late", "duplicate", "unknown", "evicted", "forgotten")


class Pending(msgspec.Struct, gc=False):
    """An open window; stands in the fold's snapshot as it is. `charged` is empty before anything was charged."""

    session: str
    deadline_ms: int
    shown: ShownSlate
    charged: bytearray = msgspec.field(default_factory=bytearray)

    def charges(self) -> NDArray[np.float64]:
        """Return what each position was charged with, to be written to."""
        self.charged = self.charged or bytearray(8 * len(self.shown.marks))
        return np.frombuffer(self.charged, dtype="<f8")


class JoinState(msgspec.Struct, frozen=True):
    """A `LabelJoin` as it stands in the fold's snapshot: open windows and when others closed by key, oldest first."""

    pending: msgspec.Raw
    closed: msgspec.Raw
    counts: dict[str, int]


def implicit_slate(event: ItemEvent) -> str:
    """Return the key under which an event without a slate is joined: one item, seen in one session."""
    return event.slate or f"{event.session}{_BETWEEN}{event.item}"


class LabelJoin:
    """Slates whose attribution window is open, and what became of the others.

    Parameters
    ----------
    window_ms : int
        Attribution window, milliseconds after the slate was served.
    max_pending : int
        Windows that may be open at once, and closed ones that are remembered.

    Attributes
    ----------
    counts : dict of str to int
        How often each of `COUNTS` happened: slates opened; clicks ``joined``; windows ``expired`` without one, and
        ``left`` with one or unseen; events that were ``late``, ``duplicate`` or of an ``unknown`` slate (never logged,
        or closed more than `REMEMBERED_WINDOWS` ago); windows ``evicted`` before their time, or
        ``forgotten`` with their session.
    """

    def __init__(self, window_ms: int, max_pending: int = MAX_PENDING) -> None:
        self._window_ms = window_ms
        self._max_pending = max_pending
        pack, unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Pending).decode
        self._pending: SpillingMap[Pending] = SpillingMap(PENDING_IN_MEMORY, pack, unpack, attrgetter("session"))
        self._closed: SpillingMap[int] = SpillingMap(CLOSED_IN_MEMORY, pack, msgspec.msgpack.Decoder(int).decode)
        self.counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
        self._due_ms = 0  # nothing closes and nothing is forgotten before

    def __len__(self) -> int:
        return len(self._pending)

    def knows(self, event: ItemEvent) -> bool:
        """Return whether the event's window is open, or closed and remembered."""
        key = implicit_slate(event)
        return key in self._pending or key in self._closed

    def is_open(self, event: ItemEvent) -> bool:
        """Return whether the event's window is open."""
        return implicit_slate(event) in self._pending

    def open(self, key: str, session: str, shown: ShownSlate, received_ms: int, *, again: bool = False) -> None:
        """Open a slate's window.

        A second slate under the same key is a duplicate and changes nothing, unless the first one's window has closed
        and it may open `again`: an item of a history that was seen once more.
        """
        if key in self._pending or (key in self._closed and not again):
            self.counts["duplicate"] += 1
            return
        if again:
            self._closed.pop(key)
        # Receive times never run backwards, so windows close in the order in which they opened.
        self._pending.put(key, Pending(session, received_ms + self._window_ms, shown))
        self._bound(self._pending)
        self.counts["slates"] += 1

    def lone_click(self, event: Click, received_ms: int) -> bool:
        """Note a click that has no list at all; return whether it is news.

        Its duplicates have the same session, item and event time. It is remembered as closed windows are.
        """
        key = f"{implicit_slate(event)}{_BETWEEN}{event.event_time_ms}"
        if key in self._closed:
            self.counts["duplicate"] += 1
            return False
        self._closed.put(key, received_ms)
        self._bound(self._closed)
        self.counts["joined"] += 1
        return True

    def impression(self, event: Impression, row: int) -> bool:
        """Note that an item was seen; return whether that was news."""
        found = self._find(event, row)
        if found is None:
            return False
        pending, position = found
        if not pending.shown.saw(position):
            self.counts["duplicate"] += 1
            return False
        return True

    def click(self, event: Click, row: int) -> Example | None:
        """Join a click; return the choice that it makes, None where it teaches nothing."""
        found = self._find(event, row)
        if found is None:
            return None
        pending, position = found
        unseen = pending.shown.saw(position)
        choice = pending.shown.click(position)
        if choice is None:
            self.counts["duplicate"] += 1
            return None
        self.counts["joined"] += 1
        return _example(pending, choice)._replace(unseen=unseen)

    def dismissal(self, event: Dismissal, row: int) -> Example | None:
        """Join a "not for me": a choice of nothing out of this one item; once, even if it was taken back between."""
        found = self._find(event, row)
        if found is None:
            return None
        pending, position = found
        unseen = pending.shown.saw(position)
        choice = pending.shown.dismiss(position)
        if choice is None:
            self.counts["duplicate"] += 1
            return None
        return _example(pending, choice)._replace(unseen=unseen)

    def close(self, watermark_ms: int) -> Iterator[Example]:
        """Close the windows that end at or before `watermark_ms`, oldest first, and yield what these lists teach."""
        if watermark_ms < self._due_ms:
            return
        while oldest := self._pending.oldest():
            key, pending = oldest
            if pending.deadline_ms > watermark_ms:
                if len(self._pending) <= self._max_pending:
                    break
                self.counts["evicted"] += 1
            self._pending.pop(key)
            self._closed.put(key, watermark_ms)
            example = _settled(pending)
            self.counts["left" if example is None or example.settles else "expired"] += 1
            if example is not None and not _stands_alone(key, pending):
                yield example
        self._forget(watermark_ms - REMEMBERED_WINDOWS * self._window_ms)
        self._due_ms = self._next_due_ms(watermark_ms)

    def forget(self, session: str) -> None:
        """Drop a session's open windows: they teach nothing. Costs a pass over those that stand in memory."""
        for key in self._pending.owned(session):
            self._pending.pop(key)
            self.counts["forgotten"] += 1

    def renumber(self, places: Places) -> None:
        """Name items by their new rows. Costs a pass over what is open."""
        self._pending.change_all(lambda pending: pending.shown.renumber(places))

    def to_state(self) -> JoinState:
        """Return the join for a snapshot."""
        return JoinState(self._pending.to_state(), self._closed.to_state(), dict(self.counts))

    def restore(self, state: JoinState) -> None:
        """Become the join that `to_state` described. Raises `msgspec.DecodeError` on anything else."""
        self._pending.restore(state.pending)
        self._closed.restore(state.closed)
        self._due_ms = 0
        self.counts = {name: state.counts.get(name, 0) for name in COUNTS}

    def _forget(self, until_ms: int) -> None:
        while oldest := self._closed.oldest():
            key, closed_ms = oldest
            if closed_ms > until_ms and len(self._closed) <= self._max_pending:
                return
            self._closed.pop(key)

    def _next_due_ms(self, watermark_ms: int) -> int:
        """Return until when nothing is due: what opens later is due a window after this watermark at the earliest."""
        due_ms = watermark_ms + self._window_ms
        if pending := self._pending.oldest():
            due_ms = min(due_ms, pending[1].deadline_ms)
        if closed := self._closed.oldest():
            due_ms = min(due_ms, closed[1] + REMEMBERED_WINDOWS * self._window_ms)
        return due_ms

    def _bound(self, entries: SpillingMap[Any]) -> None:
        """Let the next watermark take out what is one too many, whether its time is over or not."""
        if len(entries) > self._max_pending:
            self._due_ms = 0

    def _find(self, event: ItemEvent, row: int) -> tuple[Pending, int] | None:
        key = implicit_slate(event)
        pending = self._pending.get(key)
        if pending is None:
            self.counts["late" if key in self._closed else "unknown"] += 1
            return None
        if event.event_time_ms - pending.shown.served_ms >= self._window_ms:
            self.counts["late"] += 1
            return None
        position = pending.shown.position_of(row, event.position)
        if position is None or pending.session != event.session:
            self.counts["unknown"] += 1
            return None
        return pending, position


def _example(pending: Pending, choice: Choice) -> Example:
    shown = pending.shown
    positions = np.array(choice.positions, dtype=np.int64)
    return Example(
        session=pending.session,
        rows=np.array([shown.row_at(position) for position in choice.positions], dtype=np.int64),
        signals=np.ascontiguousarray(shown.signals[positions], dtype=np.float32),
        positions=positions,
        surface=shown.surface,
        chosen=choice.chosen,
        passed=shown.newly_passed(choice),
        charged=pending.charges(),
    )


def _stands_alone(key: str, pending: Pending) -> bool:
    """Whether the window is of an item that was seen without a list: what else there was to choose nobody knows.

    A click on it is a choice among what would have been offered (`recsys.examples.recalled`). To learn of the others
    that they were not clicked would be to hear one side of a question that is never asked.
    """
    return key.startswith(f"{pending.session}{_BETWEEN}")


def _settled(pending: Pending) -> Example | None:
    """Return what a slate says now that it is over; None where all that was seen was clicked or refused."""
    positions, clicked = pending.shown.settle()
    if all(clicked):
        return None
    example, settles = _example(pending, Choice(positions, NONE_OF_THESE)), pending.shown.clicked
    return example._replace(
        clicked=np.array(clicked, dtype=np.bool_), settles=settles, passed=[] if settles else example.passed
    )
