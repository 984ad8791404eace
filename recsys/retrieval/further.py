"""One step beyond the neighbours: what sessions clicked around the items that have votes.

For sessions whose clicks were rarely clicked before. What is near by two steps is likelier than what is merely popular.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.prefetch import fetch
from recsys.retrieval import voting
from recsys.retrieval.top import largest_first
from recsys.rowmap import Map, empty_map, find, insert
from recsys.world import ITEM_RING, SESSION_CLICKS, SESSION_RING

#: Best voted items that are gone on from, newest sessions of each that are asked, and clicks on each side in these.
FROM: Final = 9
SESSIONS: Final = 8
STEPS: Final = 2

Rows = NDArray[np.int64]


@compiled
def further(
    rows: Rows,
    places: Map,
    channels: voting.Channels,
    ring: voting.Clicked,
    postings: Rows,
    clicked: voting.Clicked,
    length: voting.Clicked,
    newest: int,
    limit: int,
) -> Rows:
    """Return up to `limit` rows that sessions clicked around the best voted of `rows`, and that are not among these.

    Parameters
    ----------
    rows : int64 array of shape (n,)
        The best voted, and the session's own.
    places, channels
        Their votes, as `voting.recall` returns them.
    ring, postings, clicked, length, newest
        As in `voting.count`.
    """
    if limit <= 0:
        return rows[:0]
    votes = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        votes[i] = voting.all_votes(channels[find(places, rows[i])])
    best = largest_first(votes, FROM)
    slots, owed = _sessions(best, rows, ring, postings, newest)
    fetch(clicked, slots)
    most = rows.shape[0] + slots.shape[0] * 2 * STEPS
    index, found, totals = empty_map(most), np.empty(most, np.int64), np.zeros(most)
    count = 0
    for i in range(rows.shape[0]):
        insert(index, rows[i], -1 - i)
    for asked in range(slots.shape[0]):
        slot, by = slots[asked], best[owed[asked]]
        held = min(length[slot], SESSION_CLICKS)
        place = voting.place_in(clicked, held, slot, rows[by])
        if place < 0:
            continue
        vote = votes[by] / math.sqrt(postings[rows[by]] + 1.0)
        for other in range(max(place - STEPS, 0), min(place + STEPS + 1, held)):
            at = insert(index, clicked[slot, other], count)
            if at < 0:
                continue
            if at == count:
                found[count] = clicked[slot, other]
                count += 1
            totals[at] += vote * voting.DECAY[abs(other - place)]
    return found[largest_first(totals[:count], limit)]


@compiled
def _sessions(best: Rows, rows: Rows, ring: voting.Clicked, postings: Rows, newest: int) -> tuple[Rows, Rows]:
    """Return the slots of the newest sessions of each of the best, and which of the best each is owed to."""
    slots, owed = np.empty(best.shape[0] * SESSIONS, np.int64), np.empty(best.shape[0] * SESSIONS, np.int64)
    count = 0
    for i in range(best.shape[0]):
        row = rows[best[i]]
        for back in range(1, min(postings[row], SESSIONS) + 1):
            serial = voting.serial_of(ring[row, (postings[row] - back) % ITEM_RING], newest)
            if newest - serial <= SESSION_RING:
                slots[count], owed[count] = serial % SESSION_RING, i
                count += 1
    return slots[:count], owed[:count]
