"""Hit rate, mean reciprocal rank, coverage and concentration of recommended lists.

What papers on session-based recommendation call recall@k with one item to find is the hit rate here: the share of
predictions whose item stands among the first k.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from webapp.analytics.intervals import student

LENGTH: Final = 20
CUTOFFS: Final = (5, 10, 20)
#: Groups of predictions by clicks seen before: name, least, most.
CLICKS_SEEN: Final = (
    ("0", 0, 0), ("1", 1, 1), ("2", 2, 2), ("3", 3, 3), ("4", 4, 4), ("5", 5, 5), ("6-9", 6, 9), ("10+", 10, 1 << 30),
)  # fmt: skip

Floats = NDArray[np.float64]


class Ranks:
    """Where the item that came next stood in each list, and what the lists held."""

    def __init__(self) -> None:
        self._ranks = array("i")
        self._seen = array("i")
        self._sessions = array("i")
        self._recommended: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, recommended: Sequence[str], target: str, seen: int, session: int) -> None:
        """Note one prediction.

        Parameters
        ----------
        recommended : sequence of str
            At most `LENGTH` items, best first.
        target : str
            What came next.
        seen : int
            Clicks of this session before.
        session : int
            Number of the session: predictions of one session are not independent.

        Raises
        ------
        ValueError
            When an item is recommended twice: it would count twice.
        """
        if len(recommended) > LENGTH or len(set(recommended)) < len(recommended):
            raise ValueError(f"expected up to {LENGTH} distinct items, received {list(recommended)}")
        self._ranks.append(recommended.index(target) + 1 if target in recommended else 0)
        self._seen.append(seen)
        self._sessions.append(session)
        self._recommended.update(recommended)

    def ranks(self) -> NDArray[np.int32]:
        """Return the rank of each target from 1, 0 where it was not in the list."""
        return np.array(self._ranks, dtype=np.int32)

    def sessions(self) -> NDArray[np.int32]:
        """Return the session of each prediction."""
        return np.array(self._sessions, dtype=np.int32)

    def figures(self, catalogue: int) -> dict[str, Any]:
        """Return all figures; `catalogue` is how many items could have been recommended."""
        ranks, sessions, seen = self.ranks(), self.sessions(), np.array(self._seen)
        found: dict[str, Any] = {"predictions": len(ranks)}
        for cutoff in CUTOFFS:
            found[f"hit_rate_at_{cutoff}"] = _rounded(hits(ranks, cutoff).mean()) if len(ranks) else 0.0
            found[f"mrr_at_{cutoff}"] = _rounded(reciprocals(ranks, cutoff).mean()) if len(ranks) else 0.0
        found["hit_rate_at_20_95"] = interval(hits(ranks, 20), sessions)
        found["mrr_at_20_95"] = interval(reciprocals(ranks, 20), sessions)
        found["by_clicks_seen"] = {
            name: _group(ranks[(seen >= least) & (seen <= most)])
            for name, least, most in CLICKS_SEEN
            if np.any((seen >= least) & (seen <= most))
        }
        return found | concentration(self._recommended.values(), catalogue)


def hits(ranks: NDArray[np.int32], cutoff: int) -> Floats:
    """Return 1 for each target among the first `cutoff`, else 0.

    >>> hits(np.array([1, 6, 0], dtype=np.int32), 5).tolist()
    [1.0, 0.0, 0.0]
    """
    return ((ranks > 0) & (ranks <= cutoff)).astype(np.float64)


def reciprocals(ranks: NDArray[np.int32], cutoff: int) -> Floats:
    """Return 1/rank for each target among the first `cutoff`, else 0.

    >>> reciprocals(np.array([1, 4, 6, 0], dtype=np.int32), 5).tolist()
    [1.0, 0.25, 0.0, 0.0]
    """
    return hits(ranks, cutoff) / np.maximum(ranks, 1)


def interval(values: Floats, clusters: NDArray[np.int32]) -> list[float]:
    """Return a 95 % interval for the mean of `values` as [low, high].

    Values of one cluster (a session, a visitor, a market) hang together, so it follows from how clusters differ: the
    mean is a ratio of two sums over them. Few of them tell their differences badly (`student`). Empty where there are
    fewer than two.
    """
    names, places = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        return []
    mean = values.mean()
    residuals = np.bincount(places, weights=values - mean)
    error = math.sqrt(len(names) / (len(names) - 1) * np.sum(residuals**2)) / len(values)
    reach = student(len(names) - 1) * error
    return [_rounded(mean - reach), _rounded(mean + reach)]


def concentration(counts: Iterable[int], catalogue: int) -> dict[str, float]:
    """Return how the recommended places spread over a catalogue of this many items.

    ``coverage_at_20``: share of the items that were recommended at all. ``gini``: 0 when all are recommended equally
    often, towards 1 when a few take everything. ``top_percent_share``: the places of the most recommended 1 %.

    >>> concentration([2, 2], catalogue=4)
    {'coverage_at_20': 0.5, 'gini': 0.5, 'top_percent_share': 0.5}
    """
    ascending = np.sort(np.fromiter(counts, dtype=np.float64))
    size, total = max(catalogue, len(ascending)), ascending.sum()
    if not total:
        return {"coverage_at_20": 0.0, "gini": 0.0, "top_percent_share": 0.0}
    # Items that were never recommended are zeros before the rest, and add nothing to the sum over ranks.
    places = np.arange(size - len(ascending) + 1, size + 1)
    return {
        "coverage_at_20": _rounded(len(ascending) / size),
        "gini": _rounded((2.0 * np.sum(places * ascending) / total - size - 1.0) / size),
        "top_percent_share": _rounded(ascending[-max(size // 100, 1) :].sum() / total),
    }


def _group(ranks: NDArray[np.int32]) -> dict[str, float]:
    return {
        "predictions": len(ranks),
        "hit_rate_at_20": _rounded(hits(ranks, 20).mean()),
        "mrr_at_20": _rounded(reciprocals(ranks, 20).mean()),
    }


def _rounded(value: float) -> float:
    return round(float(value), 6)
