"""Vowpal Wabbit's contextual bandit (action-dependent features) over the engine's features."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import vowpalwabbit
from numpy.typing import NDArray

from benchmarks.quality.contenders import Query, Shown
from benchmarks.quality.peers.served import Features, ServedPeer

ARGUMENTS: Final = "--cb_adf --cb_type mtr --power_t 0.3 -l 0.1 -b 20 --random_seed 20240229 --quiet"

_MEANS_SOMETHING: Final = str.maketrans(" :|\n\r\t", "______")


class VowpalWabbit(ServedPeer):
    """Predicts the cost of each item; a click costs -1.

    Every item of a list gives feedback of its own, so each is an example with one action and probability 1: what
    ``mtr`` makes of a list with one logged action each, without the variance. Where it stood is a namespace of its own
    that is left out while scoring.
    """

    def __init__(self) -> None:
        super().__init__()
        self._workspace = vowpalwabbit.Workspace(ARGUMENTS)

    def configuration(self) -> dict[str, Any]:
        """Return the arguments."""
        return super().configuration() | {"arguments": ARGUMENTS}

    def score(self, query: Query) -> Sequence[float]:
        """Return the negative costs."""
        places: Sequence[int | None] = query.positions or [None] * len(query.items)
        actions = [
            _action(item, row, place) for item, row, place in zip(query.items, self.serve(query), places, strict=True)
        ]
        return [-cost for cost in self._workspace.predict(actions)]

    def _learn(self, shown: Shown, table: Features, labels: NDArray[np.bool_], at_ms: int) -> None:
        for place, (item, row, clicked) in enumerate(zip(shown.items, table, labels, strict=True)):
            self._workspace.learn([f"0:{-float(clicked)}:1 {_action(item, row, place)}"])
        self._knowledge_ms = shown.at_ms


def _action(item: str, row: NDArray[np.float32], place: int | None) -> str:
    features = " ".join(f"{column}:{row[column]:.5g}" for column in np.flatnonzero(row))
    stood = "" if place is None else f" |p {place}"
    return f"|s {features} |i {_plain(item)}{stood}"


def _plain(item: str) -> str:
    """Return the id without what means something in Vowpal Wabbit's text format."""
    return item.translate(_MEANS_SOMETHING)
