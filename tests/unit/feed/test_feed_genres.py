"""Which categories have a shelf."""

from recsys.config import EngineConfig
from recsys.events import ItemRemoved, ItemUpserted
from recsys.world import World
from webapp.feed.selectors import GENRES_SHOWN, LEAST_IN_GENRE, largest_genres


def stocked(**categories: int) -> World:
    """Return a world with so many items of each category, all of the eighties."""
    world = World(EngineConfig())
    for name, count in categories.items():
        for number in range(count):
            item = f"{name} {number}"
            world.upsert_item(ItemUpserted(event_time_ms=1, item=item, title=item, categories=(name,), year=1985))
    return world


def test_largest_come_first_and_small_ones_have_none() -> None:
    world = stocked(small=LEAST_IN_GENRE - 1, middle=LEAST_IN_GENRE, large=LEAST_IN_GENRE + 2)
    assert largest_genres(world) == ["large", "middle"]
    for number in range(3):
        world.remove_item(ItemRemoved(event_time_ms=2, item=f"large {number}"))
    assert largest_genres(world) == ["middle"]


def test_decade_is_no_genre_and_a_category_that_is_called_almost_like_one_is() -> None:
    assert largest_genres(stocked(**{"90s": LEAST_IN_GENRE, "24s": LEAST_IN_GENRE})) == ["90s", "24s"]


def test_no_page_has_more_of_them_than_it_may() -> None:
    assert len(largest_genres(stocked(**{str(number): LEAST_IN_GENRE for number in range(GENRES_SHOWN + 5)}))) == (
        GENRES_SHOWN
    )
