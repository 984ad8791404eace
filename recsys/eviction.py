"""A full catalogue: the items that were left alone for longest go, so that others can enter.

Rows stay numbered in the order in which items entered, so an eviction takes a share of them out at once and the others
move up. Whatever names rows is renumbered by what `evict` returns. A replica can't follow row by row: it serves what it
has until the next snapshot.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.events import ItemUpserted
from recsys.layout import NUMBERS
from recsys.models.moments import recount
from recsys.renumbering import GONE, Places, moved, places_of
from recsys.world import SESSION_CLICKS, World

#: One item in so many goes at once: moving the others costs as much for one as for thousands.
SHARE: Final = 8

Rows = NDArray[np.int64]


def is_due(world: World, event: ItemUpserted) -> bool:
    """Return whether somebody has to go before this item can enter."""
    return len(world.catalogue) >= world.config.most_items and event.item not in world.rows


def coldest(world: World, count: int) -> Rows:
    """Return the `count` rows to let go of first, ascending.

    Removed items go first, then those that were seen or clicked longest ago, or entered and never were; older rows
    before newer ones.
    """
    items = world.items
    order = np.lexsort((items["counted_ms"], items["available"]))
    return np.sort(order[:count])


def evict(world: World) -> Places:
    """Let the coldest share of the items go, and all that was learned of each; return where the others stand now.

    Costs about 1 µs for each item that there is, and 4 µs more where they are described (`World.index_contents`).
    """
    rows = len(world.catalogue)
    kept = np.delete(np.arange(rows), coldest(world, max(rows // SHARE, 1)))
    places = places_of(kept, rows)
    world.catalogue = [world.catalogue[row] for row in kept.tolist()]
    world.rows = {event.item: row for row, event in enumerate(world.catalogue)}
    world.changed_catalogue = set(moved(sorted(world.changed_catalogue), places))
    for table in world.of_items():
        table.keep(kept)
    _move_heard(world, places)
    _move_transitions(world.transitions["item"], world.transitions["count"], places)
    _move_sessions(world.sessions["clicked"], world.sessions["length"], places)
    world.popular = _left(world.popular, places)
    world.first_choices = _left(world.first_choices, places)
    for column in range(NUMBERS):
        recount(world.moments, world.contents["number"], column)
    world.index_contents()
    world.begin_edition()
    world.evictions += 1
    return places


def _left(rows: Rows, places: Places) -> Rows:
    return np.array(moved(rows.tolist(), places), dtype=np.int64)


def _move_heard(world: World, places: Places) -> None:
    new = places[world.heard["item"]]
    world.heard.keep(np.flatnonzero(new != GONE))
    world.heard["item"][:] = new[new != GONE]


@compiled
def _move_transitions(items: NDArray[np.int32], counts: NDArray[np.float32], places: Places) -> None:
    """Renumber what followed each item; what is gone leaves its place to others."""
    for row in range(items.shape[0]):
        for place in range(items.shape[1]):
            if items[row, place] >= 0:
                items[row, place] = places[items[row, place]]
                if items[row, place] == GONE:
                    counts[row, place] = 0.0


@compiled
def _move_sessions(clicked: NDArray[np.int32], length: NDArray[np.int32], places: Places) -> None:
    """Renumber what each session of the index clicked; what is gone leaves no gap."""
    for slot in range(clicked.shape[0]):
        held, left = min(length[slot], SESSION_CLICKS), 0
        for place in range(held):
            row = places[clicked[slot, place]]
            if row != GONE:
                clicked[slot, left] = row
                left += 1
        if left < held:
            clicked[slot, left:] = -1
            length[slot] = left
