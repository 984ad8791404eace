"""How impressions spread over the catalogue: coverage and concentration of a day, and how well known an item is."""

import math
from array import array
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.aggregates.increments import EITHER, EVERY_ARM, ShownRow

_Base = tuple[str, bool]


class CatalogueState(msgspec.Struct, frozen=True):
    """A `Catalogue` as it is stored: items in order, whether each is available, clicks, and today's impressions."""

    items: list[str]
    available: bytes
    clicks: bytes
    today: list[tuple[str, bool, bytes]]


class Catalogue:
    """The items that the log has told of, what was clicked of them so far, and what was shown of them today."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._available = bytearray()
        self._clicks = array("q")
        self._today: dict[_Base, array[int]] = {}
        self._total = 0
        self.size = 0

    def add(self, item: str) -> None:
        """Note that an item is available."""
        row = self.row(item)
        self.size += not self._available[row]
        self._available[row] = 1

    def remove(self, item: str) -> None:
        """Note that an item is not available any more."""
        row = self.row(item)
        self.size -= self._available[row]
        self._available[row] = 0

    def row(self, item: str) -> int:
        """Return the item's number, a new one for an item that the log has not told of."""
        row = self._rows.get(item)
        if row is None:
            row = self._rows[item] = len(self._rows)
            self._available.append(0)
            self._clicks.append(0)
        return row

    def clicked(self, row: int) -> None:
        """Count a click."""
        self._clicks[row] += 1
        self._total += 1

    def seen(self, row: int, arm: str, simulated: bool) -> int:
        """Count an impression of today; return how new the item was to people, in thousandths of a bit.

        That is -log2 of its share of all clicks so far, where each item has one more than it had.
        """
        counts = self._today.get((arm, simulated))
        if counts is None:
            counts = self._today[arm, simulated] = array("q")
        if row >= len(counts):
            counts.frombytes(bytes(8 * (len(self._rows) - len(counts))))
        counts[row] += 1
        return round(1_000 * math.log2((self._total + len(self._rows)) / (self._clicks[row] + 1)))

    def turn(self) -> None:
        """Begin another day."""
        self._today.clear()

    def today(self, day_ms: int) -> Iterator[ShownRow]:
        """Yield today's rows: each arm and all, real visitors, simulated ones, and both."""
        for arm in dict.fromkeys([*(arm for arm, _ in self._today), EVERY_ARM]):
            for simulated in (0, 1, EITHER):
                counts = self._sum(arm, simulated)
                if counts.any():
                    yield self._row(day_ms, arm, simulated, counts)

    def _sum(self, arm: str, simulated: int) -> NDArray[np.int64]:
        total = np.zeros(len(self._rows), dtype=np.int64)
        for (its_arm, its_simulated), counts in self._today.items():
            if arm in (EVERY_ARM, its_arm) and simulated in (EITHER, int(its_simulated)):
                total[: len(counts)] += np.frombuffer(counts, dtype=np.int64)
        return total

    def _row(self, day_ms: int, arm: str, simulated: int, counts: NDArray[np.int64]) -> ShownRow:
        ordered = np.sort(counts[counts > 0])
        # What is shown although it is not in the catalogue (any more) takes part all the same.
        taking_part = (np.frombuffer(self._available, dtype=np.uint8) == 1) | (counts > 0)
        shown, size, total = len(ordered), int(np.count_nonzero(taking_part)), int(ordered.sum())
        top = int(ordered[max(shown - max(size // 10, 1), 0) :].sum())
        # Those that were not shown have the first places.
        ranked = int((ordered * np.arange(size - shown + 1, size + 1)).sum())
        return ShownRow(
            day_ms=day_ms,
            arm=arm,
            simulated=simulated,
            items_shown=shown,
            catalogue=size,
            impressions=total,
            top_tenth_ppm=top * 1_000_000 // total,
            gini_ppm=(2 * ranked - (size + 1) * total) * 1_000_000 // (size * total),
        )

    def to_state(self) -> CatalogueState:
        """Return the catalogue for storing."""
        return CatalogueState(
            items=list(self._rows),
            available=bytes(self._available),
            clicks=self._clicks.tobytes(),
            today=[(arm, simulated, counts.tobytes()) for (arm, simulated), counts in self._today.items()],
        )

    @classmethod
    def from_state(cls, state: CatalogueState) -> "Catalogue":
        """Return the catalogue that `to_state` described."""
        catalogue = cls()
        catalogue._rows = {item: row for row, item in enumerate(state.items)}
        catalogue._available = bytearray(state.available)
        catalogue._clicks = array("q", state.clicks)
        catalogue._today = {(arm, simulated): array("q", counts) for arm, simulated, counts in state.today}
        catalogue._total = sum(catalogue._clicks)
        catalogue.size = sum(catalogue._available)
        return catalogue
