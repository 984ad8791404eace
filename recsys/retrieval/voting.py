"""The compiled loops behind `neighbours`. All orders are fixed, so the same index gives the same sums to the bit."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled, inlined
from recsys.elementary import exp
from recsys.layout import DEPTHS, STEPS, VOTES
from recsys.prefetch import fetch_filled
from recsys.retrieval.top import largest_first
from recsys.rowmap import Map, empty_map, find, insert, row_map
from recsys.world import ITEM_RING, SESSION_CLICKS, SESSION_RING

#: Last distinct clicks that make a query.
QUERY_CLICKS: Final = 9
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

#: What `post` returns for a slot that has no room left.
FULL: Final = -1

#: Channels of votes: `layout.VOTES`, then `layout.STEPS`.
CHANNELS: Final = len(VOTES) + len(STEPS)
_PREDECESSOR: Final = len(VOTES)
_SUCCESSOR: Final = _PREDECESSOR + 1
_DEEPEST: Final = len(DEPTHS) - 1
#: Of a session's number, what an item's ring has room for.
_NOTED_BITS: Final = 0xFFFF_FFFF
DECAY: Final = np.exp(-(np.arange(SESSION_CLICKS) - 1) / DISTANCE_DECAY)

Ints = NDArray[np.int64]
Clicked = NDArray[np.int32]
Floats = NDArray[np.float64]
Channels = NDArray[np.float32]


@compiled
def post(clicked: Clicked, length: Clicked, ring: Clicked, postings: Ints, slot: int, serial: int, row: int) -> int:
    """Append `row` to the session in `slot` and the session to the item's ring.

    Return in how many sessions the item has been posted so far; 0 where it was in this one already, `FULL` where the
    slot has no room for it.
    """
    held = min(length[slot], SESSION_CLICKS)
    for place in range(held):
        if clicked[slot, place] == row:
            return 0
    if held == SESSION_CLICKS:
        return FULL
    clicked[slot, held] = row
    length[slot] += 1
    ring[row, postings[row] % ITEM_RING] = serial
    postings[row] += 1
    return int(postings[row])


@compiled
def count(
    own: Ints,
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
    own : int64 array
        The session's clicks, newest first; the first `QUERY_CLICKS` of them make the query.
    key : int
        The session, which is no neighbour of itself.
    ring, postings, keys, clicked, length : arrays
        Columns of the world's tables.
    newest : int
        Sessions ever indexed.
    rows : int64 array of shape (n,)
        Distinct items.
    """
    query = own[:QUERY_CLICKS]
    slots, matches, weights, total = _gather(query, key, ring, postings, keys, length, newest)
    index = row_map(rows)
    channels = np.zeros((rows.shape[0], CHANNELS), dtype=np.float32)
    shares = np.zeros((rows.shape[0], query.shape[0]))
    for neighbour in range(slots.shape[0]):
        slot, match, weight = slots[neighbour], matches[neighbour], weights[neighbour]
        channel = 2 * min(match, _DEEPEST)
        held = min(length[slot], SESSION_CLICKS)
        place = place_in(clicked, held, slot, query[match])
        if place < 0:
            continue
        for other in range(held):
            at = find(index, clicked[slot, other])
            if other == place or at < 0:
                continue
            # As in `recall`; a function that both call would double what a vote costs.
            distance, after = abs(other - place), 1 if other > place else 0
            vote = weight * DECAY[distance]
            channels[at, channel + after] += np.float32(vote)
            if match == 0 and distance == 1:
                channels[at, _PREDECESSOR + after] += np.float32(weight)
            shares[at, match] += vote
    return channels, shares, total


@compiled
def recall(
    own: Ints,
    key: int,
    ring: Clicked,
    postings: Ints,
    keys: Ints,
    clicked: Clicked,
    length: Clicked,
    newest: int,
    limit: int,
) -> tuple[Ints, Map, Channels, float]:
    """Return the `limit` rows with the most votes, and what is said of any row: `offered` looks it up.

    Parameters are those of `count`. The session's own last items are always among the rows, its older ones beside them.

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
    query = own[:QUERY_CLICKS]
    slots, matches, weights, total = _gather(query, key, ring, postings, keys, length, newest)
    fetch_filled(clicked, slots, length)
    most = own.shape[0]
    for neighbour in range(slots.shape[0]):
        most += min(length[slots[neighbour]], SESSION_CLICKS)
    index = empty_map(most)
    rows, totals, channels = np.empty(most, np.int64), np.empty(most), np.empty((most, CHANNELS), np.float32)
    found = own.shape[0]
    for place in range(found):
        insert(index, own[place], place)
        rows[place], totals[place] = own[place], 1e6
        channels[place] = 0.0
    for neighbour in range(slots.shape[0]):
        slot, match, weight = slots[neighbour], matches[neighbour], weights[neighbour]
        channel = 2 * min(match, _DEEPEST)
        held = min(length[slot], SESSION_CLICKS)
        place = place_in(clicked, held, slot, query[match])
        if place < 0:
            continue
        for other in range(held):
            if other == place:
                continue
            at = insert(index, clicked[slot, other], found)
            if at == found:
                rows[found], totals[found] = clicked[slot, other], 0.0
                for column in range(CHANNELS):
                    channels[found, column] = 0.0
                found += 1
            distance, after = abs(other - place), 1 if other > place else 0
            vote = weight * DECAY[distance]
            channels[at, channel + after] += np.float32(vote)
            if match == 0 and distance == 1:
                channels[at, _PREDECESSOR + after] += np.float32(weight)
            totals[at] += vote if after else BEFORE * vote
    best = largest_first(totals[:found], limit + own.shape[0] - query.shape[0])
    return rows[best], index, channels, total


@inlined
def all_votes(channels: Channels) -> float:
    """Return what one item's votes are worth, whoever they are owed to."""
    total = 0.0
    for channel in range(0, _PREDECESSOR, 2):
        total += BEFORE * channels[channel] + channels[channel + 1]
    return total


@compiled
def offered(parts: tuple[Ints, ...], index: Map, channels: Channels) -> tuple[Ints, Channels]:
    """Return all rows of `parts`, each once, with what `recall` found of them; zeros where a row has no votes."""
    most = 0
    for part in parts:
        most += part.shape[0]
    others, taken = empty_map(most), np.zeros(channels.shape[0], np.bool_)
    rows, chosen, count = np.empty(most, np.int64), np.zeros((most, CHANNELS), np.float32), 0
    for part in parts:
        for row in part:
            at = find(index, row)
            if at >= 0 and not taken[at]:
                taken[at] = True
                rows[count] = row
                for channel in range(CHANNELS):
                    chosen[count, channel] = channels[at, channel]
                count += 1
            elif at < 0 and insert(others, row, count) == count:
                rows[count] = row
                count += 1
    return rows[:count], chosen[:count]


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
            serial = serial_of(ring[item, entry], newest)
            if newest - serial > SESSION_RING:
                continue
            found = insert(known, serial % SESSION_RING, count)
            if found == count:
                serials[count], matches[count], latest[count], weights[count] = serial, match, match, item_weight
                count += 1
            elif latest[found] != match:
                # An item can stand twice in its own ring for one session; it counts once.
                latest[found] = match
                weights[found] += item_weight
    lengths = np.empty(count)
    for found in range(count):  # nothing but looking things up, so that memory is asked for many at once
        slot = serials[found] % SESSION_RING
        lengths[found] = max(length[slot], 1)
        if keys[slot] == key:  # a session is no neighbour of itself
            weights[found] = 0.0
    for found in range(count):
        weights[found] *= exp((serials[found] - newest) / SESSION_DECAY) / math.sqrt(lengths[found])
        serials[found] %= SESSION_RING
    best = largest_first(weights[:count], NEIGHBOURS)
    total = 0.0
    for place in range(best.shape[0]):
        total += weights[best[place]]
    return serials[best], matches[best], weights[best] / max(total, 1e-300), total


@inlined
def serial_of(noted: int, newest: int) -> int:
    """Return the number of the session that an item's ring noted, of which that has room for the last 32 bits alone.

    One that is further back than these tell is taken for a later one, in whose clicks the item does not stand.
    """
    return int(newest - ((newest - noted) & _NOTED_BITS))


@inlined
def place_in(clicked: Clicked, held: int, slot: int, item: int) -> int:
    """Return where `item` stands in the session, -1 where it has been pushed out."""
    for place in range(held):
        if clicked[slot, place] == item:
            return place
    return -1
