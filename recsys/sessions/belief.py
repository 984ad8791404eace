"""How one session differs from everybody: a Gaussian over what to add to the world's weights.

In natural parameters what a session teaches is a sum of terms: an earlier session counts by adding it, counts
half by scaling it, and one choice is taken back by subtracting its term.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.compiled import compiled
from recsys.models import kernels
from recsys.models.base import NONE_OF_THESE, Design, Logits
from recsys.models.product import times_vector
from recsys.world import World

Floats = NDArray[np.float64]

#: The world's own doubt adds to it, up to this much: a young world must not make sessions jump.
WORLD_VARIANCE_LIMIT: Final = 0.5
#: How likely a list is to be clicked at all, before the session's own belief. A click is a choice among what was seen:
#: with less, sessions would learn from it that clicks are likelier than expected, of which every weight takes a part.
CLICKED_PROBABILITY: Final = 0.9
#: The same for a list that was left: passing over says less than choosing.
LEFT_PROBABILITY: Final = 0.15
#: The same for a click of a history, where only those who clicked are known.
HISTORY_PROBABILITY: Final = 0.999
#: The same for an item that is dismissed: the visitor said so, which is as loud as a click.
DISMISSED_PROBABILITY: Final = 0.85


class Evidence(NamedTuple):
    """What one choice taught: to add to, or to subtract from, a belief."""

    information: Floats
    shift: Floats


def prior_variance(world: World) -> Floats:
    """Return the variance of each weight's delta before the session did anything, shape (WIDTH,).

    How much sessions differ in it, as learned from all, plus the world's own doubt. The context block is 0: how an
    item was shown says nothing about the visitor.
    """
    differ = world.spread.variance()
    doubt = np.minimum(world.model.weight_variance(), WORLD_VARIANCE_LIMIT)
    return np.where(differ > 0.0, differ + doubt, 0.0)


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
        self, design: Design, chosen: int, base_logits: Logits, probability: float | None = None
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
        probability : float, optional
            How likely anything at all is to be chosen before the session's own belief; by default
            `CLICKED_PROBABILITY` or `LEFT_PROBABILITY`.

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
        if probability is None:
            probability = LEFT_PROBABILITY if chosen == NONE_OF_THESE else CLICKED_PROBABILITY
        evidence = Evidence(*_evidence(design, chosen, base_logits, probability, self._mean, self._variance))
        self._add(evidence, 1.0)
        return evidence

    def forget(self, evidence: Evidence) -> None:
        """Take back a term that `learn_choice` added."""
        self._add(evidence, -1.0)

    def discount(self, keep: float) -> None:
        """Keep only this share (0 to 1) of the evidence: what an earlier session is worth in the next."""
        self._information *= keep
        self._shift *= keep
        self._refresh()

    def logits(self, design: Design) -> Logits:
        """Return what the session adds to the world's score of each row, shape (n,)."""
        return times_vector(design, self._mean[: design.shape[1]])

    def information(self) -> Floats:
        """Return the evidence's precision, shape (WIDTH,). Do not write to it."""
        return self._information

    def prior(self) -> Floats:
        """Return the variance of each weight's delta before any evidence, shape (WIDTH,). Do not write to it."""
        return self._prior

    def delta_mean(self) -> Floats:
        """Return the expected delta of each weight, shape (WIDTH,). Do not write to it."""
        return self._mean

    def delta_variance(self) -> Floats:
        """Return the variance of each weight's delta, shape (WIDTH,). Do not write to it."""
        return self._variance

    def to_state(self) -> bytes:
        """Return prior and evidence for a snapshot."""
        return np.concatenate([self._prior, self._information, self._shift]).astype("<f8").tobytes()

    @classmethod
    def from_state(cls, state: bytes) -> "SessionBelief":
        """Return the belief that `to_state` described."""
        prior, information, shift = np.frombuffer(state, dtype="<f8").reshape(3, -1)
        belief = cls(np.array(prior))
        belief._information[:] = information
        belief._shift[:] = shift
        belief._refresh()
        return belief

    def _add(self, evidence: Evidence, times: float) -> None:
        _accumulate(self._information, self._shift, evidence.information, evidence.shift, times)
        self._refresh()

    def _refresh(self) -> None:
        self._mean, self._variance = _posterior(self._prior, self._information, self._shift)


@compiled
def _accumulate(information: Floats, shift: Floats, more_information: Floats, more_shift: Floats, times: float) -> None:
    """Add a term of evidence, which may be shorter, in place."""
    for j in range(more_shift.shape[0]):
        information[j] += times * more_information[j]
        shift[j] += times * more_shift[j]


@compiled
def _posterior(prior: Floats, information: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of each weight's delta."""
    mean, variance = np.empty(prior.shape[0]), np.empty(prior.shape[0])
    for j in range(prior.shape[0]):
        # Not 1 / (1 / prior + information): a prior of 0 must stay 0. The bound absorbs rounding after `forget`.
        variance[j] = prior[j] / (1.0 + prior[j] * max(information[j], 0.0))
        mean[j] = variance[j] * shift[j]
    return mean, variance


@compiled
def _evidence(
    design: Design, chosen: int, base_logits: Logits, probability: float, mean: Floats, variance: Floats
) -> tuple[Floats, Floats]:
    """Return what a choice teaches where, before the session's own belief, something is chosen with `probability`."""
    top = base_logits.max()
    total = top + np.log(np.sum(kernels.exponentials(base_logits, top)))
    level = np.log(probability / (1.0 - probability)) - total
    width = design.shape[1]
    scores = base_logits + level + times_vector(design, mean[:width])
    return kernels.choice_evidence(design, scores, chosen, mean[:width], variance[:width])
