"""Which available items have a taste, and how many: told without a look at each item of the catalogue.

It follows the catalogue as the content index does: from what items are about and which are available, and from nothing
else. So no snapshot holds it. Memory: a bit for each item and taste.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.layout import TASTES
from recsys.tables import Table

#: Rows that are taken in at once.
_BATCH: Final = 65_536

Rows = NDArray[np.int64]
Bits = NDArray[np.uint8]


class TasteIndex:
    """The available items by taste.

    Attributes
    ----------
    counts : int64 array of shape (TASTES,)
        How many available items have each. Do not write to it.
    """

    def __init__(self) -> None:
        self._held = Table({"tastes": ("u1", (-(-TASTES // 8),), 0)})
        self.counts: NDArray[np.int64] = np.zeros(TASTES, dtype=np.int64)

    def follow(self, rows: Rows, taste: NDArray[np.float32], available: NDArray[np.bool_]) -> None:
        """Take in what became of `rows`: 0.1 µs for each, and some 15 µs in any case.

        Parameters
        ----------
        rows : int64 array
            Distinct rows whose tastes or availability may be others.
        taste : float32 array of shape (items, TASTES)
        available : bool array of shape (items,)
        """
        self._held.grow(len(available))
        held: Bits = self._held["tastes"]
        for start in range(0, len(rows), _BATCH):
            some = rows[start : start + _BATCH]
            has = (taste[some] > 0.0) & available[some, np.newaxis]
            had = np.unpackbits(held[some], axis=1, count=TASTES, bitorder="little")
            self.counts += has.sum(axis=0) - had.sum(axis=0, dtype=np.int64)
            held[some] = np.packbits(has, axis=1, bitorder="little")

    def rows(self, column: int) -> Rows:
        """Return the available rows that have a taste, ascending. A millisecond for 800,000 items."""
        byte, bit = divmod(column, 8)
        return np.flatnonzero((self._held["tastes"][:, byte] & (1 << bit)) != 0)
