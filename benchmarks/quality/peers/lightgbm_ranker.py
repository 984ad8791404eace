"""LightGBM's LambdaMART over the engine's features, retrained in event time on all labels so far."""

from collections.abc import Sequence
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.contenders import Query, Shown
from benchmarks.quality.peers.served import Features, ServedPeer

TREES: Final = 150
PARAMETERS: Final = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 20,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20_240_229,
    "verbosity": -1,
}


class LambdaMART(ServedPeer):
    """Learns where an item stood as a feature of its own, and scores all items as if they stood at the top.

    Parameters
    ----------
    refit_s : int
        Log time between trainings.
    """

    def __init__(self, refit_s: int) -> None:
        super().__init__()
        self._refit_ms = 1_000 * refit_s
        self._fitted_ms = 0
        self._fits = 0
        self._tables: list[Features] = []
        self._labels: list[NDArray[np.bool_]] = []
        self._model: Any = None

    def configuration(self) -> dict[str, Any]:
        """Return the parameters, and how often it was trained."""
        parameters = {"refit_s": self._refit_ms // 1_000, "fits": self._fits, "trees": TREES}
        return super().configuration() | parameters | PARAMETERS

    def score(self, query: Query) -> Sequence[float]:
        """Return the trees' sums; 0 for all before the first training."""
        table = self.serve(query)
        if self._model is None:
            return [0.0] * len(query.items)
        places = np.array(query.positions) if query.positions else np.zeros(len(table))
        scores: list[float] = self._model.predict(_with_places(table, places), num_threads=1).tolist()
        return scores

    def _learn(self, shown: Shown, table: Features, labels: NDArray[np.bool_], at_ms: int) -> None:
        self._tables.append(_with_places(table, np.arange(len(table))))
        self._labels.append(labels)
        if at_ms - self._fitted_ms >= self._refit_ms:
            self._fit()
            self._fitted_ms, self._knowledge_ms = at_ms, shown.at_ms

    def _fit(self) -> None:
        if sum(map(len, self._tables)) < PARAMETERS["min_data_in_leaf"]:
            return  # nothing to split: the trees would say the same of all items, and of one item LightGBM makes none
        data = lightgbm.Dataset(
            np.concatenate(self._tables),
            label=np.concatenate(self._labels).astype(np.float32),
            group=[len(table) for table in self._tables],
        )
        self._model = lightgbm.train(PARAMETERS, data, num_boost_round=TREES)
        self._fits += 1


def _with_places(table: Features, places: NDArray[Any]) -> Features:
    return np.column_stack([table, places]).astype(np.float32)
