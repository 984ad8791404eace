"""The engine's own slates before visitors of a generated market, whose click on each list is drawn with known odds.

Everything goes the way of the site: `Recommender.for_you`, the event of the slate, impressions, clicks, the session's
`observe`, and the learner's fold. Only visitors, clock and log are made up.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.freshet import Engine
from benchmarks.quality.generated import START_MS, Market, Person
from recsys.events import Click, Event, Impression
from recsys.recommender import Recommender
from recsys.sessions import Session

#: Slots of a slate; the default configuration's.
SLOTS: Final = 12
#: Between two slates of a visit.
STEP_MS: Final = 5_000
#: Chance that a visit begins with a search: a click on an item that no slate offered.
SEARCH: Final = 0.1

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One slate before its visitor.

    Attributes
    ----------
    clicks : int
        Clicks of the session before.
    shown : tuple of int
        Items of the market, by their places.
    clicked : int or None
        Which of them was clicked.
    click_through : float
        How likely the slate was to be clicked, as the market knows it.
    possible : float
        The same for the best slate that there was.
    hit_rate : float
        How likely that what the visitor would have taken out of the whole catalogue was on it.
    best : tuple of int
        The best slate.
    """

    clicks: int
    shown: tuple[int, ...]
    clicked: int | None
    click_through: float
    possible: float
    hit_rate: float
    best: tuple[int, ...]


class SimulatedSite:
    """One engine, one market, and the time of day.

    Parameters
    ----------
    market : Market
    seed : int
        Draws clicks; each visit has draws of its own, so policies meet the same visitors in the same moods.
    """

    def __init__(self, market: Market, seed: int) -> None:
        self.market = market
        self.engine = Engine()
        self.entered: list[int] = []
        self.now_ms = START_MS
        self._seed = seed
        self._places = {item.item: place for place, item in enumerate(market.items)}

    def enter(self, *items: int) -> None:
        """Let items enter the catalogue."""
        for item in items:
            self.engine.fold(msgspec.structs.replace(self.market.items[item], event_time_ms=self.now_ms), self.now_ms)
            self.entered.append(item)

    def twin(self) -> "SimulatedSite":
        """Return another site that goes on from here by itself, restored from this one's snapshot."""
        twin = SimulatedSite(self.market, self._seed)
        twin.engine.resume(self.engine)
        twin.entered, twin.now_ms = list(self.entered), self.now_ms
        return twin

    def visit(
        self,
        number: int,
        slates: int,
        *,
        clicks: int | None = None,
        session: Session | None = None,
        recommender: Recommender | None = None,
        person: Person | None = None,
        learn: bool = True,
        told: list[Event] | None = None,
    ) -> Iterator[Step]:
        """Yield the slates of one visit.

        Parameters
        ----------
        number : int
            Of the visit: names its session and its visitor, and seeds its draws.
        slates : int
            How many are looked at.
        clicks : int, optional
            After how many clicks the visitor leaves, having looked at one more slate.
        session, recommender, person : optional
            A new session, the engine's own recommender and the visitor of this number unless given.
        learn : bool
            Whether the world learns from the visit.
        told : list, optional
            Takes the session's events.
        """
        random = np.random.default_rng((self._seed, number))
        person, recommender = person or self.market.person(number), recommender or self.engine.recommender
        self.engine.clock.set(self.now_ms)
        session = session or recommender.new_session(f"visit-{number}")
        done, opened = 0, set[int]()
        if random.random() < SEARCH and self.entered:
            found = self._wanted(person, opened, random)
            self.tell(session, [self._event(Click, session, found)], told, learn=learn)
            opened.add(found)
            done += 1
        for count in range(slates):
            self.now_ms += STEP_MS
            self.engine.clock.set(self.now_ms)
            slate = recommender.for_you(session, SLOTS)
            shown = [self._places[item] for item in slate.items]
            clicked = self._choose(person, shown, random)
            yield self._step(person, done, shown, clicked, opened)
            name = f"{number}-{count}"
            events: list[Event] = [slate.event(name, session.id, self.now_ms)]
            events += [
                self._event(Impression, session, item, slate=name, position=place) for place, item in enumerate(shown)
            ]
            if clicked is not None:
                events.append(self._event(Click, session, clicked, slate=name, position=shown.index(clicked)))
                opened.add(clicked)
            self.tell(session, events, told, learn=learn)
            if clicked is not None and clicks is not None and done >= clicks:
                return
            done += clicked is not None

    def tell(
        self, session: Session, events: Sequence[Event], told: list[Event] | None = None, *, learn: bool = True
    ) -> None:
        """Let the session, and where it is to `learn` the world, take in what happened; `told` takes it as well."""
        for event in events:
            self.engine.recommender.observe(session, event)
            if learn:
                self.engine.fold(event, self.now_ms)
        if told is not None:
            told.extend(events)

    def _event(self, kind: type[Any], session: Session, item: int, **where: Any) -> Event:
        event: Event = kind(event_time_ms=self.now_ms, session=session.id, item=self.market.items[item].item, **where)
        return event

    def _choose(self, person: Person, shown: list[int], random: np.random.Generator) -> int | None:
        if not shown:
            return None
        summed = np.cumsum(self.market.choice_probabilities(person, shown))
        place = int(np.searchsorted(summed, random.random(), side="right"))
        return shown[place] if place < len(shown) else None

    def _wanted(self, person: Person, opened: set[int], random: np.random.Generator) -> int:
        items = np.array([item for item in self.entered if item not in opened])
        weights = np.exp(self.market.utilities(person)[items])
        return int(random.choice(items, p=weights / weights.sum()))

    def _step(self, person: Person, done: int, shown: list[int], clicked: int | None, opened: set[int]) -> Step:
        utilities = self.market.utilities(person)
        open_now = np.array([item for item in self.entered if item not in opened] or self.entered, dtype=np.int64)
        best = open_now[np.argsort(-utilities[open_now], kind="stable")][:SLOTS].tolist()
        weights = np.exp(utilities)
        return Step(
            clicks=done,
            shown=tuple(shown),
            clicked=clicked,
            click_through=float(self.market.choice_probabilities(person, shown).sum()),
            possible=float(self.market.choice_probabilities(person, best).sum()),
            hit_rate=float(weights[shown].sum() / weights[open_now].sum()) if len(open_now) else 0.0,
            best=tuple(best),
        )


def learned(market: Market, seed: int, items: Iterable[int], visits: int, slates: int = 6) -> SimulatedSite:
    """Return a site with these items that has learned from so many visits of so many slates."""
    site = SimulatedSite(market, seed)
    site.enter(*items)
    for number in range(visits):
        for _ in site.visit(number, slates):
            pass
    return site


def recommender_of(site: SimulatedSite, kind: type[Recommender] = Recommender, **changed: float) -> Recommender:
    """Return another recommender for a site, with another configuration."""
    config = dataclasses.replace(site.engine.config, **changed)
    return kind(config, lambda: site.engine.learner.world, site.engine.clock)
