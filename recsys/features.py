"""The only feature code: serving, the fold, replay and evaluation call `signals` and `design`.

`signals` are what is logged with a slate; `design` puts them into a row together with what the network makes of them,
how the item was shown and what it is about (`recsys.layout`).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.events import SURFACES
from recsys.layout import (
    AFFINITY,
    CONTEXT_START,
    FACTS,
    NETWORK,
    NUMBER_START,
    NUMBERS,
    OPENED,
    POPULARITY,
    SIGNAL_COUNT,
    SIGNALS,
    SIMILARITY,
    TASTE_START,
    VOTES,
)
from recsys.models import vectors
from recsys.models.appeal import appeal
from recsys.models.moments import standardised
from recsys.retrieval import content, neighbours, voting
from recsys.retrieval.neighbours import Votes
from recsys.rowmap import Map, find, row_map
from recsys.sessions import SessionContext
from recsys.statistics import SESSIONS_KEPT, fading
from recsys.world import World

Rows = NDArray[np.int64]
Signals = NDArray[np.float32]
Design = NDArray[np.float32]

#: Brings log counts to the size of the other signals.
COUNT_SCALE: Final = 0.25
#: A share of the neighbours' votes of 1 / VOTE_SCALE is where a channel's signal bends.
VOTE_SCALE: Final = 1_000.0
#: An item's freshness falls by e in this time.
FRESHNESS_MS: Final = 14 * 86_400_000.0
#: Clicks after which an item of the session counts e times less in its content profile, and in "opened lately".
PROFILE_DECAY: Final = 4.0
OPENED_DECAY: Final = 3.0
#: Numbers count in standard deviations, up to this many, times this much.
FARTHEST: Final = 3.0
NUMBER_SCALE: Final = 0.5
#: A session with this many distinct clicks is long.
MANY_CLICKS: Final = 9

_VOTES: Final = SIGNALS.index(VOTES[0])
_PREDECESSOR: Final = SIGNALS.index("predecessor")
_TOTAL: Final = SIGNALS.index("votes")
_POPULARITY: Final = SIGNALS.index(POPULARITY[0])
_CLICKS: Final = SIGNALS.index("clicks")
_APPEAL: Final = SIGNALS.index("appeal")
_FRESHNESS: Final = SIGNALS.index("freshness")
_OPENED: Final = SIGNALS.index(OPENED[0])
_AFFINITY: Final = SIGNALS.index(AFFINITY[0])
_SIMILARITY: Final = SIGNALS.index(SIMILARITY[0])
_PASSED_OVER: Final = SIGNALS.index("passed_over")
_LIKING: Final = SIGNALS.index("liking")
_FACTS: Final = SIGNALS.index(FACTS[0])
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
    items, rings = world.items, world.rings
    table = np.zeros((len(rows), SIGNAL_COUNT), dtype=np.float32)
    _statistics(
        table,
        rows,
        items["appeal_information"],
        items["appeal_shift"],
        items["appealed_ms"],
        items["first_seen_ms"],
        items["counts"],
        items["counted_serial"],
        rings["postings"],
        world.serial,
        now_ms,
        fading(world),
    )
    if context.clicked or context.dismissed or context.passed:
        if context.clicked:
            found = neighbours.votes(world, context, rows) if votes is None else votes
            _compare(
                table,
                rows,
                found.channels,
                found.weight,
                np.array(context.clicked[::-1], dtype=np.int64),
                np.array([context.opened[row] for row in context.clicked[::-1]], dtype=np.int64),
                world.vectors["vector"],
                world.vectors["length"],
            )
        if context.passed:
            _mark(table, _PASSED_OVER, row_map(rows), *_counts(context.passed))
        if world.described:
            profiles = _profiles(world, context)
            table[:, _SIMILARITY : _SIMILARITY + len(SIMILARITY)] = content.cosines(
                world.contents["content"], rows, profiles
            )
            table[:, _LIKING] = context.taste.logits(world, rows)
    return table


def design(world: World, rows: Rows, table: Signals, positions: Rows | None, surface: str | None) -> Design:
    """Return design rows, shape (n, TASTE_START + tastes of the world): the world's weights beyond are not needed.

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
    """
    built = np.empty((len(rows), TASTE_START + len(world.tastes)), dtype=np.float32)
    _lay_out(built, table, world.network.outputs(table), _numbers(world, rows), world.contents["taste"], rows)
    if positions is not None:
        built[:, _POSITION] = np.log1p(positions)
    if surface is not None:
        built[:, _SURFACE + SURFACES.index(surface)] = 1.0
    return built


def _numbers(world: World, rows: Rows) -> Design:
    """Return the items' numbers in standard deviations, shape (n, NUMBERS); no columns where no item has any."""
    if not world.described:
        return np.empty((len(rows), 0), dtype=np.float32)
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
def _lay_out(built: Design, table: Signals, network: Signals, numbers: Design, taste: Signals, rows: Rows) -> None:
    """Write signals, the network's output, an empty context, numbers and tastes into the rows."""
    for i in range(rows.shape[0]):
        for j in range(SIGNAL_COUNT):
            built[i, j] = table[i, j]
        built[i, NETWORK] = network[i]
        for j in range(CONTEXT_START, TASTE_START):
            built[i, j] = 0.0
        for j in range(numbers.shape[1]):
            built[i, NUMBER_START + j] = NUMBER_SCALE * numbers[i, j]
            if numbers[i, j] != 0.0:
                built[i, NUMBER_START + NUMBERS + j] = NUMBER_SCALE * (numbers[i, j] * numbers[i, j] - 1.0)
        for j in range(TASTE_START, built.shape[1]):
            built[i, j] = taste[rows[i], j - TASTE_START]


@compiled
def _mark(table: Signals, column: int, index: Map, rows: Rows, counts: NDArray[np.float64]) -> None:
    """Write the log of 1 + count into a column, where a counted row stands in the table."""
    for i in range(rows.shape[0]):
        at = find(index, rows[i])
        if at >= 0:
            table[at, column] = math.log1p(counts[i])


@compiled
def _compare(
    table: Signals,
    rows: Rows,
    channels: voting.Channels,
    weight: float,
    clicked: Rows,
    counts: Rows,
    learned: Signals,
    lengths: Signals,
) -> None:
    """Fill the columns that compare items with what the session clicked (newest first, each so often)."""
    _voted(table, channels, weight)
    _clicked(table, row_map(rows), clicked, counts)
    vectors.affinities(learned, lengths, clicked, rows, table, _AFFINITY)


@compiled
def _voted(table: Signals, channels: voting.Channels, weight: float) -> None:
    """Fill the columns of the neighbours' votes, and the fact of how much weight there is behind them."""
    crowd = np.float32(0.1 * math.log1p(1e6 * weight))
    for i in range(table.shape[0]):
        table[i, _FACTS + 1] = crowd
        before, after = np.float32(0.0), np.float32(0.0)
        if i < channels.shape[0]:
            for channel in range(channels.shape[1]):
                share = channels[i, channel]
                if share > 0.0:
                    table[i, _VOTES + channel] = COUNT_SCALE * math.log1p(np.float32(VOTE_SCALE) * share)
            for channel in range(0, _PREDECESSOR - _VOTES, 2):
                before += channels[i, channel]
                after += channels[i, channel + 1]
        total = np.float32(after + voting.BEFORE * before)
        table[i, _TOTAL] = 0.3 * math.log(total + np.float32(1e-3)) + 1.0
        table[i, _TOTAL + 1] = before
        table[i, _TOTAL + 2] = after


@compiled
def _clicked(table: Signals, index: Map, clicked: Rows, counts: Rows) -> None:
    """Fill the columns of what the session opened (newest first), and the facts about it."""
    length = np.float32(0.2 * min(clicked.shape[0], MANY_CLICKS))
    repeats = np.float32(math.log(counts[0]))
    for i in range(table.shape[0]):
        table[i, _FACTS] = length
        table[i, _FACTS + 2] = 1.0 if clicked.shape[0] == 1 else 0.0
        table[i, _FACTS + 3] = repeats
    for place in range(clicked.shape[0]):
        at = find(index, clicked[place])
        if at < 0:
            continue
        table[at, _OPENED] = 1.0
        if place < 2:
            table[at, _OPENED + 1 + place] = 1.0
        table[at, _OPENED + 3] = math.exp(-place / OPENED_DECAY)
        table[at, _OPENED + 4] = math.log(counts[place])


@compiled
def _statistics(
    table: Signals,
    rows: Rows,
    information: NDArray[np.float64],
    shift: NDArray[np.float64],
    appealed_ms: Rows,
    first_seen_ms: Rows,
    counts: NDArray[np.float32],
    counted_serial: Rows,
    postings: Rows,
    serial: int,
    now_ms: int,
    appeal_fading: float,
) -> None:
    """Fill the columns that depend on the item alone: counts faded to `now_ms`, or to the newest session."""
    for i in range(rows.shape[0]):
        row = rows[i]
        table[i, _APPEAL] = appeal(row, now_ms, information, shift, appealed_ms, appeal_fading)
        table[i, _FRESHNESS] = math.exp(-max(now_ms - first_seen_ms[row], 0) / FRESHNESS_MS)
        table[i, _CLICKS] = 0.2 * math.log1p(float(postings[row]))
        if counts[row, 0] > 0.0:
            idle = float(serial - counted_serial[row])
            for scale in range(SESSIONS_KEPT.shape[0]):
                faded = counts[row, scale] * math.exp(-idle / SESSIONS_KEPT[scale])
                table[i, _POPULARITY + scale] = COUNT_SCALE * math.log1p(faded)
