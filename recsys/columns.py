"""The compiled loops behind `features.signals`: each fills some columns of its table."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.elementary import exp_single, log_single
from recsys.layout import AFFINITY, FACTS, OPENED, POPULARITY, RETRACED, SIGNALS, STATISTICS, VOTES
from recsys.models import vectors
from recsys.models.appeal import appeal
from recsys.prefetch import fetch
from recsys.retrieval import transitions, voting
from recsys.retrieval.retracing import retraced
from recsys.rowmap import Map, find, row_map
from recsys.statistics import BEGINNINGS_SCALE, SESSIONS_KEPT

Rows = NDArray[np.int64]
Signals = NDArray[np.float32]

#: Brings log counts to the size of the other signals.
COUNT_SCALE: Final = np.float32(0.25)
#: A share of the neighbours' votes of 1 / VOTE_SCALE is where a channel's signal bends.
VOTE_SCALE: Final = np.float32(1_000.0)
#: An item's freshness falls by e in this time.
FRESHNESS_MS: Final = 14 * 86_400_000.0
#: Clicks after which an item of the session counts e times less in "opened lately".
OPENED_DECAY: Final = 3.0
#: A session with this many distinct clicks is long.
MANY_CLICKS: Final = 9

_VOTES: Final = SIGNALS.index(VOTES[0])
_PREDECESSOR: Final = SIGNALS.index("predecessor")
_TOTAL: Final = SIGNALS.index("votes")
_POPULARITY: Final = SIGNALS.index(POPULARITY[0])
_COUNTS: Final = STATISTICS.index(POPULARITY[0])
_COUNTED_SERIAL: Final = STATISTICS.index("counted_serial")
_APPEAL_INFORMATION: Final = STATISTICS.index("appeal_information")
_APPEAL_SHIFT: Final = STATISTICS.index("appeal_shift")
_APPEALED_MS: Final = STATISTICS.index("appealed_ms")
_FIRST_SEEN_MS: Final = STATISTICS.index("first_seen_ms")
_BEGUN: Final = STATISTICS.index("beginnings")
_CLICKS: Final = SIGNALS.index("clicks")
_BEGINNINGS: Final = SIGNALS.index("beginnings")
_APPEAL: Final = SIGNALS.index("appeal")
_FRESHNESS: Final = SIGNALS.index("freshness")
_OPENED: Final = SIGNALS.index(OPENED[0])
_RETRACED: Final = SIGNALS.index(RETRACED[0])
_TRANSITIONS: Final = SIGNALS.index("transitions")
_AFFINITY: Final = SIGNALS.index(AFFINITY[0])
_FACTS: Final = SIGNALS.index(FACTS[0])


@compiled
def table_of(
    rows: Rows,
    statistics: NDArray[np.float64],
    postings: Rows,
    serial: int,
    now_ms: int,
    appeal_fading: float,
    clicked: Rows,
    trail: Rows,
    successor: transitions.Items,
    successor_count: transitions.Counts,
    channels: voting.Channels,
    weight: float,
    learned: Signals,
    lengths: Signals,
) -> Signals:
    """Return a table with the columns of items alone, and of what they have in common with what the session clicked.

    Parameters
    ----------
    rows : int64 array of shape (n,)
    statistics, postings, learned, lengths : arrays
        Columns of the world's tables.
    serial, now_ms : int
        The newest session, and the time, to which counts are faded.
    appeal_fading : float
        Rate per millisecond.
    clicked : int64 array of shape (2, clicks)
        `SessionContext.newest_first`; without any, nothing is compared.
    trail : int64 array of shape (clicks in order,)
        `SessionContext.path`.
    successor, successor_count : arrays
        Columns of the world's transitions.
    channels, weight : float32 array and float
        The neighbours' `Votes` for the first of the rows.
    """
    table = np.zeros((rows.shape[0], len(SIGNALS)), dtype=np.float32)
    fetch(statistics, rows)
    if clicked.shape[1]:
        fetch(learned, rows)  # they arrive during what needs neither
        _voted(table, channels, weight)
        index = row_map(rows)
        _clicked(table, index, clicked[0], clicked[1])
        _retraced(table, index, trail)
        _went_on(table, index, clicked[0, 0], successor, successor_count)
    _describe(table, rows, statistics, postings, serial, now_ms, appeal_fading)
    if clicked.shape[1]:
        vectors.affinities(learned, lengths, clicked[0], rows, table, _AFFINITY)
    else:
        _begin(table, rows, statistics, serial)
    return table


@compiled
def mark(table: Signals, column: int, index: Map, rows: Rows, counts: NDArray[np.float64]) -> None:
    """Write the log of 1 + count into a column, where a counted row stands in the table."""
    logs = np.empty(counts.shape[0])
    for i in range(counts.shape[0]):
        logs[i] = math.log1p(counts[i])
    _write_found(table, column, index, rows, logs)


@compiled
def _describe(
    table: Signals,
    rows: Rows,
    statistics: NDArray[np.float64],
    postings: Rows,
    serial: int,
    now_ms: int,
    appeal_fading: float,
) -> None:
    """Fill the columns that depend on the item alone: counts faded to `now_ms`, or to the newest session."""
    size, scales = rows.shape[0], SESSIONS_KEPT.shape[0]
    clicks, age, idle = np.empty(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
    counts = np.empty((scales, size), np.float32)
    for i in range(size):
        known = statistics[rows[i]]
        idle_ms = now_ms - known[_APPEALED_MS]
        table[i, _APPEAL] = appeal(known[_APPEAL_INFORMATION], known[_APPEAL_SHIFT], idle_ms, appeal_fading)
        age[i] = max(now_ms - known[_FIRST_SEEN_MS], 0.0) / FRESHNESS_MS
        clicks[i] = postings[rows[i]]
        idle[i] = serial - known[_COUNTED_SERIAL]
        for scale in range(scales):
            counts[scale, i] = known[_COUNTS + scale]
    _write_log1p(table, _CLICKS, np.float32(0.2), clicks)
    for scale in range(scales):
        _fade(counts[scale], idle, np.float32(SESSIONS_KEPT[scale]))
        _write_log1p(table, _POPULARITY + scale, COUNT_SCALE, counts[scale])
    freshness = np.ones(size, np.float32)
    _fade(freshness, age, np.float32(1.0))
    for i in range(size):
        table[i, _FRESHNESS] = freshness[i]


@compiled
def _begin(table: Signals, rows: Rows, statistics: NDArray[np.float64], serial: int) -> None:
    """Fill the column of how many sessions began with the item: for those that have not begun, and for nobody else."""
    begun, idle = np.empty(rows.shape[0], np.float32), np.empty(rows.shape[0], np.float32)
    for i in range(rows.shape[0]):
        known = statistics[rows[i]]
        begun[i], idle[i] = known[_BEGUN], serial - known[_COUNTED_SERIAL]
    _fade(begun, idle, np.float32(SESSIONS_KEPT[BEGINNINGS_SCALE]))
    _write_log1p(table, _BEGINNINGS, COUNT_SCALE, begun)


@compiled
def _voted(table: Signals, channels: voting.Channels, weight: float) -> None:
    """Fill the columns of the neighbours' votes, and the fact of how much weight there is behind them."""
    crowd = np.float32(0.1 * math.log1p(1e6 * weight))
    logs, totals = _logs1p(VOTE_SCALE * channels.ravel()), np.zeros(table.shape[0], np.float32)
    for i in range(channels.shape[0]):
        before, after = np.float32(0.0), np.float32(0.0)
        for channel in range(voting.CHANNELS):
            table[i, _VOTES + channel] = COUNT_SCALE * logs[i * voting.CHANNELS + channel]
        for channel in range(0, _PREDECESSOR - _VOTES, 2):
            before += channels[i, channel]
            after += channels[i, channel + 1]
        totals[i] = after + np.float32(voting.BEFORE) * before
        table[i, _TOTAL + 1] = before
        table[i, _TOTAL + 2] = after
    for i in range(table.shape[0]):
        table[i, _FACTS + 1] = crowd
        table[i, _TOTAL] = np.float32(0.3) * log_single(totals[i] + np.float32(1e-3)) + np.float32(1.0)


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
def _retraced(table: Signals, index: Map, trail: Rows) -> None:
    """Fill the columns of what the session did before after its last click."""
    rows, shares = retraced(trail)
    for column in range(shares.shape[1]):
        _write_found(table, _RETRACED + column, index, rows, shares[:, column])


@compiled
def _went_on(table: Signals, index: Map, last: int, items: transitions.Items, counts: transitions.Counts) -> None:
    """Fill the column of how often sessions went on with the item from the last click."""
    rows, shares = transitions.successors(items, counts, last)
    _write_found(table, _TRANSITIONS, index, rows, COUNT_SCALE * _logs1p(VOTE_SCALE * shares))


@compiled
def _write_found(table: Signals, column: int, index: Map, rows: Rows, values: NDArray[np.floating]) -> None:
    """Write each row's value into a column, where the row stands in the table."""
    for i in range(rows.shape[0]):
        at = find(index, rows[i])
        if at >= 0:
            table[at, column] = values[i]


@compiled
def _fade(counts: Signals, idle: Signals, kept: np.float32) -> None:
    """Let counts fade by e in each time of length `kept` that passed."""
    for i in range(counts.shape[0]):
        counts[i] *= exp_single(-idle[i] / kept)


@compiled
def _logs1p(counts: Signals) -> Signals:
    """Return log(1 + count) of each."""
    logs = np.empty(counts.shape[0], np.float32)
    for i in range(counts.shape[0]):
        logs[i] = log_single(np.float32(1.0) + counts[i])
    return logs


@compiled
def _write_log1p(table: Signals, column: int, scale: np.float32, counts: Signals) -> None:
    """Write log(1 + count) of each row into a column, times `scale`."""
    logs = _logs1p(counts)
    for i in range(counts.shape[0]):
        table[i, column] = scale * logs[i]
