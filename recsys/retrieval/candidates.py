"""The candidates of one list: a union of sources, the same for a slate that is served and for a click of a history."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.retrieval import content, fresh, neighbours, transitions, voting
from recsys.retrieval.further import further
from recsys.retrieval.neighbours import Votes
from recsys.retrieval.retracing import retraced
from recsys.rowmap import empty_map, insert
from recsys.sessions import SessionContext
from recsys.world import World

Rows = NDArray[np.int64]

#: Most recent clicks that content neighbours are looked up for, and how many of each.
CONTENT_CLICKS: Final = 3
CONTENT_ITEMS: Final = 20
#: Popular and new items beside what neighbours found; where they found little, what is `further` fills up, then popular
#: items, then new ones.
POPULAR_ITEMS: Final = 10
FRESH_ITEMS: Final = 5
FEWEST: Final = 60

_NOTHING: Final[Rows] = np.empty(0, dtype=np.int64)


def retrieve(world: World, context: SessionContext, tried: Rows = _NOTHING) -> Votes:
    """Return the items worth ranking for this session that can be served, with their votes; best voted come first.

    Up to ``config.candidates`` of session neighbours, the session's own items among them (people go back), older ones
    beside them; what the session did before after its last click, and what most sessions go on with; where neighbours
    found little, what is one step `further`; what is alike in content to its last clicks; popular and new items. A
    session without clicks gets what sessions begin with, then the latter. Last come the items that are to be `tried`
    out on it.
    """
    fewest = FEWEST if context.clicked else world.config.candidates
    return Votes(
        *_offered(
            *neighbours.index(world, context),
            context.path(),
            world.transitions["item"],
            world.transitions["count"],
            world.config.candidates,
            _alike(world, context) if world.described else _NOTHING,
            world.popular if context.clicked else world.first_choices,
            world.items["available"],
            fewest,
            tried,
        )
    )


def _alike(world: World, context: SessionContext) -> Rows:
    """Return what is alike in content to the session's last clicks."""
    last = context.clicked[: -CONTENT_CLICKS - 1 : -1]
    return np.concatenate([_NOTHING, *(content.similar(world, row, CONTENT_ITEMS) for row in last)])


@compiled
def _offered(
    query: Rows,
    key: int,
    ring: voting.Clicked,
    postings: Rows,
    keys: Rows,
    clicked: voting.Clicked,
    length: voting.Clicked,
    newest: int,
    trail: Rows,
    successor: transitions.Items,
    successor_count: transitions.Counts,
    limit: int,
    alike: Rows,
    popular: Rows,
    served: NDArray[np.bool_],
    fewest: int,
    tried: Rows,
) -> tuple[Rows, voting.Channels, float]:
    """Return what `Votes` is made of: the best voted of `voting.recall`, and the others as far as they are wanted."""
    best, places, channels, total = voting.recall(query, key, ring, postings, keys, clicked, length, newest, limit)
    missing = fewest - best.shape[0]
    # What is `further` takes the place of what is popular, never of what is new: nobody could have clicked around that.
    new = fresh.last(served, max(FRESH_ITEMS, missing - popular.shape[0]))
    beyond = further(best, places, channels, ring, postings, clicked, length, newest, missing)
    next_best = transitions.successors(successor, successor_count, query[0])[0] if query.shape[0] else query
    popular = _filling(popular, best, beyond, missing - beyond.shape[0])
    rows, chosen = voting.offered(
        (best, retraced(trail)[0], next_best, beyond, alike, popular, new, tried), places, channels
    )
    kept = np.nonzero(served[rows])[0]
    return (rows, chosen, total) if kept.shape[0] == rows.shape[0] else (rows[kept], chosen[kept], total)


@compiled
def _filling(popular: Rows, best: Rows, beyond: Rows, missing: int) -> Rows:
    """Return the first `POPULAR_ITEMS` of `popular`, and as many more as it takes for `missing` that were not found."""
    if missing <= 0:
        return popular[:POPULAR_ITEMS]
    known = empty_map(best.shape[0] + beyond.shape[0] + popular.shape[0])
    count = filled = 0
    for row in best:
        insert(known, row, 0)
    for row in beyond:
        insert(known, row, 0)
    while count < popular.shape[0] and (count < POPULAR_ITEMS or filled < missing):
        if insert(known, popular[count], 1) == 1:
            filled += 1
        count += 1
    return popular[:count]
