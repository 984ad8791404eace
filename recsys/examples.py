"""Examples, what everybody's model learns from: a choice that was made, with the features that it was made by.

A choice on a list of ours is put together by the label join; one without a list is made here, among what would have
been offered. Sessions and the fold learn a taste from the same ones.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import features
from recsys.features import Design
from recsys.layout import CONTEXT_START, POPULARITY, SIGNAL_COUNT, SIGNALS, WANTED, WIDTH
from recsys.models.base import NONE_OF_THESE
from recsys.models.product import times_vector
from recsys.retrieval.candidates import retrieve
from recsys.rowmap import NOWHERE, place
from recsys.sessions import SessionContext
from recsys.world import World

#: Surface of what was not shown on a page of ours.
HISTORY: Final = "history"

#: Log odds of a click on an average item of a list, before anything is known of the visitor.
LEVEL: Final = -1.5
#: Columns that say the same of an item to every visitor who comes so, and how it was shown.
_STATISTICS: Final = (*POPULARITY, "clicks", "beginnings", "appeal", "freshness", *WANTED)
_OF_THE_ITEM: Final = np.array([*(name in _STATISTICS for name in SIGNALS), False, *[True] * (WIDTH - CONTEXT_START)])

_NO_ROWS: Final = np.zeros(0, dtype=np.int64)
_NO_SIGNALS: Final = np.zeros((0, SIGNAL_COUNT), dtype=np.float32)

Rows = NDArray[np.int64]


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
    settles : bool
        Whether it is the rest of a slate whose clicks were learned before; what was clicked may be gone by now.
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
    settles: bool = False

    def charge(self, probabilities: NDArray[np.float64]) -> None:
        """Note that each row was blamed for not being clicked as far as it was likely to be."""
        if self.charged is not None:
            self.charged[self.positions] += probabilities


def recalled(world: World, context: SessionContext, row: int, at_ms: int) -> Example:
    """Return a click without a list as a choice among what is retrieved for this session at this moment.

    The example is empty where the item is not among that: a click on what nobody would have been offered teaches
    nothing about choosing among what is. Sessions and the fold learn from the same one.
    """
    found = retrieve(world, context)
    chosen = place(found.rows, row)
    if chosen == NOWHERE:
        return Example(context.id, _NO_ROWS, _NO_SIGNALS, _NO_ROWS, HISTORY, NONE_OF_THESE, passed=[], recalled=True)
    return Example(
        session=context.id,
        rows=found.rows,
        signals=features.signals(world, context, found.rows, at_ms, found),
        # Nobody knows where they stood; and nobody passed over what may not have been shown.
        positions=np.zeros(len(found.rows), dtype=np.int64),
        surface=HISTORY,
        chosen=chosen,
        passed=[],
        recalled=True,
    )


def newly_decided(rows: Rows, chosen: int, passed: Sequence[int]) -> NDArray[np.int64]:
    """Return which of `rows` a session's weights learn a choice from: the chosen one and what it passes over first.

    A taste remembers one answer for each item, however often it was given. Weights add up what they are told: who opens
    ten things of one list would tell them ten times of what was left there. None, where all was passed over before.

    >>> newly_decided(np.array([7, 8, 9]), 1, [9]).tolist(), newly_decided(np.array([7, 8, 9]), 1, []).tolist()
    ([1, 2], [])
    """
    news = set(passed)
    decided = [place for place, row in enumerate(rows.tolist()) if place == chosen or row in news]
    return np.array(decided if news or len(rows) == 1 else [], dtype=np.int64)


def learn_taste(world: World, context: SessionContext, rows: Rows, design: Design, chosen: int) -> None:
    """Let the visitor's taste learn from a choice, beside what everybody would have made of these items."""
    if world.described:
        weights = np.where(_OF_THE_ITEM, world.model.weight_mean(), 0.0)
        expected = times_vector(design, weights[: design.shape[1]])
        context.taste.note_choice(rows, chosen, expected - expected.mean() + LEVEL)


def learn_lone_taste(world: World, context: SessionContext, row: int) -> None:
    """Let the visitor's taste learn from the click on an item that nobody knows what stood beside."""
    if world.described:
        context.taste.note(row, True, LEVEL)
