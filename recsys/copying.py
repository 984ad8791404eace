"""How a world is copied: whole, into snapshots, and by what changed, into the deltas that replicas apply.

Every table is written by itself, whole or by row, so no part of the engine has a serialiser of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.errors import CorruptState
from recsys.events import ItemUpserted
from recsys.offsets import Offset
from recsys.tables import Table
from recsys.world import World

Arrays = dict[str, NDArray[Any]]

_TABLES: Final = ("items", "contents", "rings", "vectors", "transitions", "heard", "sessions")
_MODELS: Final = ("model", "network", "spread", "entries")


class WorldMeta(msgspec.Struct):
    """What is not columns. `catalogue` holds (row, item) of all rows in a snapshot, of changed ones in a delta."""

    offset: Offset
    now_ms: int
    serial: int
    draws: int
    evictions: int
    described: bool
    tastes: list[str]
    number_names: list[str]
    catalogue: list[tuple[int, ItemUpserted]]


def state(world: World) -> tuple[WorldMeta, Arrays]:
    """Return everything: meta and arrays named ``<table>/…``, ``model/…`` and so on (views, do not keep)."""
    arrays = _learned(world)
    for name in _TABLES:
        arrays.update(_prefixed(name, _table(world, name).whole()))
    return _meta(world, range(len(world.catalogue))), arrays


def restore(world: World, meta: WorldMeta, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Make `world` the one that `state` described. Raises `CorruptState`; then it must not be used."""
    if [row for row, _ in meta.catalogue] != list(range(len(meta.catalogue))):
        raise CorruptState("expected a catalogue with rows 0, 1, 2 …")
    world.catalogue = [item for _, item in meta.catalogue]
    world.rows = {item.item: row for row, item in meta.catalogue}
    for name in _TABLES:
        _table(world, name).restore(_unprefixed(name, arrays))
    _restore_models(world, arrays)
    _take(world, meta, _lists(world, arrays))
    world.index_contents()
    world.begin_edition()
    world.changed_catalogue.clear()


def changes(world: World) -> tuple[WorldMeta, Arrays]:
    """Return what changed since `settle`, as absolute values; what is no table always goes whole."""
    arrays = _learned(world)
    for name in _TABLES:
        arrays.update(_prefixed(name, _table(world, name).changes()))
    return _meta(world, sorted(world.changed_catalogue)), arrays


def apply(world: World, meta: WorldMeta, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Bring a copy, whose rows are numbered alike, up to the world that made the `changes`.

    Raises `CorruptState`, as for changes that other code made; then the copy is what it was.
    """
    rows = len(world.catalogue)
    for row, _ in meta.catalogue:
        if row > rows:
            raise CorruptState(f"expected catalogue row {rows} next, received {row}")
        rows = max(rows, row + 1)
    tables = {name: _unprefixed(name, arrays) for name in _TABLES}
    for name, changed in tables.items():
        _table(world, name).check(changed)
    lists = _lists(world, arrays)
    _restore_models(world, arrays)
    # From here on nothing fails, and rows are there before anything names them.
    for row, item in meta.catalogue:
        world.catalogue[row : row + 1] = [item]
        world.rows[item.item] = row
    available = np.count_nonzero(world.items["available"])
    for name, changed in tables.items():
        _table(world, name).apply(changed)
    _take(world, meta, lists)
    world.follow_contents(np.union1d(arrays["items/row"], arrays["contents/row"]))
    if meta.catalogue or np.count_nonzero(world.items["available"]) != available:
        world.begin_edition()


def settle(world: World) -> None:
    """Forget what changed: it has been published."""
    for name in _TABLES:
        _table(world, name).settle()
    world.changed_catalogue.clear()


def _table(world: World, name: str) -> Table:
    table: Table = getattr(world, name)
    return table


def _learned(world: World) -> Arrays:
    """Return what is no table."""
    arrays: Arrays = {
        "popular": world.popular,
        "first_choices": world.first_choices,
        "moments": world.moments,
    }
    for name in _MODELS:
        arrays.update(_prefixed(name, getattr(world, name).state()))
    return arrays


def _meta(world: World, catalogue_rows: Iterable[int]) -> WorldMeta:
    return WorldMeta(
        offset=world.offset,
        now_ms=world.now_ms,
        serial=world.serial,
        draws=world.draws,
        evictions=world.evictions,
        described=world.described,
        tastes=list(world.tastes),
        number_names=list(world.number_names),
        catalogue=[(row, world.catalogue[row]) for row in catalogue_rows],
    )


def _restore_models(world: World, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Let every model be the one that `arrays` describe; none of them where one does not fit."""
    before = {name: _copied(getattr(world, name).state()) for name in _MODELS}
    try:
        for name in _MODELS:
            getattr(world, name).restore(_unprefixed(name, arrays))
    except CorruptState:
        for name, state_before in before.items():
            getattr(world, name).restore(state_before)
        raise


def _copied(arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {name: array.copy() for name, array in arrays.items()}


def _lists(world: World, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return what is neither table nor model."""
    moments = arrays.get("moments")
    if moments is None or moments.dtype != np.float64 or moments.shape != world.moments.shape:
        raise CorruptState(f"expected the numbers' moments as float64 of shape {world.moments.shape}")
    return {
        "popular": _rows_named("popular", arrays),
        "first_choices": _rows_named("first_choices", arrays),
        "moments": np.array(moments),
    }


def _take(world: World, meta: WorldMeta, lists: Mapping[str, NDArray[Any]]) -> None:
    world.offset, world.now_ms, world.serial, world.draws = meta.offset, meta.now_ms, meta.serial, meta.draws
    world.evictions, world.described = meta.evictions, meta.described
    world.tastes, world.number_names = list(meta.tastes), list(meta.number_names)
    world.popular, world.first_choices, world.moments = lists["popular"], lists["first_choices"], lists["moments"]


def _rows_named(name: str, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    rows = arrays.get(name)
    if rows is None or rows.dtype != np.int64 or rows.ndim != 1:
        raise CorruptState(f"expected {name!r}: rows as a list of int64")
    return np.array(rows)


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _unprefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{prefix}/")}
