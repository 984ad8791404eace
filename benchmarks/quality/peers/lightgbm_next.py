"""LightGBM's LambdaMART over the engine's candidates and features, retrained in event time on its latest choices."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.freshet import EngineNextItem, overhear, without_context
from benchmarks.quality.peers.lightgbm_ranker import PARAMETERS, TREES
from recsys import features
from recsys.events import Event
from recsys.examples import Example
from recsys.models.base import NONE_OF_THESE

#: Choices that it is trained on, the latest ones: about 120 candidates each.
CHOICES: Final = 2_000

Table = NDArray[np.float32]


class LambdaMARTNextItem:
    """Ranks what the engine retrieves; each choice that the engine learns becomes a list with the one that was clicked.

    Parameters
    ----------
    refit_s : int
        Log time between trainings, once the training part is over.
    """

    def __init__(self, refit_s: int) -> None:
        self._engine = EngineNextItem()
        self._refit_ms = 1_000 * refit_s
        self._fitted_ms: int | None = None
        self._fits = 0
        self._knowledge_ms = 0
        self._choices: deque[tuple[Table, int]] = deque(maxlen=CHOICES)
        self._model: Any = None
        overhear(self._note)

    def learn(self, event: Event) -> None:
        """Let the engine learn, and train again when it is time."""
        self._engine.learn(event)
        if self._fitted_ms is not None and event.event_time_ms - self._fitted_ms >= self._refit_ms:
            self._fit(event.event_time_ms)

    def trained(self, at_ms: int) -> None:
        """Train on what there is, and again from now on."""
        self._fit(at_ms)

    def observe(self, event: Event) -> None:
        """Tell the engine: features know the session's own past at once."""
        self._engine.observe(event)

    def end(self, session: str) -> None:
        """Tell the engine."""
        self._engine.end(session)

    def recommend(self, session: str, at_ms: int, k: int, *, repeats: bool) -> Sequence[str]:
        """Return the candidates by the trees' sums; by the engine's own score before the first training."""
        scored = self._engine.candidates(session, at_ms)
        scores = scored.scores
        if self._model is not None:
            scores = self._model.predict(without_context(scored.design), num_threads=1)
        left_out = () if repeats else self._engine.session(session).context.opened
        best = scored.rows[np.argsort(-np.asarray(scores), kind="stable")].tolist()
        catalogue = self._engine.learner.world.catalogue
        return [catalogue[row].item for row in best if row not in left_out][:k]

    def knowledge_ms(self) -> int:
        """Return when the newest click that the trees have learned was made."""
        return self._knowledge_ms

    def configuration(self) -> dict[str, Any]:
        """Return the parameters, and how often it was trained."""
        parameters = {"refit_s": self._refit_ms // 1_000, "fits": self._fits, "trees": TREES, "choices": CHOICES}
        return {"features": self._engine.configuration()["digest"]} | parameters | PARAMETERS

    def state_sha256(self) -> str:
        """Return nothing: peers promise no state."""
        return ""

    def _note(self, example: Example) -> None:
        """Keep a choice as the engine is about to learn it; what was alone, or not clicked, ranks before nothing."""
        if example.chosen != NONE_OF_THESE and len(example.rows) > 1:
            design = features.design(self._engine.learner.world, example.rows, example.signals, None, None)
            self._choices.append((without_context(design), example.chosen))

    def _fit(self, at_ms: int) -> None:
        self._fitted_ms, self._knowledge_ms = at_ms, self._engine.knowledge_ms()
        if not self._choices:
            return
        labels = [np.arange(len(table)) == chosen for table, chosen in self._choices]
        data = lightgbm.Dataset(
            np.concatenate([table for table, _ in self._choices]),
            label=np.concatenate(labels).astype(np.float32),
            group=[len(label) for label in labels],
        )
        self._model = lightgbm.train(PARAMETERS, data, num_boost_round=TREES)
        self._fits += 1
