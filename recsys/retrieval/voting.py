"""The compiled loops behind `neighbours`. All orders are fixed, so the same index gives the same sums to the bit."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.retrieval.rowmap import empty_map, find, insert
from recsys.world import ITEM_RING, SESSION_CLICKS, SESSION_RING

#: Neighbour sessions that vote.
NEIGHBOURS: Final = 256
#: Clicks after which a query item counts e times less.
QUERY_DECAY: Final = 2.0
#: Sessions after which a neighbour counts e times less.
SESSION_DECAY: Final = 200_000.0
#: Steps from the shared item after which a vote counts e times less.
DISTANCE_DECAY: Final = 4.0

#: In place of a row map: the index of a row is the row.
EVERY_ROW: Final = np.empty((0, 2), dtype=np.int64)

Ints = NDArray[np.int64]
Clicked = NDArray[np.int32]
Floats = NDArray[np.float64]


@compiled
def post(clicked: Clicked, length: Clicked, ring: Ints, postings: Ints, slot: int, serial: int, row: int) -> bool:
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
def gather(
    query: Ints, ring: Ints, postings: Ints, serials: Ints, clicked: Clicked, length: Clicked, newest: int
) -> tuple[Ints, Ints, Ints, Floats]:
    """Return the best `NEIGHBOURS` sessions that share an item with `query` (newest first).

    Returns
    -------
    slots, places, matches : int64 arrays
        Row of the session, where the newest shared item stands in it, and which query item that is.
    weights : float64 array
        How much it has to say.
    """
    most = query.shape[0] * ITEM_RING
    known = empty_map(most)
    slots, places, matches = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    latest, weights = np.empty(most, np.int64), np.zeros(most)
    count = 0
    for match in range(query.shape[0]):
        item = query[match]
        item_weight = math.exp(-match / QUERY_DECAY) / math.sqrt(postings[item] + 1.0)
        for entry in range(min(postings[item], ITEM_RING)):
            serial = ring[item, entry]
            slot = serial % SESSION_RING
            place = _place(clicked, length, slot, item) if serials[slot] == serial else -1
            if place < 0:
                continue
            found = insert(known, serial, count)
            if found == count:
                slots[count], places[count], matches[count], latest[count] = slot, place, match, -1
                count += 1
            if latest[found] != match:
                # An item can stand twice in its own ring for one session; it counts once.
                latest[found] = match
                recency = math.exp((serial - newest) / SESSION_DECAY)
                weights[found] += item_weight * recency / math.sqrt(length[slot])
    if count <= NEIGHBOURS:
        return slots[:count], places[:count], matches[:count], weights[:count]
    best = np.argsort(-weights[:count], kind="mergesort")[:NEIGHBOURS]
    return slots[best], places[best], matches[best], weights[best]


@compiled
def count(
    slots: Ints,
    places: Ints,
    matches: Ints,
    weights: Floats,
    clicked: Clicked,
    length: Clicked,
    index: Ints,
    counted: Floats,
    shares: Floats,
) -> None:
    """Add the neighbours' votes to `counted` (forward, backward) and, unless it is empty, to `shares` by query item.

    `index` maps a row to its place in both (`rowmap`), or is `EVERY_ROW`.
    """
    decay = np.empty(SESSION_CLICKS)
    for distance in range(SESSION_CLICKS):
        decay[distance] = math.exp(-(distance - 1) / DISTANCE_DECAY)
    total = 0.0
    for neighbour in range(slots.shape[0]):
        total += weights[neighbour]
    for neighbour in range(slots.shape[0]):
        slot, place = slots[neighbour], places[neighbour]
        for other in range(min(length[slot], SESSION_CLICKS)):
            row = clicked[slot, other]
            at = find(index, row) if index.shape[0] else np.int64(row)
            if other == place or at < 0:
                continue
            vote = weights[neighbour] / total * decay[abs(other - place)]
            counted[at, 0 if other > place else 1] += vote
            if shares.shape[0]:
                shares[at, matches[neighbour]] += vote


@compiled
def _place(clicked: Clicked, length: Clicked, slot: int, item: int) -> int:
    """Return where `item` stands in the session, -1 where it has been pushed out."""
    for place in range(min(length[slot], SESSION_CLICKS)):
        if clicked[slot, place] == item:
            return place
    return -1
