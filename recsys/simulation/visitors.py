"""What a simulated visitor does: looks at lists, opens things, reads, refuses, tires, leaves, and returns."""

import functools
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from recsys.simulation.market import OPENED, Floats, Market, seen_chances, tiredness

Kind = Literal["impression", "click", "dwell", "dismissal", "dismissal_undone"]

#: Median and spread (of the logarithm) of the time to look at a card, and to read about an item.
LOOK_MS: Final = 700.0
READ_MS: Final = 15_000.0
SPREAD: Final = 0.6
#: A card counts as seen after half a second.
SEEN_MS: Final = 500
SHORTEST_DWELL_MS: Final = 1_000
#: Chances: that the least wanted of what was seen is refused, that this is taken back, and that the visitor reads on.
REFUSE: Final = 0.04
UNDO: Final = 0.15
DWELL: Final = 0.2
#: Chances to leave after a list: at first, and more for each list before.
LEAVE: Final = 0.05
TIRE: Final = 0.005
#: Chance to change one's mind about what one wants within a visit, at each list.
MOOD: Final = 0.01
#: Chance to come back, and the mean time until then.
RETURN: Final = 0.4
AWAY_MS: Final = 36 * 3_600_000.0

#: Lists longer than this are not looked at to their end.
LONGEST: Final = 48
_SEEN: Final = seen_chances(LONGEST)


class Action(NamedTuple):
    """One thing done, `after_ms` after the one before it (the first: after the list was there)."""

    after_ms: int
    kind: Kind
    position: int
    dwell_ms: int = 0


class SimulatedVisit:
    """One visit of one visitor.

    Parameters
    ----------
    market : Market
        Whose visitor it is.
    number : int
        Of the visitor.
    visit : int
        How many visits they made before.

    Attributes
    ----------
    looks, clicks : int
        Lists looked at and items opened so far.
    """

    def __init__(self, market: Market, number: int, visit: int = 0) -> None:
        self.number, self.visit = number, visit
        self.looks = self.clicks = 0
        self._market = market
        self._opened: list[int] = []

    # What is large is made when the visit begins, so that those who will come back some day take no room.

    @functools.cached_property
    def _random(self) -> np.random.Generator:
        return np.random.default_rng((self._market.seed, self.number, self.visit + 1))

    @functools.cached_property
    def _utilities(self) -> Floats:
        return self._market.utilities(self._market.taste(self.number, self.visit))

    @property
    def session(self) -> str:
        """Name of the visit's session, unique within the market."""
        return f"sim-{self.number}-{self.visit}"

    @property
    def visitor(self) -> str:
        """Name of the visitor."""
        return f"sim-{self.number}"

    def look(self, items: Sequence[str]) -> list[Action]:
        """Look at a list once: what the visitor sees, and what they do about it; at most one click, after the rest."""
        items = items[:LONGEST]
        random = self._random
        if random.random() < MOOD:
            self._change_mood()
        places = self._market.places(items)
        seen = np.flatnonzero(random.random(len(items)) < _SEEN[: len(items)])
        gaps = LOOK_MS * np.exp(SPREAD * random.standard_normal(len(seen)))
        actions = [
            Action(int(gap) + (0 if looked else SEEN_MS), "impression", int(position))
            for looked, (position, gap) in enumerate(zip(seen.tolist(), gaps.tolist(), strict=True))
        ]
        wanted = self._utilities[places[seen]] - tiredness(self.looks)
        chosen = self._chosen(wanted)
        self.looks += 1
        if len(seen) and random.random() < REFUSE:
            actions += self._refusal(int(seen[wanted.argmin()]), None if chosen is None else int(seen[chosen]))
        if chosen is not None:
            actions += self._opening(int(seen[chosen]), int(places[seen[chosen]]))
        return actions

    def leaves(self) -> bool:
        """Return whether the visitor has had enough after this list."""
        return bool(self._random.random() < LEAVE + TIRE * self.looks)

    def returns_after_ms(self) -> int | None:
        """Return how long the visitor stays away, None for ever."""
        return None if self._random.random() >= RETURN else int(self._random.exponential(AWAY_MS))

    def pause_ms(self) -> int:
        """Return how long the visitor takes to ask for the next list."""
        return int(LOOK_MS * np.exp(SPREAD * self._random.standard_normal()))

    def _chosen(self, wanted: Floats) -> int | None:
        """Draw one of the items seen, or none: each is taken in proportion to its odds, leaving has odds of 1."""
        summed = np.cumsum(np.exp(wanted))
        total = 1.0 + (float(summed[-1]) if len(summed) else 0.0)
        chosen = int(np.searchsorted(summed, self._random.random() * total, side="right"))
        return chosen if chosen < len(summed) else None

    def _opening(self, position: int, place: int) -> list[Action]:
        self.clicks += 1
        # What the market does not know shares one place: opening one of these says nothing about the others.
        if place < len(self._utilities) - 1:
            self._opened.append(place)
            self._utilities[place] -= OPENED
        actions = [Action(self.pause_ms(), "click", position)]
        read_ms = int(READ_MS * np.exp(SPREAD * self._random.standard_normal()))
        if self._random.random() < DWELL and read_ms >= SHORTEST_DWELL_MS:
            actions.append(Action(read_ms, "dwell", position, read_ms))
        return actions

    def _refusal(self, position: int, chosen: int | None) -> list[Action]:
        if position == chosen:
            return []
        actions = [Action(self.pause_ms(), "dismissal", position)]
        if self._random.random() < UNDO:
            actions.append(Action(self.pause_ms(), "dismissal_undone", position))
        return actions

    def _change_mood(self) -> None:
        drawn = int(self._random.integers(2**31))
        self._utilities = self._market.utilities(self._market.taste(drawn))
        self._utilities[self._opened] -= OPENED
