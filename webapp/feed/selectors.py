"""What pages read of the catalogue, from this process's replica: never from the database."""

from typing import Final

from recsys.description import is_decade
from recsys.events import ItemUpserted
from recsys.world import World
from webapp import wiring

#: A genre with fewer films than this has no shelf of its own, and no page has more genres than that.
LEAST_IN_GENRE: Final = 4
GENRES_SHOWN: Final = 24


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
    """Return the categories that have a shelf, largest first. Decades, the other tastes, are no genres."""
    counts = world.taste_index.counts.tolist()
    columns = [
        column for column, name in enumerate(world.tastes) if counts[column] >= LEAST_IN_GENRE and not is_decade(name)
    ]
    columns.sort(key=lambda column: (-counts[column], column))
    return [world.tastes[column] for column in columns[:GENRES_SHOWN]]
