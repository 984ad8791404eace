"""The world: a catalogue that keeps its rows, and contents that compare."""

import numpy as np
import pytest

from recsys.config import EngineConfig
from recsys.events import ItemRemoved, ItemUpserted
from recsys.layout import TASTES
from recsys.world import World
from tests.unit.streams import START_MS


def item(name: str, *categories: str, at_ms: int = START_MS, year: int | None = None) -> ItemUpserted:
    return ItemUpserted(event_time_ms=at_ms, item=name, title=name, categories=categories, year=year)


def world(*items: ItemUpserted) -> World:
    made = World(EngineConfig())
    for each in items:
        made.upsert_item(each)
    return made


def test_changed_item_keeps_its_row_its_statistics_and_when_it_was_first_seen() -> None:
    made = world(item("a", "Horror"), item("b", "Comedy"))
    made.items["clicks"][0] = 3.0
    assert made.upsert_item(item("a", "Comedy", at_ms=START_MS + 5)) == 0
    assert made.items["clicks"][0] == 3.0
    assert made.items["first_seen_ms"][0] == START_MS
    assert np.array_equal(made.contents["taste"][0], made.contents["taste"][1])


def test_removed_item_is_unavailable_until_it_comes_back() -> None:
    made = world(item("a"), item("b"))
    made.remove_item(ItemRemoved(event_time_ms=START_MS, item="a"))
    made.remove_item(ItemRemoved(event_time_ms=START_MS, item="never there"))
    assert made.items["available"].tolist() == [False, True]
    made.upsert_item(item("a"))
    assert made.items["available"].tolist() == [True, True]


def test_category_lists_its_available_items_by_row() -> None:
    made = world(item("a", "Horror"), item("b", "Comedy"), item("c", "Comedy", "Horror"), item("d", "Horror"))
    made.remove_item(ItemRemoved(event_time_ms=START_MS, item="d"))
    assert made.category("Horror").tolist() == [0, 2]
    assert made.category("Western").tolist() == []


def test_categories_that_share_a_taste_column_are_told_apart_by_the_catalogue() -> None:
    names = [f"category {number}" for number in range(2 * TASTES)]
    made = world(*(item(name, name) for name in names))
    assert len(made.tastes) == TASTES
    assert [made.category(name).tolist() for name in names] == [[row] for row in range(2 * TASTES)]


def test_content_is_a_unit_vector_or_nothing() -> None:
    made = world(item("a", "Horror", year=1987), item("b"))
    assert np.sum(made.contents["content"] ** 2, axis=1).tolist() == pytest.approx([1.0, 0.0])
