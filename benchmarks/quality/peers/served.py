"""Base of peers that learn from the engine's own features: taken when the list is scored, kept until it is learned."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.contenders import Query, Shown
from benchmarks.quality.freshet import EngineSlates
from recsys.events import ItemUpserted

Features = NDArray[np.float32]


class ServedPeer:
    """Runs an engine beside it for the features; its time includes the engine's.

    A subclass gives `score` (which calls `serve`) and `_learn`.
    """

    logits = False

    def __init__(self) -> None:
        self._engine = EngineSlates()
        self._served: dict[str, dict[str, NDArray[np.float32]]] = {}
        self._knowledge_ms = 0

    def begin(self, label_delay_s: float) -> None:
        """Tell the engine."""
        self._engine.begin(label_delay_s)

    def describe(self, item: ItemUpserted) -> None:
        """Tell the engine."""
        self._engine.describe(item)

    def observe(self, shown: Shown) -> None:
        """Tell the engine: features know the visitor's own past at once."""
        self._engine.observe(shown)

    def serve(self, query: Query) -> Features:
        """Return features of shape (n, any), and keep them for learning."""
        table = self._engine.features(query)
        self._served[query.slate] = dict(zip(query.items, table, strict=True))
        return table

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Learn from the features as served; items in the order shown."""
        served = self._served.pop(shown.slate)
        clicked = set(shown.clicked)
        table = np.stack([served[item] for item in shown.items])
        self._learn(shown, table, np.array([item in clicked for item in shown.items]), at_ms)
        self._engine.learn(shown, at_ms)

    def knowledge_ms(self) -> int:
        """Return when the newest list that the model has learned was shown."""
        return self._knowledge_ms

    def configuration(self) -> dict[str, Any]:
        """Return whose features these are."""
        return {"features": self._engine.configuration()["digest"]}

    def state_sha256(self) -> str:
        """Return nothing: peers promise no state."""
        return ""

    def _learn(self, shown: Shown, table: Features, labels: NDArray[np.bool_], at_ms: int) -> None:
        raise NotImplementedError
