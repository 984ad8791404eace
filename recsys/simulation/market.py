"""Ground truth: what each simulated visitor wants, and how likely they click what in a list."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.simulation.factors import Factors

#: Log odds against leaving the list of a click on an average item, for whoever sees it.
LEVEL: Final = -4.6
#: How much weighs, in logits: one standard deviation of taste, of fame, and a logit of the item's own appeal.
TASTE: Final = 1.5
FAME: Final = 0.4
APPEAL: Final = 0.5
#: A visitor's taste is a recorded one with this share of noise; on a return it is another one with this chance.
INDIVIDUAL: Final = 0.3
SHIFT: Final = 0.2
#: An item at position p is seen with the chance (1 + p) ** -POSITION.
POSITION: Final = 0.2
#: What a visitor's lists lose in logits: for each list before, and at most.
FATIGUE: Final = 0.04
TIREDEST: Final = 1.2
#: What was opened is wanted less by that much.
OPENED: Final = 4.0

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class Market:
    """Items, and visitors by number: the same number and seed is the same visitor in every process.

    Parameters
    ----------
    factors : Factors
    seed : int
    eagerness : float
        Logits added to every item: how much more is clicked than by ordinary visitors.
    """

    def __init__(self, factors: Factors, seed: int, eagerness: float = 0.0) -> None:
        self.factors = factors
        self.seed = seed
        self._level = LEVEL + eagerness
        self._places = {item: place for place, item in enumerate(factors.items)}
        self._general = self._level + FAME * factors.fame + APPEAL * factors.appeal
        self._spread = factors.tastes.std(axis=0)

    def places(self, items: Iterable[str]) -> Places:
        """Return where items stand in `utilities`; those that the history does not know share the last place."""
        return np.array([self._places.get(item, len(self._places)) for item in items], dtype=np.int64)

    def taste(self, number: int, visit: int = 0) -> Floats:
        """Return the taste of a visitor on their visit of that number (from 0), shape (k,)."""
        random = np.random.default_rng((self.seed, number))
        taste = self._drawn(random)
        for _ in range(visit):
            taste = self._drawn(random) if random.random() < SHIFT else taste
        return taste

    def utilities(self, taste: Floats) -> Floats:
        """Return the log odds of a click on each item against leaving, for whoever sees it, and of an unknown one."""
        return np.append(self._general + TASTE * (self.factors.vectors @ taste), self._level)

    def _drawn(self, random: np.random.Generator) -> Floats:
        recorded = self.factors.tastes[random.integers(len(self.factors.tastes))]
        drawn: Floats = recorded + INDIVIDUAL * self._spread * random.standard_normal(len(recorded))
        return drawn


def seen_chances(size: int) -> Floats:
    """Return how likely each position of a list is looked at, shape (size,)."""
    chances: Floats = np.arange(1.0, size + 1.0) ** -POSITION
    return chances


def tiredness(looks: int) -> float:
    """Return what a list loses in logits after so many others."""
    return min(FATIGUE * looks, TIREDEST)


def click_through(utilities: Floats, places: Sequence[int] | Places, fatigue: float = 0.0) -> float:
    """Return how likely a list is clicked by a visitor who sees all of it."""
    total = float(np.exp(utilities[places] - fatigue).sum())
    return total / (1.0 + total)
