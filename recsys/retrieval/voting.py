"""The compiled loops behind `neighbours`. All orders are fixed, so the same index gives the same sums to the bit."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.layout import DEPTHS, STEPS, VOTES
from recsys.retrieval.top import largest_first
from recsys.rowmap import Map, empty_map, find, insert, row_map
from recsys.world import ITEM_RING, SESSION_CLICKS, SESSION_RING

#: Neighbour sessions that vote.
NEIGHBOURS: Final = 256
#: Clicks after which a query item counts e times less.
QUERY_DECAY: Final = 2.0
#: Sessions after which a neighbour counts e times less.
SESSION_DECAY: Final = 200_000.0
#: Steps from the shared item after which a vote counts e times less.
DISTANCE_DECAY: Final = 4.0
#: What a vote for an item before the shared one is worth beside one for an item after it.
BEFORE: Final = 0.7

#: Channels of votes: `layout.VOTES`, then `layout.STEPS`.
CHANNELS: Final = len(VOTES) + len(STEPS)
_PREDECESSOR: Final = len(VOTES)
_SUCCESSOR: Final = _PREDECESSOR + 1
_DEEPEST: Final = len(DEPTHS) - 1
_DECAY: Final = np.exp(-(np.arange(SESSION_CLICKS) - 1) / DISTANCE_DECAY)

Ints = NDArray[np.int64]
Clicked = NDArray[np.int32]
Floats = NDArray[np.float64]
Channels = NDArray[np.float32]


@compiled
def post(clicked: Clicked, length: Clicked, ring: Clicked, postings: Ints, slot: int, serial: int, row: int) -> bool:
    """Append `row` to the session in `slot` and the session to the item's ring; False where it was there already."""
    held = min(length[slot], SESSION_CLICKS)
    for place in range(held):
        if clicked[slot, place] == row:
            return False
    if held == SESSION_CLICKS:
        for place in range(held - 1):
            clicked[slot, place] = clicked[slot, place + 1]
        held -= 1
    clicked[slot, held] = row
    length[slot] += 1
    ring[row, postings[row] % ITEM_RING] = serial
    postings[row] += 1
    return True


@compiled
def count(
    query: Ints,
    key: int,
    ring: Clicked,
    postings: Ints,
    keys: Ints,
    clicked: Clicked,
    length: Clicked,
    newest: int,
    rows: Ints,
) -> tuple[Channels, Floats, float]:
    """Return the neighbours' votes for `rows`: by channel, by query item, and the weight behind all of them.

    Parameters
    ----------
    query : int64 array
        The session's last clicks, newest first.
    key : int
        The session, which is no neighbour of itself.
    ring, postings, keys, clicked, length : arrays
        Columns of the world's tables.
    newest : int
        Sessions ever indexed.
    rows : int64 array of shape (n,)
        Distinct items.
    """
    slots, matches, weights, total = _gather(query, key, ring, postings, keys, length, newest)
    index = row_map(rows)
    channels = np.zeros((rows.shape[0], CHANNELS), dtype=np.float32)
    shares = np.zeros((rows.shape[0], query.shape[0]))
    for neighbour in range(slots.shape[0]):
        slot, match = slots[neighbour], matches[neighbour]
        held = min(length[slot], SESSION_CLICKS)
        place = _place(clicked, held, slot, query[match])
        for other in range(held):
            at = find(index, clicked[slot, other])
            if other != place and place >= 0 and at >= 0:
                shares[at, match] += _vote(channels, at, match, weights[neighbour], place, other)
    return channels, shares, total


@compiled
def recall(
    query: Ints,
    key: int,
    ring: Clicked,
    postings: Ints,
    keys: Ints,
    clicked: Clicked,
    length: Clicked,
    newest: int,
    limit: int,
) -> tuple[Ints, Map, Channels, float]:
    """Return the `limit` rows with the most votes, and what is said of any row: `channels_of` looks it up.

    Parameters are those of `count`. The session's own items are always among the rows.

    Returns
    -------
    rows : int64 array
        The best.
    index : Map
        Where each row that has votes stands in `channels`.
    channels : float32 array
    total : float
        The weight behind all votes.
    """
    slots, matches, weights, total = _gather(query, key, ring, postings, keys, length, newest)
    most = query.shape[0]
    for neighbour in range(slots.shape[0]):
        most += min(length[slots[neighbour]], SESSION_CLICKS)
    index = empty_map(most)
    rows, totals, channels = np.empty(most, np.int64), np.zeros(most), np.zeros((most, CHANNELS), np.float32)
    found = 0
    for own in range(query.shape[0]):
        insert(index, query[own], own)
        rows[own] = query[own]
        totals[own] = 1e6
        found += 1
    for neighbour in range(slots.shape[0]):
        slot, match = slots[neighbour], matches[neighbour]
        held = min(length[slot], SESSION_CLICKS)
        place = _place(clicked, held, slot, query[match])
        for other in range(held):
            if other == place or place < 0:
                continue
            at = insert(index, clicked[slot, other], found)
            if at == found:
                rows[found] = clicked[slot, other]
                found += 1
            vote = _vote(channels, at, match, weights[neighbour], place, other)
            totals[at] += vote if other > place else BEFORE * vote
    return rows[largest_first(totals[:found], limit)], index, channels, total


@compiled
def channels_of(rows: Ints, index: Map, channels: Channels) -> Channels:
    """Return the votes for `rows`, out of what `recall` found; zeros where a row has none."""
    chosen = np.zeros((rows.shape[0], CHANNELS), dtype=np.float32)
    for i in range(rows.shape[0]):
        at = find(index, rows[i])
        if at >= 0:
            chosen[i] = channels[at]
    return chosen


@compiled
def _gather(
    query: Ints, key: int, ring: Clicked, postings: Ints, keys: Ints, length: Clicked, newest: int
) -> tuple[Ints, Ints, Floats, float]:
    """Return the best `NEIGHBOURS` sessions that share an item with `query`.

    Returns
    -------
    slots, matches : int64 arrays
        Row of the session, and the newest query item that it shares.
    weights : float64 array
        How much it has to say: shares of 1.
    total : float
        What the weights added up to.
    """
    most = 0
    for match in range(query.shape[0]):
        most += min(postings[query[match]], ITEM_RING)
    known = empty_map(most)
    serials, matches = np.empty(most, np.int64), np.empty(most, np.int64)
    latest, weights = np.empty(most, np.int32), np.empty(most)
    count = 0
    for match in range(query.shape[0]):
        item = query[match]
        item_weight = math.exp(-match / QUERY_DECAY) / math.sqrt(postings[item] + 1.0)
        for entry in range(min(postings[item], ITEM_RING)):
            serial = int(ring[item, entry])
            if newest - serial > SESSION_RING:
                continue
            found = insert(known, serial, count)
            if found == count:
                serials[count], matches[count], latest[count], weights[count] = serial, match, match, item_weight
                count += 1
            elif latest[found] != match:
                # An item can stand twice in its own ring for one session; it counts once.
                latest[found] = match
                weights[found] += item_weight
    for found in range(count):
        serial = serials[found]
        serials[found] = serial % SESSION_RING
        recency = math.exp((serial - newest) / SESSION_DECAY)
        weights[found] *= recency / math.sqrt(np.float64(max(length[serials[found]], 1)))
        if keys[serials[found]] == key:  # a session is no neighbour of itself
            weights[found] = 0.0
    best = largest_first(weights[:count], NEIGHBOURS)
    total = 0.0
    for place in range(best.shape[0]):
        total += weights[best[place]]
    return serials[best], matches[best], weights[best] / max(total, 1e-300), total


@compiled
def _vote(channels: Channels, at: int, match: int, weight: float, place: int, other: int) -> float:
    """Let one neighbour vote for one item; return the vote."""
    distance = other - place
    after = distance > 0
    vote = weight * float(_DECAY[abs(distance)])
    channels[at, 2 * min(match, _DEEPEST) + (1 if after else 0)] += np.float32(vote)
    if match == 0 and abs(distance) == 1:
        channels[at, _SUCCESSOR if after else _PREDECESSOR] += np.float32(weight)
    return vote


@compiled
def _place(clicked: Clicked, held: int, slot: int, item: int) -> int:
    """Return where `item` stands in the session, -1 where it has been pushed out."""
    for place in range(held):
        if clicked[slot, place] == item:
            return place
    return -1
