"""The first slate, with and without what is known when a visit begins.

Visitors of a generated market want what they want for themselves, and more or less of each category by when, from
where, on which page and with what device they come: with the engine's own classes, whose effects it does not know. In a
second market those differ in nothing, and knowing them must not cost anything.
"""

import statistics
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any, Final

import numpy as np

from benchmarks.quality.ablations import PARTS, left_out
from benchmarks.quality.generated import CATEGORIES, Market, Person
from benchmarks.quality.simulated_site import SLOTS, SimulatedSite, Step
from recsys.events import SessionBegan
from recsys.layout import ENTRY
from recsys.models.entries import CLASSES, class_of, hour_class

#: Items of the market; visits that are learned from, slates of each, and visitors that are new after that.
ITEMS: Final = 160
VISITS: Final = 1_000
SLATES: Final = 3
NEW_VISITORS: Final = 300
#: Time from one visit to the next: two weeks in all.
APART_MS: Final = 20 * 60_000
#: How much the classes of each factor differ in what they want: standard deviation in logits, by market.
DIFFER: Final = {"wants differ by entry": 0.7, "wants do not": 0.0}
#: What the engine is told.
KNOWN: Final = ("nothing", "time of day", "all of it")

Figures = dict[str, Any]


class EntryMarket(Market):
    """A market whose visitors want more or less of each category by how they come.

    Parameters
    ----------
    items, seed : int
    differ : float
        `DIFFER`.
    """

    def __init__(self, items: int, seed: int, differ: float) -> None:
        super().__init__(items, seed)
        self._seed = seed
        self._wants = differ * np.random.default_rng((seed, CLASSES)).standard_normal((CLASSES, len(CATEGORIES)))

    def began(self, number: int, at_ms: int) -> SessionBegan:
        """Return how the visit of this number comes."""
        random = np.random.default_rng((self._seed, number, CLASSES))
        said = {factor: str(random.choice(classes)) for factor, classes in ENTRY.items() if factor != "hour"}
        return SessionBegan(event_time_ms=at_ms, session=f"visit-{number}", **said)

    def visitor(self, number: int, event: SessionBegan) -> Person:
        """Return who comes so."""
        person = self.person(number)
        return Person(person.name, person.taste + self._wanted(event))

    def typical(self, event: SessionBegan) -> Person:
        """Return somebody without a taste of their own who comes so: all that can be known."""
        return Person("typical", self._wanted(event))

    def _wanted(self, event: SessionBegan) -> np.ndarray:
        named = [class_of(factor, getattr(event, factor)) for factor in ENTRY if factor != "hour"]
        classes = [hour_class(event.event_time_ms), *(one for one in named if one is not None)]
        wanted: np.ndarray = self._wants[classes].sum(axis=0)
        return wanted


def measure(seed: int) -> Figures:
    """Return hit rate and click-through of first slates, by market and by what the engine was told."""
    return {
        market: {known: _first_slates(EntryMarket(ITEMS, seed, differ), seed, known) for known in KNOWN}
        | {"the market itself": _possible(EntryMarket(ITEMS, seed, differ))}
        for market, differ in DIFFER.items()
    }


def _first_slates(market: EntryMarket, seed: int, known: str) -> Figures:
    with left_out(PARTS["entry"]) if known == "nothing" else nullcontext():
        site = SimulatedSite(market, seed)
        site.enter(*range(len(market.items)))
        for number in range(VISITS):
            for _ in _visit(site, market, number, SLATES, known):
                pass
        steps = [
            step
            for number in range(VISITS, VISITS + NEW_VISITORS)
            for step in _visit(site, market, number, 1, known, learn=False)
        ]
    return _means(steps)


def _visit(
    site: SimulatedSite, market: EntryMarket, number: int, slates: int, known: str, *, learn: bool = True
) -> Iterator[Step]:
    start_ms = market.items[0].event_time_ms
    site.now_ms = start_ms + (number + 1) * APART_MS
    event = market.began(number, site.now_ms)
    site.engine.clock.set(site.now_ms)
    session = site.engine.recommender.new_session(event.session)
    if known == "all of it":
        site.tell(session, [event], learn=learn)
    yield from site.visit(number, slates, session=session, person=market.visitor(number, event), learn=learn)


def _possible(market: EntryMarket) -> Figures:
    """Return what slates would reach that were made by the market's own odds for somebody who comes so."""
    chances = []
    for number in range(VISITS, VISITS + NEW_VISITORS):
        event = market.began(number, market.items[0].event_time_ms + (number + 1) * APART_MS)
        best = np.argsort(-market.utilities(market.typical(event)), kind="stable")[:SLOTS].tolist()
        person = market.visitor(number, event)
        weights = np.exp(market.utilities(person))
        chances.append((weights[best].sum() / weights.sum(), market.choice_probabilities(person, best).sum()))
    return {
        "slates": len(chances),
        "hit_rate": _mean(c for c, _ in chances),
        "click_through": _mean(c for _, c in chances),
    }


def _means(steps: list[Step]) -> Figures:
    return {
        "slates": len(steps),
        "hit_rate": _mean(step.hit_rate for step in steps),
        "click_through": _mean(step.click_through for step in steps),
    }


def _mean(values: Iterable[float]) -> float:
    return round(float(statistics.fmean(values)), 4)
