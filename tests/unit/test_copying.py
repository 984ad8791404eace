"""Copies of a world: whole or by what changed, they are equal to the last bit."""

import pytest

from recsys import copying
from recsys.config import EngineConfig
from recsys.errors import CorruptState
from recsys.events import ItemRemoved
from recsys.world import World
from tests.unit.streams import START_MS, film, world_bytes
from tests.unit.test_world import item, world


def copy_of(original: World) -> World:
    copy = World(original.config)
    copying.restore(copy, *copying.state(original))
    return copy


def test_restored_world_is_equal_and_shares_nothing() -> None:
    original = world(*(film(number) for number in range(70)))
    copy = copy_of(original)
    assert world_bytes(copy) == world_bytes(original)
    original.upsert_item(film(71))
    original.items["clicks"][0] = 9.0
    assert (len(copy.items), copy.items["clicks"][0]) == (70, 0.0)


def test_changes_bring_a_copy_up_to_date() -> None:
    original = world(*(film(number) for number in range(3)))
    copy = copy_of(original)
    copying.settle(original)
    original.upsert_item(item("new", "Musical"))
    original.remove_item(ItemRemoved(event_time_ms=START_MS, item="1"))
    original.offset, original.now_ms, original.serial = "5-0", 5, 2
    meta, arrays = copying.changes(original)
    assert [row for row, _ in meta.catalogue] == [3]
    assert arrays["items/row"].tolist() == [1, 3]
    copying.apply(copy, meta, arrays)
    assert world_bytes(copy) == world_bytes(original)
    assert copy.rows == original.rows


def test_changes_after_missing_rows_are_refused() -> None:
    original = world(item("a"))
    copying.settle(original)
    original.upsert_item(item("b"))
    with pytest.raises(CorruptState, match="expected catalogue row 0 next"):
        copying.apply(World(EngineConfig()), *copying.changes(original))


def test_catalogue_with_missing_rows_is_refused() -> None:
    meta, arrays = copying.state(world(item("a")))
    meta.catalogue = [(1, item("a"))]
    with pytest.raises(CorruptState, match="rows 0, 1, 2"):
        copying.restore(World(EngineConfig()), meta, arrays)


def test_world_whose_last_description_is_gone_is_copied_as_one_that_had_some() -> None:
    original = world(item("a", "Horror"))
    original.upsert_item(item("a"))
    assert copy_of(original).described == original.described
