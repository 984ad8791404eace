"""River's recommenders. They learn ratings, so a click is a 1 and an item drawn at random beside it a 0.

`predict_one` creates state for users it does not know, and `rank` is a Python loop over a set of all items; so items
are ranked here by River's own weights, kept as a matrix, which gives the same scores.
"""

import random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from river import optim, reco

from benchmarks.quality.peers.base import ClickPeer, Floats
from recsys.events import Click, Event

SEED: Final = 20_240_229
FACTORS: Final = 16
RATE: Final = 0.05


class _River(ClickPeer):
    """Base: learns pairs of session and item with River's model."""

    def __init__(self, model: Any, factors: int) -> None:
        super().__init__()
        self._model = model
        self._factors = factors
        self._random = random.Random(SEED)
        self._biases = np.zeros(1_024)
        self._latents = np.zeros((1_024, factors))

    def configuration(self) -> dict[str, Any]:
        """Return the model's parameters."""
        return {"rate": RATE, "factors": self._factors, "negatives": 1, "seed": SEED}

    def observe(self, event: Event) -> None:
        """Move the session's own weights; those of the item, and the mean, are put back."""
        super().observe(event)
        if isinstance(event, Click) and event.item in self.rows:
            row = self.rows[event.item]
            mean = self._model.global_mean.clone(include_attributes=True)
            self._model.learn_one(user=_own(event.session), item=row, y=1.0)
            self._model.global_mean = mean
            self._put_back(row)

    def end(self, session: str) -> None:
        """Forget the session's own weights."""
        super().end(session)
        self._model.u_biases.pop(_own(session), None)
        if self._factors:
            self._model.u_latents.pop(_own(session), None)

    def _learn(self, event: Click, row: int, earlier: list[int]) -> None:
        while row >= len(self._biases):
            self._biases = np.concatenate([self._biases, np.zeros_like(self._biases)])
            self._latents = np.concatenate([self._latents, np.zeros_like(self._latents)])
        negative = self._random.randrange(len(self.items))
        self._model.learn_one(user=event.session, item=row, y=1.0)
        if negative != row:
            self._model.learn_one(user=event.session, item=negative, y=0.0)
        for changed in (row, negative):
            if changed in self._model.i_biases:
                self._biases[changed] = self._model.i_biases[changed]
                if self._factors:
                    self._latents[changed] = self._model.i_latents[changed]
        self._knowledge_ms = event.event_time_ms

    def _put_back(self, row: int) -> None:
        self._model.i_biases[row] = float(self._biases[row])
        if self._factors:
            self._model.i_latents[row] = self._latents[row].copy()

    def _scores(self, session: str, own: list[int], at_ms: int) -> tuple[NDArray[np.int64], Floats]:
        size = len(self.items)
        scores = self._biases[:size]
        if self._factors and _own(session) in self._model.u_latents:
            scores = scores + self._latents[:size] @ self._model.u_latents[_own(session)]
        return np.arange(size), scores


class RiverBaseline(_River):
    """`river.reco.Baseline`: a bias for each item and each session; orders items alike for everybody."""

    def __init__(self) -> None:
        super().__init__(reco.Baseline(optimizer=optim.SGD(RATE), seed=SEED), factors=0)


class RiverBiasedMF(_River):
    """`river.reco.BiasedMF`: biases and factors."""

    def __init__(self) -> None:
        super().__init__(
            reco.BiasedMF(
                n_factors=FACTORS, bias_optimizer=optim.SGD(RATE), latent_optimizer=optim.SGD(RATE), seed=SEED
            ),
            factors=FACTORS,
        )


def _own(session: str) -> str:
    """Return the name under which the session's own weights stand, apart from what the world learned of it."""
    return f"own {session}"
