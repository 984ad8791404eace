"""Counts over lists that were shown: clicks, click rates, and what the same visitors click."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.quality.contenders import Query, Shown
from recsys.events import ItemUpserted

#: Lists that the average item's click rate stands for, before an item has lists of its own.
PRIOR_LISTS: Final = 5.0


class ClickCount:
    """How often an item was clicked."""

    logits = False

    def __init__(self) -> None:
        self._clicked: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()
        self._knowledge_ms = 0

    def begin(self, label_delay_s: float) -> None:
        """Do nothing: what is counted is counted when it is told."""

    def describe(self, item: ItemUpserted) -> None:
        """Do nothing: only clicks count."""

    def score(self, query: Query) -> Sequence[float]:
        """Return the counts."""
        return [float(self._clicked[item]) for item in query.items]

    def observe(self, shown: Shown) -> None:
        """Do nothing: everybody is alike."""

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Count what was shown and clicked."""
        self._shown.update(shown.items)
        self._clicked.update(shown.clicked)
        self._knowledge_ms = shown.at_ms

    def knowledge_ms(self) -> int:
        """Return when the newest list counted was shown."""
        return self._knowledge_ms

    def configuration(self) -> dict[str, Any]:
        """Return nothing: there is nothing to configure."""
        return {}

    def state_sha256(self) -> str:
        """Return nothing: peers promise no state."""
        return ""


class ClickRate(ClickCount):
    """How often an item was clicked when it was shown, drawn to the average while it was shown rarely."""

    def score(self, query: Query) -> Sequence[float]:
        """Return the rates."""
        average = (self._clicked.total() + 1.0) / (self._shown.total() + 10.0)
        return [self._rate(item, average) for item in query.items]

    def configuration(self) -> dict[str, Any]:
        """Return the prior's weight."""
        return {"prior_lists": PRIOR_LISTS}

    def _rate(self, item: str, average: float) -> float:
        return (self._clicked[item] + PRIOR_LISTS * average) / (self._shown[item] + PRIOR_LISTS)


class CoClicks(ClickRate):
    """Click rate, times how much more often than by chance the visitor's own items are clicked together with it."""

    def __init__(self) -> None:
        super().__init__()
        self._own: dict[str, list[str]] = {}
        self._earlier: dict[str, list[str]] = {}
        self._together: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def score(self, query: Query) -> Sequence[float]:
        """Return the products; an item that was never clicked together with one of the visitor's counts as chance."""
        rates, own = super().score(query), self._own.get(query.visitor, [])
        return [rate * (1.0 + self._likeness(item, own)) for item, rate in zip(query.items, rates, strict=True)]

    def observe(self, shown: Shown) -> None:
        """Remember what the visitor clicked."""
        self._own.setdefault(shown.visitor, []).extend(shown.clicked)

    def learn(self, shown: Shown, at_ms: int) -> None:
        """Count pairs as well: of this list, and with the visitor's earlier ones."""
        super().learn(shown, at_ms)
        earlier = self._earlier.setdefault(shown.visitor, [])
        for item in shown.clicked:
            for other in earlier:
                if other != item:
                    self._together[item][other] += 1
                    self._together[other][item] += 1
            earlier.append(item)

    def _likeness(self, item: str, own: list[str]) -> float:
        """Return the mean cosine of the item with the visitor's, scaled so that a typical one is about 1."""
        clicks = self._clicked[item]
        if not own or not clicks:
            return 0.0
        together = self._together[item]
        cosines = [together[mine] / math.sqrt(clicks * max(self._clicked[mine], 1)) for mine in own]
        return 10.0 * sum(cosines) / len(cosines)
