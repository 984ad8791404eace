"""Generated data whose best possible answers are known, seeded: sessions over clusters of items, and a market.

*Sessions*: every item has successors, every cluster its favourites, people go back. The distribution of each next
item given the ones before is known exactly, and so is what the best predictor would reach. *Market*: items have a
quality and categories, visitors a taste for categories, and what stands lower on a list is clicked less.
"""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recsys.events import ItemUpserted

#: How a session goes on: back to one of its items, to a successor of the last, within its cluster, or anywhere.
RETURN: Final = 0.15
SUCCESSOR: Final = 0.4
CLUSTER: Final = 0.3
ANYWHERE: Final = 0.15
#: Shares of an item's successors.
SUCCESSORS: Final = np.array([0.55, 0.3, 0.15])
#: The n-th favourite of a cluster, and the n-th favourite cluster, are clicked in proportion to 1 / n^this.
ZIPF: Final = 0.8
#: Clicks of a session: at least 2, and another one with this chance.
ANOTHER: Final = 0.72
LONGEST: Final = 12

CATEGORIES: Final = ("anvils", "boats", "clocks", "drums", "easels", "forks")
#: Standard deviations, in logits: of the items' quality, and of tastes for a category.
QUALITY: Final = 0.7
TASTE: Final = 1.3
#: What an item loses in logits for each e-fold of 1 + its position.
POSITION: Final = 0.35
#: Log odds of a click on the average item at the top of a list, by the average visitor.
LEVEL: Final = -1.4
#: How much "none of these" weighs beside an item of utility 0, where one item at most is taken from a list.
NOTHING: Final = 6.0
#: Time between two events of the market.
STEP_MS: Final = 1_000
START_MS: Final = 1_700_000_000_000

Floats = NDArray[np.float64]


class Sessions:
    """Sessions over `clusters` clusters of `size` items each.

    A session's cluster is that of its first item, so nothing about it is hidden.
    """

    def __init__(self, clusters: int = 12, size: int = 25, seed: int = 1) -> None:
        self.items = clusters * size
        self._size = size
        self._random = np.random.default_rng(seed)
        favourites = np.arange(1, size + 1) ** -ZIPF
        self._within = favourites / favourites.sum()
        among = np.arange(1, clusters + 1) ** -ZIPF
        self._first = np.outer(among / among.sum(), self._within).ravel()
        self._successors = np.stack(
            [self._random.permutation(np.delete(self._of_cluster(item), item % size))[:3] for item in range(self.items)]
        )
        # Ids say nothing about what belongs together.
        self.names = [f"i{number}" for number in self._random.permutation(self.items)]
        self._rows = {name: row for row, name in enumerate(self.names)}

    def next_probabilities(self, earlier: list[str]) -> Floats:
        """Return how likely each item (in the order of `names`) comes next."""
        if not earlier:
            return self._first.copy()
        rows = [self._rows[name] for name in earlier]
        chances = ANYWHERE * self._first
        chances[self._of_cluster(rows[0])] += CLUSTER * self._within
        chances[self._successors[rows[-1]]] += SUCCESSOR * SUCCESSORS
        own = list(dict.fromkeys(rows))
        chances[own] += RETURN / len(own)
        return chances

    def draw(self, count: int) -> Iterator[list[str]]:
        """Yield the next sessions."""
        for _ in range(count):
            length = min(2 + self._random.geometric(1.0 - ANOTHER) - 1, LONGEST)
            session: list[str] = []
            for _ in range(length):
                session.append(self.names[self._random.choice(self.items, p=self.next_probabilities(session))])
            yield session

    def best(self, earlier: list[str], k: int) -> list[str]:
        """Return the `k` likeliest next items: nobody can predict better."""
        order = np.argsort(-self.next_probabilities(earlier), kind="stable")[:k]
        return [self.names[row] for row in order]

    def _of_cluster(self, item: int) -> NDArray[np.int64]:
        begin = item // self._size * self._size
        return np.arange(begin, begin + self._size)


def write_sessions(file: Path, sessions: list[list[str]]) -> None:
    """Write one session a line."""
    file.write_text("".join(f"{' '.join(session)}\n" for session in sessions))


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a taste: what each category adds to their utility, in logits."""

    name: str
    taste: Floats


class Market:
    """Items that visitors with tastes choose from.

    Parameters
    ----------
    items : int
    seed : int

    Attributes
    ----------
    items : list of ItemUpserted
        The catalogue; an item is known by its place here.
    """

    def __init__(self, items: int = 120, seed: int = 1) -> None:
        self._seed = seed
        random = np.random.default_rng(seed)
        self._quality = QUALITY * random.standard_normal(items)
        self._category = random.integers(len(CATEGORIES), size=items)
        self.items = [
            ItemUpserted(
                event_time_ms=START_MS, item=f"m{row}", title=f"Item {row}", categories=(CATEGORIES[category],)
            )
            for row, category in enumerate(self._category)
        ]

    def person(self, number: int) -> Person:
        """Return the visitor of this number; always the same one."""
        taste = np.random.default_rng((self._seed, number)).standard_normal(len(CATEGORIES))
        return Person(f"p{number}", TASTE * (taste - taste.mean()))

    def utilities(self, person: Person) -> Floats:
        """Return how much the visitor likes each item: log odds of a click at the top of a list."""
        utilities: Floats = LEVEL + self._quality + person.taste[self._category]
        return utilities

    def choice_probabilities(self, person: Person, shown: list[int]) -> Floats:
        """Return how likely each item of a list is the one clicked; what is missing to 1 is "none of these"."""
        weights = np.exp(self.utilities(person)[shown] - POSITION * np.log1p(np.arange(len(shown))))
        probabilities: Floats = weights / (NOTHING + weights.sum())
        return probabilities


def write_slates(file: Path, market: Market, visitors: int, lists: int, size: int, seed: int) -> dict[str, Floats]:
    """Write RankLens-shaped lines: `lists` random lists for each visitor, in turn; return the true utilities by list.

    Any number of items of a list may be clicked, each for itself.
    """
    random = np.random.default_rng(seed)
    lines: list[dict[str, Any]] = [
        {"event": "item", "item": item.item, "timestamp": str(START_MS), "fields": _fields(item)}
        for item in market.items
    ]
    truth = {}
    for number in range(visitors * lists):
        person = market.person(number % visitors)
        shown = random.choice(len(market.items), size, replace=False)
        utilities = market.utilities(person)[shown]
        seen = 1.0 / (1.0 + np.exp(POSITION * np.log1p(np.arange(size)) - utilities))
        about = {"session": person.name, "timestamp": str(START_MS + (number + 1) * 10 * STEP_MS)}
        items = [{"id": market.items[row].item} for row in shown]
        lines.append({"event": "ranking", "id": f"l{number}", "items": items, **about})
        for place in np.flatnonzero(random.random(size) < seen):
            click = {"item": market.items[shown[place]].item, "ranking": f"l{number}", "id": f"c{number}-{place}"}
            lines.append({"event": "interaction", "type": "click", **click, **about})
        truth[f"l{number}"] = utilities
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return truth


def _fields(item: ItemUpserted) -> list[dict[str, Any]]:
    return [{"name": "title", "value": item.title}, {"name": "genres", "value": list(item.categories)}]
