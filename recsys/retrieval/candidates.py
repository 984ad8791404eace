"""The candidates of one list: a union of sources, the same for a slate that is served and for a click of a history."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.retrieval import content, fresh, neighbours
from recsys.retrieval.neighbours import Votes
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
    found = neighbours.poll(world, context, world.config.candidates)
    return found.votes(np.concatenate(_others(world, context, len(found.best))))


def available(world: World, found: Votes) -> Votes:
    """Return the items that can be served."""
    served = world.items["available"]
    return found if _count(served, found.rows) == len(found.rows) else found.subset(served[found.rows])


def _others(world: World, context: SessionContext, voted: int) -> list[Rows]:
    missing = FEWEST - voted if context.clicked else world.config.candidates
    popular = world.popular[: max(POPULAR_ITEMS, missing)]
    new = fresh.newest(world, max(FRESH_ITEMS, missing - len(popular)))
    if not world.described:
        return [popular, new]
    alike = [content.similar(world, row, CONTENT_ITEMS) for row in context.clicked[: -CONTENT_CLICKS - 1 : -1]]
    return [*alike, popular, new]


@compiled
def _count(marked: NDArray[np.bool_], rows: Rows) -> int:
    """Return how many of `rows` are marked."""
    count = 0
    for row in rows:
        count += marked[row]
    return count
