"""What everybody taught: catalogue, item statistics, neighbour index and the world belief.

The learner writes it, replicas copy it row by row, serving only reads it. All of it is columns (`recsys.tables`)
and a model's arrays, so that a snapshot is bytes with a hash and a delta is the rows that changed.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.config import EngineConfig
from recsys.errors import CorruptState
from recsys.events import ItemRemoved, ItemUpserted
from recsys.layout import CONTENT_WIDTH, TASTES, WIDTH
from recsys.models.base import ClickModel
from recsys.models.registry import make_model
from recsys.offsets import ORIGIN, Offset
from recsys.tables import Table

#: Most recent sessions that an item remembers, and most recent distinct clicks that a session remembers.
ITEM_RING: Final = 64
SESSION_CLICKS: Final = 24
#: Sessions that the neighbour index holds; older ones are overwritten.
SESSION_RING: Final = 65_536

Arrays = dict[str, NDArray[Any]]


class WorldMeta(msgspec.Struct):
    """What is not columns. `catalogue` holds (row, item) of all rows in a snapshot, of changed ones in a delta."""

    offset: Offset
    now_ms: int
    serial: int
    tastes: list[str]
    catalogue: list[tuple[int, ItemUpserted]]


class World:
    """The state that every session starts from.

    Attributes
    ----------
    offset : Offset
        Everything up to here is folded in; also the version that slates log.
    now_ms : int
        Log time: the largest event time folded, never the wall clock.
    serial : int
        Sessions ever indexed; the next one's serial number.
    items, sessions : Table
        See the columns below. A session with serial number s stands in row ``s % SESSION_RING``.
    tastes : list of str
        Names of the taste columns in use, in order of first appearance.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.offset: Offset = ORIGIN
        self.now_ms = 0
        self.serial = 0
        self.tastes: list[str] = []
        self.catalogue: list[ItemUpserted] = []
        self.rows: dict[str, int] = {}
        self._changed_catalogue: set[int] = set()
        self.items = Table(
            {
                "available": ("?", (), False),
                "first_seen_ms": ("i8", (), 0),
                "impressions": ("f8", (), 0.0),
                "clicks": ("f8", (), 0.0),
                "recent_clicks": ("f8", (), 0.0),
                "counted_ms": ("i8", (), 0),
                "taste": ("f4", (TASTES,), 0.0),
                "content": ("f4", (CONTENT_WIDTH,), 0.0),
                "ring": ("i8", (ITEM_RING,), -1),
                "postings": ("i8", (), 0),
            }
        )
        self.sessions = Table(
            {
                "serial": ("i8", (), -1),
                "clicked": ("i4", (SESSION_CLICKS,), -1),
                "length": ("i4", (), 0),
            }
        )
        self.model: ClickModel = make_model(config.model, WIDTH, forgetting_half_life_s=config.forgetting_half_life_s)

    # -- catalogue ---------------------------------------------------------------------------------------------

    def upsert_item(self, event: ItemUpserted) -> int:
        """Add or change an item; return its row."""
        row = self.rows.get(event.item)
        if row is None:
            row = len(self.catalogue)
            self.rows[event.item] = row
            self.catalogue.append(event)
            self.items.grow(row + 1)
            self.items["first_seen_ms"][row] = event.event_time_ms
            self.items["counted_ms"][row] = event.event_time_ms
        self.catalogue[row] = event
        self._changed_catalogue.add(row)
        self.items["available"][row] = True
        self.items["taste"][row] = self._taste_vector(event)
        self.items["content"][row] = _content_vector(event)
        self.items.touch(row)
        return row

    def remove_item(self, event: ItemRemoved) -> None:
        """Take an item out of every list; what was learned of it stays. Unknown items are ignored."""
        row = self.rows.get(event.item)
        if row is not None:
            self.items["available"][row] = False
            self.items.touch(row)

    def category(self, name: str) -> NDArray[np.int64]:
        """Return the available rows of a category, ascending; none for a name that no item has."""
        column = self._find_taste(name)
        if column is None:
            return np.empty(0, dtype=np.int64)
        rows = np.flatnonzero(self.items["available"] & (self.items["taste"][:, column] > 0))
        if len(self.tastes) < TASTES:
            return rows
        # Once all columns are taken, later names share one: only the catalogue tells them apart.
        return np.array([row for row in rows.tolist() if name in self.catalogue[row].categories], dtype=np.int64)

    def _taste_vector(self, event: ItemUpserted) -> NDArray[np.float32]:
        """Return the item's taste columns: each token's share, summing to 1 over categories and to 1 for the decade."""
        vector = np.zeros(TASTES, dtype=np.float32)
        for category in event.categories:
            vector[self._taste_column(category)] += 1.0 / len(event.categories) ** 0.5
        if event.year is not None:
            vector[self._taste_column(decade(event.year))] += 0.5
        return vector

    def _taste_column(self, name: str) -> int:
        """Return the column of a taste, taking a free one; when all are taken, share one by hash."""
        column = self._find_taste(name)
        if column is None:
            column = len(self.tastes)
            self.tastes.append(name)
        return column

    def _find_taste(self, name: str) -> int | None:
        """Return the column of a taste, None where it has none and there is still a free one."""
        if name in self.tastes:
            return self.tastes.index(name)
        return _stable_hash(name) % TASTES if len(self.tastes) >= TASTES else None

    # -- snapshots and deltas ----------------------------------------------------------------------------------

    def state(self) -> tuple[WorldMeta, Arrays]:
        """Return everything: meta and arrays named ``items/…``, ``sessions/…``, ``model/…`` (views, do not keep)."""
        return self._meta(range(len(self.catalogue))), {
            **_prefixed("items", self.items.whole()),
            **_prefixed("sessions", self.sessions.whole()),
            **_prefixed("model", self.model.state()),
        }

    def restore(self, meta: WorldMeta, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become the world that `state` described. Raises `CorruptState`; then this world must not be used."""
        if [row for row, _ in meta.catalogue] != list(range(len(meta.catalogue))):
            raise CorruptState("expected a catalogue with rows 0, 1, 2 …")
        self.catalogue = [item for _, item in meta.catalogue]
        self.rows = {item.item: row for row, item in meta.catalogue}
        self.items.restore(_unprefixed("items", arrays))
        self.sessions.restore(_unprefixed("sessions", arrays))
        self._take(meta, arrays)
        self._changed_catalogue.clear()

    def changes(self) -> tuple[WorldMeta, Arrays]:
        """Return what changed since `settle`, as absolute values; the model's arrays always go whole."""
        return self._meta(sorted(self._changed_catalogue)), {
            **_prefixed("items", self.items.changes()),
            **_prefixed("sessions", self.sessions.changes()),
            **_prefixed("model", self.model.state()),
        }

    def apply(self, meta: WorldMeta, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Bring this copy up to the world that made `changes`."""
        for row, item in meta.catalogue:
            if row == len(self.catalogue):
                self.catalogue.append(item)
            elif row < len(self.catalogue):
                self.catalogue[row] = item
            else:
                raise CorruptState(f"expected catalogue row {len(self.catalogue)} next, received {row}")
            self.rows[item.item] = row
        self.items.apply(_unprefixed("items", arrays))
        self.sessions.apply(_unprefixed("sessions", arrays))
        self._take(meta, arrays)

    def settle(self) -> None:
        """Forget what changed: it has been published or saved."""
        self.items.settle()
        self.sessions.settle()
        self._changed_catalogue.clear()

    def _meta(self, catalogue_rows: Any) -> WorldMeta:
        return WorldMeta(
            offset=self.offset,
            now_ms=self.now_ms,
            serial=self.serial,
            tastes=list(self.tastes),
            catalogue=[(row, self.catalogue[row]) for row in catalogue_rows],
        )

    def _take(self, meta: WorldMeta, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.offset, self.now_ms, self.serial = meta.offset, meta.now_ms, meta.serial
        self.tastes = list(meta.tastes)
        self.model.restore(_unprefixed("model", arrays))


def decade(year: int) -> str:
    """Return the decade's name.

    >>> decade(1987)
    '1980s'
    """
    return f"{year // 10 * 10}s"


def _content_vector(event: ItemUpserted) -> NDArray[np.float32]:
    """Return the item's hashed content as a unit vector (zero where there is none)."""
    vector = np.zeros(CONTENT_WIDTH, dtype=np.float32)
    tokens = [(f"category:{name}", 2.0) for name in event.categories] + [(f"tag:{name}", 1.0) for name in event.tags]
    if event.year is not None:
        tokens.append((f"decade:{decade(event.year)}", 1.0))
    for token, weight in tokens:
        digest = _stable_hash(token)
        vector[digest % CONTENT_WIDTH] += weight if digest >> 32 & 1 else -weight
    length = float(np.sqrt(np.sum(vector * vector)))
    return vector / np.float32(length) if length > 0 else vector


def _stable_hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")


def _prefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _unprefixed(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{prefix}/")}
