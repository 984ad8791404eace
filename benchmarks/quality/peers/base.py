"""What peers have in common: items as rows, sessions as lists of rows, and how old their knowledge is."""

from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.events import Click, Event

#: Sessions whose clicks the world remembers as long as they may go on; the oldest are forgotten first.
OPEN_SESSIONS: Final = 100_000
#: Most clicked items that fill up short lists, and the clicks after which they are counted again.
FILLERS: Final = 1_000
RECOUNT_CLICKS: Final = 1_000

Floats = NDArray[np.float64]


class ClickPeer:
    """Base of next-item peers: they know clicks and nothing else.

    A subclass gives `_learn` and `_scores`; both sides of the seam (what the world knows, what the session did) are
    kept apart here. Lists that a subclass leaves short are filled up with the most clicked items, as a site would.
    """

    def __init__(self) -> None:
        self.items: list[str] = []
        self.rows: dict[str, int] = {}
        self._knowledge_ms = 0
        self._own: dict[str, list[int | str]] = {}
        self._open: dict[str, list[int]] = {}
        self._clicks = array("q")
        self._fillers: list[int] = []
        self._uncounted = 0

    def learn(self, event: Event) -> None:
        """Take a click into the world."""
        if not isinstance(event, Click):
            return
        row = self.rows.get(event.item)
        if row is None:
            row = self.rows[event.item] = len(self.items)
            self.items.append(event.item)
            self._clicks.append(0)
        self._clicks[row] += 1
        self._uncounted += 1
        earlier = self._open.setdefault(event.session, [])
        if len(self._open) > OPEN_SESSIONS:
            del self._open[next(iter(self._open))]
        self._learn(event, row, earlier)
        earlier.append(row)

    def trained(self, at_ms: int) -> None:
        """Do nothing: most peers learn as they go."""

    def observe(self, event: Event) -> None:
        """Remember a click for its own session."""
        if isinstance(event, Click):
            self._own.setdefault(event.session, []).append(self.rows.get(event.item, event.item))

    def end(self, session: str) -> None:
        """Forget what the session did."""
        self._own.pop(session, None)

    def recommend(self, session: str, at_ms: int, k: int, *, repeats: bool) -> Sequence[str]:
        """Return the items with the highest scores, ties by the order in which they were first seen."""
        own = self._rows_of(session)
        rows, scores = self._scores(session, own, at_ms)
        if not repeats and own:
            kept = ~np.isin(rows, own)
            rows, scores = rows[kept], scores[kept]
        found = best(rows, scores, k)
        if len(found) < k:
            left_out = {*found, *(() if repeats else own)}
            found += [row for row in self._most_clicked() if row not in left_out][: k - len(found)]
        return [self.items[row] for row in found]

    def knowledge_ms(self) -> int:
        """Return when the newest click that the world has used was made."""
        return self._knowledge_ms

    def configuration(self) -> dict[str, Any]:
        """Return nothing: there is nothing to configure."""
        return {}

    def state_sha256(self) -> str:
        """Return nothing: peers promise no state."""
        return ""

    def _most_clicked(self) -> list[int]:
        if self._uncounted >= RECOUNT_CLICKS or len(self._fillers) < min(FILLERS, len(self.items)):
            clicks = np.array(self._clicks, dtype=np.float64)
            self._fillers, self._uncounted = best(np.arange(len(clicks)), clicks, FILLERS), 0
        return self._fillers

    def _rows_of(self, session: str) -> list[int]:
        """Return what the session clicked, oldest first, as far as the world knows it by now."""
        found = (self.rows.get(entry) if isinstance(entry, str) else entry for entry in self._own.get(session, ()))
        return [row for row in found if row is not None]

    def _learn(self, event: Click, row: int, earlier: list[int]) -> None:
        """Learn a click on `row` by a session that clicked `earlier`."""
        raise NotImplementedError

    def _scores(self, session: str, own: list[int], at_ms: int) -> tuple[NDArray[np.int64], Floats]:
        """Return distinct rows worth recommending, and their scores."""
        raise NotImplementedError


def best(rows: NDArray[np.int64], scores: Floats, k: int) -> list[int]:
    """Return the `k` rows with the highest scores, ties by row.

    >>> best(np.array([4, 7, 2]), np.array([1.0, 3.0, 1.0]), 2)
    [7, 2]
    """
    if len(rows) > k:
        limit = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = scores >= limit
        rows, scores = rows[kept], scores[kept]
    found: list[int] = rows[np.lexsort((rows, -scores))][:k].tolist()
    return found


class Fading:
    """A weight for each new event, so that earlier ones count half after a number of events.

    Rather than fade everything at each event, new ones count more; `overflowing` says when all must be scaled down.
    """

    def __init__(self, half_life: float | None) -> None:
        self.weight = 1.0
        self._growth = 1.0 if half_life is None else 2.0 ** (1.0 / half_life)

    def step(self) -> float:
        """Return the weight of the next event."""
        self.weight *= self._growth
        return self.weight

    def overflowing(self) -> bool:
        """Return whether weights have become large; dividing all by the current one changes no order."""
        return self.weight > 1e100

    def rebase(self) -> float:
        """Return what all that was added so far is to be divided by."""
        divisor, self.weight = self.weight, 1.0
        return divisor
