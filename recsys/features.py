"""The only feature code: serving, the fold, replay and evaluation call `signals` and `design`.

`signals` are what is logged with a slate; `design` puts them into a row together with what the network makes of them,
how the item was shown and what it is about (`recsys.layout`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import columns
from recsys.compiled import compiled
from recsys.events import SURFACES
from recsys.layout import (
    CONTEXT_START,
    NETWORK,
    NUMBER_START,
    NUMBERS,
    SIGNAL_COUNT,
    SIGNALS,
    SIMILARITY,
    TASTE_START,
    WANTED,
)
from recsys.models import entries, network
from recsys.models.moments import standardised
from recsys.retrieval import content, neighbours
from recsys.retrieval.neighbours import Votes
from recsys.rowmap import row_map
from recsys.sessions import SessionContext
from recsys.statistics import fading
from recsys.world import World

Rows = NDArray[np.int64]
Signals = NDArray[np.float32]
Design = NDArray[np.float32]

#: Clicks after which an item of the session counts e times less in its content profile.
PROFILE_DECAY: Final = 4.0
#: Numbers count in standard deviations, up to this many, times this much.
FARTHEST: Final = 3.0
NUMBER_SCALE: Final = 0.5
_NO_NUMBERS: Final = np.empty((0, 0), dtype=np.float32)
_SIMILARITY: Final = SIGNALS.index(SIMILARITY[0])
_PASSED_OVER: Final = SIGNALS.index("passed_over")
_LIKING: Final = SIGNALS.index("liking")
_WANTED_FIRST: Final = SIGNALS.index(WANTED[0])
_WANTED_LATER: Final = SIGNALS.index(WANTED[1])
_POSITION: Final = CONTEXT_START
_SURFACE: Final = CONTEXT_START + 1


def signals(world: World, context: SessionContext, rows: Rows, now_ms: int, votes: Votes | None = None) -> Signals:
    """Return the raw features of (session, item) pairs at `now_ms`, shape (n, SIGNAL_COUNT).

    Parameters
    ----------
    world : World
        Only read.
    context : SessionContext
        The session before the event or slate that is being described.
    rows : int64 array of shape (n,)
        Distinct world rows. A row's signals do not depend on the other rows.
    now_ms : int
        Serving: the clock. The fold: the event's time.
    votes : Votes, optional
        The neighbours' votes for the first of `rows`, in order, where the caller has them; later rows have none.

    Notes
    -----
    The cost grows with n and the session, not with the catalogue.
    """
    if votes is None:
        votes = neighbours.votes(world, context, rows) if context.clicked else neighbours.NO_VOTES
    table = columns.table_of(
        rows,
        world.items["statistics"],
        world.rings["postings"],
        world.serial,
        now_ms,
        fading(world),
        context.newest_first(),
        context.path(),
        world.transitions["item"],
        world.transitions["count"],
        votes.channels,
        votes.weight,
        world.vectors["vector"],
        world.vectors["length"],
    )
    if world.described and (classes := context.classes()):
        wanted = world.entries.wanted(classes, now_ms, fading(world))
        column = _WANTED_LATER if context.clicked else _WANTED_FIRST
        entries.write(table, column, rows, world.contents["taste"], wanted[: len(world.tastes)])
    if context.clicked or context.dismissed or context.passed:
        if context.passed:
            columns.mark(table, _PASSED_OVER, row_map(rows), *_counts(context.passed))
        if world.described:
            profiles = _profiles(world, context)
            table[:, _SIMILARITY : _SIMILARITY + len(SIMILARITY)] = content.cosines(
                world.contents["content"], rows, profiles
            )
            table[:, _LIKING] = context.taste.logits(world, rows)
    return table


def design(
    world: World,
    rows: Rows,
    table: Signals,
    positions: Rows | None,
    surface: str | None,
    hidden: Signals | None = None,
) -> Design:
    """Return design rows, shape (n, TASTE_START + tastes of the world): the world's weights beyond are not needed.

    Nor are those of numbers and tastes where no item is described: then the rows end before them.

    Parameters
    ----------
    world : World
        Gives the network and the items' tastes.
    rows : int64 array of shape (n,)
        World rows.
    table : float32 array of shape (n, SIGNAL_COUNT)
        Their `signals`, computed now or as served.
    positions : int64 array of shape (n,), or None
        Where the items stood, from 0. None while ranking: the context block is 0 for all candidates.
    surface : str or None
        One of `SURFACES`; None while ranking.
    hidden : float32 array of shape (n, HIDDEN), optional
        What the network makes of the signals within (`Network.hidden`), where the caller has it.
    """
    width = TASTE_START + len(world.tastes) if world.described else NUMBER_START
    built = np.empty((len(rows), width), dtype=np.float32)
    hidden = world.network.hidden(table) if hidden is None else hidden
    _lay_out(built, table, hidden, world.network.outer, _numbers(world, rows), world.contents["taste"], rows)
    if positions is not None:
        built[:, _POSITION] = np.log1p(positions)
    if surface is not None:
        built[:, _SURFACE + SURFACES.index(surface)] = 1.0
    return built


def _numbers(world: World, rows: Rows) -> Design:
    """Return the items' numbers in standard deviations, shape (n, NUMBERS); nothing where no item has any."""
    if not world.described:
        return _NO_NUMBERS
    numbers = standardised(world.moments, world.contents["number"][rows])
    return np.clip(numbers, -FARTHEST, FARTHEST).astype(np.float32)


def _profiles(world: World, context: SessionContext) -> NDArray[np.float32]:
    """Return what the session clicked, clicked last, and dismissed: mean content, in the order of the columns."""
    newest_first = context.clicked[::-1]
    fading = np.exp(-np.arange(len(newest_first)) / PROFILE_DECAY)
    dismissed = list(context.dismissed)
    return np.stack(
        (
            content.profile(world, newest_first, fading),
            content.profile(world, newest_first[:1], fading[:1]),
            content.profile(world, dismissed, np.ones(len(dismissed))),
        )
    )


def _counts(counts: dict[int, int]) -> tuple[Rows, NDArray[np.float64]]:
    return (
        np.fromiter(counts.keys(), dtype=np.int64, count=len(counts)),
        np.fromiter(counts.values(), dtype=np.float64, count=len(counts)),
    )


@compiled
def _lay_out(
    built: Design, table: Signals, hidden: Signals, outer: Signals, numbers: Design, taste: Signals, rows: Rows
) -> None:
    """Write signals, the network's output, an empty context, numbers and tastes into the rows."""
    learned = network.outputs(hidden, outer)
    for i in range(rows.shape[0]):
        row = rows[i]
        for j in range(SIGNAL_COUNT):
            built[i, j] = table[i, j]
        built[i, NETWORK] = learned[i]
        for j in range(CONTEXT_START, min(TASTE_START, built.shape[1])):
            built[i, j] = 0.0
        for j in range(numbers.shape[1]):
            built[i, NUMBER_START + j] = NUMBER_SCALE * numbers[i, j]
            if numbers[i, j] != 0.0:
                built[i, NUMBER_START + NUMBERS + j] = NUMBER_SCALE * (numbers[i, j] * numbers[i, j] - 1.0)
        for j in range(TASTE_START, built.shape[1]):
            built[i, j] = taste[row, j - TASTE_START]
