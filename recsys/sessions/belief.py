"""How one session differs from everybody: a Gaussian over what to add to the world's weights.

In natural parameters what a session teaches is a sum of terms: an earlier session counts by adding it, counts
half by scaling it, and one choice is taken back by subtracting its term.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.layout import CONTEXT, CONTEXT_START, SIGNALS, TASTE_START, WIDTH
from recsys.models import kernels
from recsys.models.base import Design, Logits
from recsys.world import World

Floats = NDArray[np.float64]

#: How much sessions differ from each other in what they make of a signal: prior variance of the weight's delta.
SIGNAL_VARIANCE: Final = {
    "click_rate": 0.05,
    "popularity": 0.05,
    "trending": 0.05,
    "freshness": 0.05,
    "neighbours_forward": 0.25,
    "neighbours_backward": 0.25,
    "similarity_session": 0.25,
    "similarity_last": 0.25,
    "similarity_dismissed": 0.25,
    "passed_over": 0.25,
    "opened": 0.25,
}
#: The same for a taste: visitors differ most in what they like. Between 1 and 2 predicts the later ratings of
#: MovieLens sessions best, and turns a slate after two clicks.
TASTE_VARIANCE: Final = 2.0
#: The world's own doubt adds to it, up to this much: a young world must not make sessions jump.
WORLD_VARIANCE_LIMIT: Final = 0.5
#: How likely a list is to be clicked at all, before the session's own belief: the smaller, the more a click says
#: and the less passing over does.
CHOICE_PROBABILITY: Final = 0.15
#: The same for an item that is dismissed: the visitor said so, which is as loud as a click.
DISMISSED_PROBABILITY: Final = 1.0 - CHOICE_PROBABILITY

_BETWEEN_SESSIONS: Final = np.full(WIDTH, TASTE_VARIANCE)
_BETWEEN_SESSIONS[:CONTEXT_START] = [SIGNAL_VARIANCE[name] for name in SIGNALS]
_BETWEEN_SESSIONS[CONTEXT_START:TASTE_START] = 0.0


class Evidence(NamedTuple):
    """What one choice taught: to add to, or to subtract from, a belief."""

    information: Floats
    shift: Floats


def prior_variance(world: World) -> Floats:
    """Return the variance of each weight's delta before the session did anything, shape (WIDTH,).

    The context block is 0: how an item was shown says nothing about the visitor.
    """
    variance = _BETWEEN_SESSIONS + np.minimum(world.model.weight_variance(), WORLD_VARIANCE_LIMIT)
    variance[CONTEXT_START : CONTEXT_START + len(CONTEXT)] = 0.0
    return variance


class SessionBelief:
    """A Gaussian over the delta from the world's weights to the session's, diagonal, prior mean 0.

    Parameters
    ----------
    prior : float64 array of shape (WIDTH,)
        Variance before any evidence (`prior_variance`); 0 fixes a weight at the world's.
    """

    __slots__ = ("_information", "_mean", "_prior", "_shift", "_variance")

    def __init__(self, prior: Floats) -> None:
        self._prior = prior
        self._information = np.zeros_like(prior)
        self._shift = np.zeros_like(prior)
        self._refresh()

    def learn_choice(
        self, design: Design, chosen: int, base_logits: Logits, probability: float = CHOICE_PROBABILITY
    ) -> Evidence:
        """Learn that row `chosen` (or `NONE_OF_THESE`) was taken out of the rows of `design`.

        Parameters
        ----------
        design : float32 array of shape (n, WIDTH)
            The items that were open to choice, with their context.
        chosen : int
            Index of the row chosen, or `NONE_OF_THESE`.
        base_logits : float64 array of shape (n,)
            The world's score of each row.
        probability : float
            How likely anything at all is to be chosen before the session's own belief.

        Returns
        -------
        Evidence
            The term that was added; `forget` takes it back.

        Notes
        -----
        Of `base_logits` only the differences count. How often people click at all on such a list is learned by
        the world, slowly and per surface, and says nothing about this visitor's taste; with a level of its own,
        a session learns from a click on a surface that the world has never seen as from any other.
        """
        scores = _levelled(base_logits, probability) + kernels.linear_scores(design, self._mean)
        evidence = Evidence(*kernels.choice_evidence(design, scores, chosen, self._mean, self._variance))
        self._information += evidence.information
        self._shift += evidence.shift
        self._refresh()
        return evidence

    def forget(self, evidence: Evidence) -> None:
        """Take back a term that `learn_choice` added."""
        self._information -= evidence.information
        self._shift -= evidence.shift
        self._refresh()

    def discount(self, keep: float) -> None:
        """Keep only this share (0 to 1) of the evidence: what an earlier session is worth in the next."""
        self._information *= keep
        self._shift *= keep
        self._refresh()

    def prior(self) -> Floats:
        """Return the variance of each weight's delta before any evidence, shape (WIDTH,). Do not write to it."""
        return self._prior

    def delta_mean(self) -> Floats:
        """Return the expected delta of each weight, shape (WIDTH,). Do not write to it."""
        return self._mean

    def delta_variance(self) -> Floats:
        """Return the variance of each weight's delta, shape (WIDTH,). Do not write to it."""
        return self._variance

    def _refresh(self) -> None:
        # Not 1 / (1 / prior + information): a prior of 0 must stay 0. The bound absorbs rounding after `forget`.
        self._variance = self._prior / (1.0 + self._prior * np.maximum(self._information, 0.0))
        self._mean = self._variance * self._shift


def _levelled(logits: Logits, probability: float) -> Logits:
    """Return the logits, all moved so that something is chosen with this probability."""
    top = logits.max()
    total = top + np.log(np.sum(np.exp(logits - top)))
    levelled: Logits = logits + (np.log(probability / (1.0 - probability)) - total)
    return levelled
