"""The candidates of one list: a union of sources, the same for a slate that is served and for a click of a history."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.retrieval import content, fresh, neighbours, voting
from recsys.retrieval.neighbours import Votes
from recsys.rowmap import empty_map, insert
from recsys.sessions import SessionContext
from recsys.world import World

Rows = NDArray[np.int64]

#: Most recent clicks that content neighbours are looked up for, and how many of each.
CONTENT_CLICKS: Final = 3
CONTENT_ITEMS: Final = 20
#: Popular and new items beside what neighbours found; where they found little, popular items fill up, then new ones.
POPULAR_ITEMS: Final = 10
FRESH_ITEMS: Final = 5
FEWEST: Final = 60


def retrieve(world: World, context: SessionContext) -> Votes:
    """Return the items worth ranking for this session, available or not, with their votes; best voted come first.

    Up to ``config.candidates`` of session neighbours, the session's own items among them (people go back); what is
    alike in content to its last clicks; popular and new items. A session without clicks gets the latter.
    """
    if not context.clicked:
        rows = _extended(np.empty(0, dtype=np.int64), np.concatenate(_others(world, context, 0)))
        return Votes(rows, np.zeros((0, voting.CHANNELS), dtype=np.float32), 0.0)
    found = neighbours.poll(world, context, world.config.candidates)
    return found.votes(_extended(found.best, np.concatenate(_others(world, context, len(found.best)))))


def available(world: World, found: Votes) -> Votes:
    """Return the items that can be served."""
    return found.subset(world.items["available"][found.rows])


def _others(world: World, context: SessionContext, voted: int) -> list[Rows]:
    missing = FEWEST - voted if context.clicked else world.config.candidates
    popular = world.popular[: max(POPULAR_ITEMS, missing)]
    new = fresh.newest(world, max(FRESH_ITEMS, missing - len(popular)))
    if not world.described:
        return [popular, new]
    alike = [content.similar(world, row, CONTENT_ITEMS) for row in context.clicked[: -CONTENT_CLICKS - 1 : -1]]
    return [*alike, popular, new]


@compiled
def _extended(rows: Rows, more: Rows) -> Rows:
    """Return `rows`, and those of `more` that are not yet among them, each once."""
    index = empty_map(rows.shape[0] + more.shape[0])
    extended = np.empty(rows.shape[0] + more.shape[0], dtype=np.int64)
    count = 0
    for part in (rows, more):
        for row in part:
            if insert(index, row, count) == count:
                extended[count] = row
                count += 1
    return extended[:count]
