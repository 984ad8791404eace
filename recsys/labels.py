"""The label join: slate ⋈ impression ⋈ click, in log order, becomes choices to learn from.

A click is a choice at once, among what had been seen by then. A slate without one becomes "none of these" when its
attribution window closes, and of one with clicks the rest does: what its clicks have charged to the other items is
remembered, so that no item is blamed twice for not being clicked. What happened or came after that is late: counted,
and not learned from. Windows close by the receive time of the records folded so far, never by a wall clock, so that the
join is the same on every run.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import features
from recsys.events import Click, Dismissal, Impression, ItemEvent
from recsys.features import Design
from recsys.layout import CONTEXT_START, POPULARITY, SIGNAL_COUNT, SIGNALS, WANTED, WIDTH
from recsys.models.base import NONE_OF_THESE
from recsys.models.kernels import linear_scores
from recsys.retrieval.candidates import retrieve
from recsys.sessions import Choice, SessionContext, ShownSlate
from recsys.spilling import SpillingMap
from recsys.world import World

#: Slates whose window may be open at once; beyond that the oldest are closed early, and counted.
MAX_PENDING: Final = 200_000
#: Open windows, and closed ones that are remembered, that stand in memory: some 1.1 kB and 0.2 kB each.
PENDING_IN_MEMORY: Final = 8_192
CLOSED_IN_MEMORY: Final = 16_384
#: A closed window is remembered for this many windows more, to tell what is late from what never was.
REMEMBERED_WINDOWS: Final = 6

#: Surface of what was not shown on a page of ours.
HISTORY: Final = "history"

#: Log odds of a click on an average item of a list, before anything is known of the visitor.
LEVEL: Final = -1.5
#: Columns that say the same of an item to every visitor who comes so, and how it was shown.
_STATISTICS: Final = (*POPULARITY, "clicks", "beginnings", "appeal", "freshness", *WANTED)
_OF_THE_ITEM: Final = np.array([*(name in _STATISTICS for name in SIGNALS), False, *[True] * (WIDTH - CONTEXT_START)])

_NO_SIGNALS: Final = np.zeros((0, SIGNAL_COUNT), dtype=np.float32)

Rows = NDArray[np.int64]

COUNTS: Final = ("slates", "joined", "expired", "left", "late", "duplicate", "unknown", "evicted", "forgotten")


class Example(NamedTuple):
    """One labelled choice.

    Attributes
    ----------
    session : str
    rows : int64 array of shape (n,)
        World rows that were open to choice.
    signals : float32 array of shape (n, SIGNAL_COUNT)
        As served.
    positions : int64 array of shape (n,)
    surface : str
    chosen : int
        Index into `rows`, or `NONE_OF_THESE`.
    passed : list of int
        Rows that this choice passes over for the first time.
    unseen : bool
        A click or a refusal whose own impression has not come: it proves one.
    recalled : bool
        Nobody knows what was shown: the rows are what retrieval would have offered.
    refused : bool
        The visitor said "not for me".
    charged : float64 array by position of the slate, or None
        How much of a chance to be clicked instead each item was charged with so far; whoever learns a click or a
        refusal adds its probabilities (`charge`). None where there is no slate.
    clicked : bool array of shape (n,), or None
        What became of each row, on a slate that is over; `chosen` is `NONE_OF_THESE`.
    """

    session: str
    rows: NDArray[np.int64]
    signals: NDArray[np.float32]
    positions: NDArray[np.int64]
    surface: str
    chosen: int
    passed: list[int]
    unseen: bool = False
    recalled: bool = False
    refused: bool = False
    charged: NDArray[np.float64] | None = None
    clicked: NDArray[np.bool_] | None = None

    @property
    def settles(self) -> bool:
        """Whether it is the rest of a slate whose clicks were learned before."""
        return self.clicked is not None and bool(self.clicked.any())

    def charge(self, probabilities: NDArray[np.float64]) -> None:
        """Note that each row was blamed for not being clicked as far as it was likely to be."""
        if self.charged is not None:
            self.charged[self.positions] += probabilities


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
    return event.slate or f"{event.session}\x1f{event.item}"


def recalled(world: World, context: SessionContext, row: int, at_ms: int) -> Example:
    """Return a click without a list as a choice among what is retrieved for this session at this moment.

    The example is empty where the item is not among that: a click on what nobody would have been offered teaches
    nothing about choosing among what is. Sessions and the fold learn from the same one.
    """
    found = retrieve(world, context)
    chosen = (found.rows == row).nonzero()[0]
    rows = found.rows if len(chosen) else found.rows[:0]
    return Example(
        session=context.id,
        rows=rows,
        signals=features.signals(world, context, rows, at_ms, found) if len(chosen) else _NO_SIGNALS,
        # Nobody knows where they stood; and nobody passed over what may not have been shown.
        positions=np.zeros(len(rows), dtype=np.int64),
        surface=HISTORY,
        chosen=int(chosen[0]) if len(chosen) else NONE_OF_THESE,
        passed=[],
        recalled=True,
    )


def learn_taste(world: World, context: SessionContext, rows: Rows, design: Design, chosen: int) -> None:
    """Let the visitor's taste learn from a choice, beside what everybody would have made of these items."""
    if world.described:
        weights = np.where(_OF_THE_ITEM, world.model.weight_mean(), 0.0)
        expected = linear_scores(design, weights[: design.shape[1]])
        context.taste.note_choice(rows, chosen, expected - expected.mean() + LEVEL)


def learn_lone_taste(world: World, context: SessionContext, row: int) -> None:
    """Let the visitor's taste learn from the click on an item that nobody knows what stood beside."""
    if world.described:
        context.taste.note(row, True, LEVEL)


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
        self._pending: SpillingMap[Pending] = SpillingMap(PENDING_IN_MEMORY, pack, unpack)
        self._closed: SpillingMap[int] = SpillingMap(CLOSED_IN_MEMORY, pack, msgspec.msgpack.Decoder(int).decode)
        self.counts: dict[str, int] = dict.fromkeys(COUNTS, 0)

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
        self._closed.pop(key)
        # Receive times never run backwards, so windows close in the order in which they opened.
        self._pending.put(key, Pending(session, received_ms + self._window_ms, shown))
        self.counts["slates"] += 1

    def lone_click(self, event: Click, received_ms: int) -> bool:
        """Note a click that has no list at all; return whether it is news.

        Its duplicates have the same session, item and event time. It is remembered as closed windows are.
        """
        key = f"{implicit_slate(event)}\x1f{event.event_time_ms}"
        if key in self._closed:
            self.counts["duplicate"] += 1
            return False
        self._closed.put(key, received_ms)
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
        """Close the windows that end at or before `watermark_ms`, oldest first, and yield what that teaches."""
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
            if example is not None:
                yield example
        self._forget(watermark_ms - REMEMBERED_WINDOWS * self._window_ms)

    def forget(self, session: str) -> None:
        """Drop a session's open windows: they teach nothing. Costs a pass over what is open."""
        for key in [key for key, pending in self._pending.items() if pending.session == session]:
            self._pending.pop(key)
            self.counts["forgotten"] += 1

    def to_state(self) -> JoinState:
        """Return the join for a snapshot."""
        return JoinState(self._pending.to_state(), self._closed.to_state(), dict(self.counts))

    def restore(self, state: JoinState) -> None:
        """Become the join that `to_state` described. Raises `msgspec.DecodeError` on anything else."""
        self._pending.restore(state.pending)
        self._closed.restore(state.closed)
        self.counts = {name: state.counts.get(name, 0) for name in COUNTS}

    def _forget(self, until_ms: int) -> None:
        while oldest := self._closed.oldest():
            key, closed_ms = oldest
            if closed_ms > until_ms and len(self._closed) <= self._max_pending:
                return
            self._closed.pop(key)

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


def _settled(pending: Pending) -> Example | None:
    """Return what a slate says now that it is over; None where all that was seen was clicked or refused."""
    positions, clicked = pending.shown.settle()
    if all(clicked):
        return None
    example = _example(pending, Choice(positions, NONE_OF_THESE))
    return example._replace(clicked=np.array(clicked, dtype=np.bool_), passed=[] if any(clicked) else example.passed)
