"""What pages read of the catalogue, from this process's replica: never from the database."""

import functools
import re
from typing import Final

import numpy as np

from recsys.events import ItemUpserted
from recsys.layout import TASTES
from recsys.world import World
from webapp import wiring

#: A genre with fewer films than this has no shelf of its own, and no page has more genres than that.
LEAST_IN_GENRE: Final = 4
GENRES_SHOWN: Final = 24

#: Items whose genres are counted at once.
_COUNTED_AT_ONCE: Final = 65_536

#: Tastes are categories and decades; only the former are genres.
_DECADE: Final = re.compile(r"\d+s")


def available_item(item_id: str) -> ItemUpserted | None:
    """Return an item that visitors may see, None when there is none of that id."""
    world = wiring.replica().world
    row = world.rows.get(item_id)
    return None if row is None or not world.items["available"][row] else world.catalogue[row]


def title(world: World, item_id: str) -> str:
    """Return an item's title; its id where nobody knows it any more."""
    row = world.rows.get(item_id)
    return item_id if row is None else world.catalogue[row].title


def largest_genres(world: World) -> list[str]:
    """Return the categories that have a shelf, largest first. They are counted anew when the catalogue has changed."""
    return _genres().largest(world)


class _Genres:
    """The largest genres of the catalogue that was asked about last."""

    def __init__(self) -> None:
        self._edition: object = None
        self._largest: list[str] = []

    def largest(self, world: World) -> list[str]:
        if world.edition is not self._edition:
            self._edition, self._largest = world.edition, _largest_genres(world)
        return self._largest


@functools.cache
def _genres() -> _Genres:
    return _Genres()


def _largest_genres(world: World) -> list[str]:
    counts = np.zeros(TASTES, dtype=np.int64)
    for start in range(0, len(world.items), _COUNTED_AT_ONCE):
        some = slice(start, start + _COUNTED_AT_ONCE)
        counts += np.count_nonzero(world.contents["taste"][some][world.items["available"][some]], axis=0)
    columns = [
        column
        for column, name in enumerate(world.tastes)
        if counts[column] >= LEAST_IN_GENRE and not _DECADE.fullmatch(name)
    ]
    columns.sort(key=lambda column: (-int(counts[column]), column))
    return [world.tastes[column] for column in columns[:GENRES_SHOWN]]
