"""How the engine begins: with a new visitor, a new item, an empty catalogue, and somebody who comes back.

Visitors and items are generated (`generated.Market`), so how likely each slate was to be clicked, and how likely the
best one, is known; the engine knows neither. Figures are means of these odds, not counts of drawn clicks.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.quality import entries, new_items
from benchmarks.quality.generated import Market
from benchmarks.quality.ranking_metrics import concentration
from benchmarks.quality.simulated_site import SLOTS, SimulatedSite, Step, learned, recommender_of
from recsys import ranking
from recsys.events import Event
from recsys.ranking import Slate
from recsys.recommender import Recommender
from recsys.sessions import Session

#: Visits that the world has learned from before something new comes, and slates of each.
EARLIER_VISITS: Final = 500
SLATES: Final = 6
#: New visitors, each up to this many clicks.
NEW_VISITORS: Final = 200
CLICKS: Final = 10
ITEMS: Final = 160
#: Visits of a site that starts with nothing, how many of them pass before its first item, and the parts reported.
FIRST_VISITS: Final = 1_000
WITHOUT_ITEMS: Final = 3
PARTS: Final = ((0, 100), (100, 200), (200, 500), (500, 1_000))

Figures = dict[str, Any]


def measure(seed: int) -> Figures:
    """Return all figures of the cold starts. Takes some minutes; deterministic for a seed."""
    market = Market(ITEMS, seed)
    whole = learned(market, seed, range(len(market.items)), EARLIER_VISITS)
    return {
        "task": "cold-start",
        "seed": seed,
        "items": ITEMS,
        "earlier_visits": EARLIER_VISITS,
        "new_visitor": new_visitor(whole),
        "first_slate": entries.measure(seed),
        "returning_visitor": returning_visitor(whole),
        "exploring": exploring(whole),
        "new_item": new_items.measure(seed, ITEMS, EARLIER_VISITS, SLATES),
        "new_everything": new_everything(market, seed),
    }


# -- a new visitor, and one who comes back -----------------------------------------------------------------------


def new_visitor(site: SimulatedSite) -> Figures:
    """Return hit rate and click-through by the number of clicks before, on the world's slate and the session's own."""
    found: Figures = {}
    for name, adaptive in (("world only", False), ("session", True)):
        steps: list[Step] = []
        for number in _fresh_numbers():
            session = site.engine.recommender.new_session(f"visit-{number}", adaptive=adaptive)
            steps.extend(site.visit(number, 4 * CLICKS, clicks=CLICKS, session=session, learn=False))
        found[name] = by_clicks(steps, CLICKS)
    return found


def returning_visitor(site: SimulatedSite) -> Figures:
    """Return the same for visitors who were here twice before: with what they did then, and without."""
    found: Figures = {"fresh": [], "with earlier sessions": []}
    for number in _fresh_numbers():
        person, earlier = site.market.person(number), []
        for visit in (1, 2):
            told: list[Event] = []
            for _ in site.visit(visit * 1_000_000 + number, SLATES, learn=False, told=told, person=person):
                pass
            earlier.append(told)
        for name, past in (("fresh", []), ("with earlier sessions", earlier)):
            session = site.engine.recommender.rebuild(f"visit-{number}", (), earlier=past)
            found[name].extend(site.visit(number, 2 * CLICKS, clicks=CLICKS // 2, session=session, learn=False))
    return {name: by_clicks(steps, CLICKS // 2) for name, steps in found.items()}


def by_clicks(steps: Sequence[Step], most: int) -> Figures:
    """Return the means by number of clicks before."""
    return {
        str(clicks): _means([step for step in steps if step.clicks == clicks])
        for clicks in range(most + 1)
        if any(step.clicks == clicks for step in steps)
    }


def _fresh_numbers() -> range:
    return range(2 * EARLIER_VISITS, 2 * EARLIER_VISITS + NEW_VISITORS)


def _means(steps: Sequence[Step]) -> Figures:
    return {
        "slates": len(steps),
        "hit_rate": _mean(step.hit_rate for step in steps),
        "click_through": _mean(step.click_through for step in steps),
        "possible": _mean(step.possible for step in steps),
    }


def _mean(values: Iterable[float]) -> float:
    return round(statistics.fmean(values), 4)


# -- what exploring costs ----------------------------------------------------------------------------------------


def exploring(site: SimulatedSite) -> Figures:
    """Return quality, coverage and concentration of the slates: with the default, without curiosity, with nothing."""
    found: Figures = {}
    for name, changed in (("default", {}), ("chance alone", {"curiosity": 0.0}), ("none", {"exploration": 0.0})):
        steps: list[Step] = []
        recommender = recommender_of(site, **changed)
        for number in _fresh_numbers():
            steps.extend(site.visit(number, SLATES, recommender=recommender, learn=False))
        shown = Counter(item for step in steps for item in step.shown)
        spread = concentration(shown.values(), len(site.entered))
        found[name] = {**_means(steps), **_renamed(spread)}
    return found


def _renamed(spread: dict[str, float]) -> Figures:
    return {name.replace("coverage_at_20", "coverage"): value for name, value in spread.items()}


# -- new everything ----------------------------------------------------------------------------------------------


class MostClicked(Recommender):
    """What the engine is held against: what most sessions clicked so far, the newest first among equals."""

    def for_you(self, session: Session, size: int | None = None) -> Slate:
        """Return the slate, without what the session has opened."""
        world = self._world()
        rows = np.flatnonzero(world.items["available"])
        rows = rows[~np.isin(rows, list(session.context.opened))]
        ordered = rows[np.lexsort((-rows, -world.rings["postings"][rows]))]
        return ranking.fixed(world, session, "for_you", [ordered[: size or SLOTS]], self._clock.now_ms())[0]


def new_everything(market: Market, seed: int) -> Figures:
    """Return how a site without items, visitors or knowledge does in its first visits, beside popularity."""
    found: Figures = {}
    for name, kind in (("freshet", Recommender), ("most clicked", MostClicked)):
        site = SimulatedSite(market, seed)
        recommender = recommender_of(site, kind)
        visits = []
        for number in range(FIRST_VISITS):
            if number >= WITHOUT_ITEMS and len(site.entered) < len(market.items):
                site.enter(len(site.entered))
            visits.append(list(site.visit(number, SLATES, recommender=recommender)))
        found[name] = {
            "slates": sum(map(len, visits)),
            "empty_slates": sum(not step.shown for steps in visits[WITHOUT_ITEMS:] for step in steps),
            **{
                f"visits {begin + 1} to {end}": _means([step for steps in visits[begin:end] for step in steps])
                for begin, end in PARTS
            },
        }
    return found
