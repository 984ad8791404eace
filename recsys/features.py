"""The only feature code: serving, the fold, replay and evaluation call `signals` and `design`.

`signals` are what is logged with a slate; `design` puts them into a row together with how the item was shown
and what it is about (`recsys.layout`).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.events import SURFACES
from recsys.layout import CONTEXT_START, SIGNAL_COUNT, SIGNALS, TASTE_START, TASTES, WIDTH
from recsys.retrieval import content, neighbours
from recsys.retrieval.rowmap import find, row_map
from recsys.sessions import SessionContext
from recsys.world import World

Rows = NDArray[np.int64]
Signals = NDArray[np.float32]
Design = NDArray[np.float32]

#: An item without history clicks at this rate, and this many impressions of its own outweigh that.
PRIOR_CLICK_RATE: Final = 0.1
PRIOR_IMPRESSIONS: Final = 5.0
#: Brings log counts to the size of the other signals.
COUNT_SCALE: Final = 0.25
#: A share of the neighbours' votes of 1 / VOTE_SCALE is where their signal bends.
VOTE_SCALE: Final = 50.0
#: An item's freshness falls by e in this time.
FRESHNESS_MS: Final = 14 * 86_400_000.0
#: Clicks after which an item of the session counts e times less in its content profile.
PROFILE_DECAY: Final = 4.0

_LN_2: Final = math.log(2.0)
_CLICK_RATE: Final = SIGNALS.index("click_rate")
_POPULARITY: Final = SIGNALS.index("popularity")
_TRENDING: Final = SIGNALS.index("trending")
_FRESHNESS: Final = SIGNALS.index("freshness")
_FORWARD: Final = SIGNALS.index("neighbours_forward")
_BACKWARD: Final = SIGNALS.index("neighbours_backward")
_SESSION: Final = SIGNALS.index("similarity_session")
_DISMISSED: Final = SIGNALS.index("similarity_dismissed")
_PASSED_OVER: Final = SIGNALS.index("passed_over")
_OPENED: Final = SIGNALS.index("opened")
_POSITION: Final = CONTEXT_START
_SURFACE: Final = CONTEXT_START + 1


def signals(world: World, context: SessionContext, rows: Rows, now_ms: int) -> Signals:
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

    Notes
    -----
    The cost grows with n and the session, not with the catalogue.
    """
    items = world.items
    table = np.zeros((len(rows), SIGNAL_COUNT), dtype=np.float32)
    _statistics(
        table,
        rows,
        items["clicks"],
        items["impressions"],
        items["recent_clicks"],
        items["counted_ms"],
        items["first_seen_ms"],
        now_ms,
        _LN_2 / (1_000.0 * world.config.popularity_half_life_s),
        _LN_2 / (1_000.0 * world.config.trending_half_life_s),
    )
    if context.opened or context.dismissed or context.passed:
        index = row_map(rows)
        table[:, _SESSION : _DISMISSED + 1] = content.cosines(items["content"], rows, _profiles(world, context))
        _mark(table, _PASSED_OVER, index, *_counts(context.passed))
        opened, _ = _counts(context.opened)
        _mark(table, _OPENED, index, opened, np.full(len(opened), math.e - 1.0))
        if context.clicked:
            found = neighbours.votes(world, context.clicked, rows, index)
            table[:, _FORWARD] = _bend(found.forward)
            table[:, _BACKWARD] = _bend(found.backward)
    return table


def design(world: World, rows: Rows, table: Signals, positions: Rows | None, surface: str | None) -> Design:
    """Return design rows, shape (n, WIDTH).

    Parameters
    ----------
    world : World
        Gives the items' tastes.
    rows : int64 array of shape (n,)
        World rows.
    table : float32 array of shape (n, SIGNAL_COUNT)
        Their `signals`, computed now or as served.
    positions : int64 array of shape (n,), or None
        Where the items stood, from 0. None while ranking: the context block is 0 for all candidates.
    surface : str or None
        One of `SURFACES`; None while ranking.
    """
    built = np.empty((len(rows), WIDTH), dtype=np.float32)
    _lay_out(built, table, world.items["taste"], rows)
    if positions is not None:
        built[:, _POSITION] = np.log1p(positions)
    if surface is not None:
        built[:, _SURFACE + SURFACES.index(surface)] = 1.0
    return built


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


def _bend(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a share of votes on a scale on which 0 is none and 1 is all."""
    return np.log1p(VOTE_SCALE * share) / math.log1p(VOTE_SCALE)


@compiled
def _lay_out(built: Design, table: Signals, taste: Signals, rows: Rows) -> None:
    """Write signals, an empty context and tastes into the rows, without a copy between."""
    for i in range(rows.shape[0]):
        for j in range(SIGNAL_COUNT):
            built[i, j] = table[i, j]
        for j in range(SIGNAL_COUNT, TASTE_START):
            built[i, j] = 0.0
        for j in range(TASTES):
            built[i, TASTE_START + j] = taste[rows[i], j]


@compiled
def _mark(table: Signals, column: int, index: Rows, rows: Rows, counts: NDArray[np.float64]) -> None:
    """Write the log of 1 + count into a column, where a counted row stands in the table."""
    for i in range(rows.shape[0]):
        at = find(index, rows[i])
        if at >= 0:
            table[at, column] = math.log1p(counts[i])


@compiled
def _statistics(
    table: Signals,
    rows: Rows,
    clicks: NDArray[np.float64],
    impressions: NDArray[np.float64],
    recent_clicks: NDArray[np.float64],
    counted_ms: Rows,
    first_seen_ms: Rows,
    now_ms: int,
    popularity_decay: float,
    trending_decay: float,
) -> None:
    """Fill the columns that depend on the item alone, with counts decayed (rates per millisecond) to `now_ms`."""
    for i in range(rows.shape[0]):
        row = rows[i]
        idle_ms = max(now_ms - counted_ms[row], 0)
        kept = math.exp(-idle_ms * popularity_decay)
        clicked = clicks[row] * kept
        shown = impressions[row] * kept
        rate = (clicked + PRIOR_IMPRESSIONS * PRIOR_CLICK_RATE) / (shown + PRIOR_IMPRESSIONS)
        table[i, _CLICK_RATE] = math.log(rate / PRIOR_CLICK_RATE)
        table[i, _POPULARITY] = COUNT_SCALE * math.log1p(clicked)
        table[i, _TRENDING] = COUNT_SCALE * math.log1p(recent_clicks[row] * math.exp(-idle_ms * trending_decay))
        table[i, _FRESHNESS] = math.exp(-max(now_ms - first_seen_ms[row], 0) / FRESHNESS_MS)
