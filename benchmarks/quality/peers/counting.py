"""Counts: what is clicked often, and what is clicked together."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.peers.base import ClickPeer, Fading, Floats
from recsys.events import Click

#: The session's last clicks that co-counts are looked up for, each counting half of the one after it.
LAST_CLICKS: Final = 9


class Popularity(ClickPeer):
    """The most clicked items, for everybody alike.

    Parameters
    ----------
    half_life_clicks : float, optional
        Clicks (of anybody) after which a click counts half; all count alike without it.
    """

    def __init__(self, half_life_clicks: float | None = None) -> None:
        super().__init__()
        self._half_life = half_life_clicks
        self._fading = Fading(half_life_clicks)
        self._counts = np.zeros(1_024)

    def configuration(self) -> dict[str, Any]:
        """Return the half-life."""
        return {"half_life_clicks": self._half_life}

    def _learn(self, event: Click, row: int, earlier: list[int]) -> None:
        if row >= len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._counts[row] += self._fading.step()
        if self._fading.overflowing():
            self._counts /= self._fading.rebase()
        self._knowledge_ms = event.event_time_ms

    def _scores(self, session: str, own: list[int], at_ms: int) -> tuple[NDArray[np.int64], Floats]:
        return np.arange(len(self.items)), self._counts[: len(self.items)]


class CoCounts(ClickPeer):
    """Items clicked in the same sessions as this session's last ones, cosine-normalised.

    Parameters
    ----------
    half_life_clicks : float, optional
        As in `Popularity`.
    """

    def __init__(self, half_life_clicks: float | None = None) -> None:
        super().__init__()
        self._half_life = half_life_clicks
        self._fading = Fading(half_life_clicks)
        self._together: list[dict[int, float]] = []
        self._counts: list[float] = []

    def configuration(self) -> dict[str, Any]:
        """Return the half-life and how many clicks are looked up."""
        return {"half_life_clicks": self._half_life, "last_clicks": LAST_CLICKS}

    def _learn(self, event: Click, row: int, earlier: list[int]) -> None:
        while len(self._counts) <= row:
            self._counts.append(0.0)
            self._together.append({})
        weight = self._fading.step()
        self._counts[row] += weight
        for other in set(earlier[-LAST_CLICKS:]) - {row}:
            for one, two in ((row, other), (other, row)):
                self._together[one][two] = self._together[one].get(two, 0.0) + weight
        if self._fading.overflowing():
            self._scale_down(self._fading.rebase())
        self._knowledge_ms = event.event_time_ms

    def _scale_down(self, divisor: float) -> None:
        self._counts = [count / divisor for count in self._counts]
        self._together = [{row: count / divisor for row, count in found.items()} for found in self._together]

    def _scores(self, session: str, own: list[int], at_ms: int) -> tuple[NDArray[np.int64], Floats]:
        scores: dict[int, float] = {}
        for age, row in enumerate(reversed(own[-LAST_CLICKS:])):
            share = 0.5**age / self._counts[row] ** 0.5
            for other, together in self._together[row].items():
                scores[other] = scores.get(other, 0.0) + share * together / self._counts[other] ** 0.5
        return (
            np.fromiter(scores.keys(), dtype=np.int64, count=len(scores)),
            np.fromiter(scores.values(), dtype=np.float64, count=len(scores)),
        )
