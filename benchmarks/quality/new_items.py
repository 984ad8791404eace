"""New items: how soon those that deserve it stand where they belong, and what that costs everybody else.

Policies go on from one site before the same visitors in the same moods: the default, chance alone (nothing is done for
items that are hardly known), and one that waits until new items are found in another way. Several markets: from a
chance on their policies go different ways, so the market is the unit.

What an item deserves is known to the market: to be shown as often as it is on the best slates for these visitors. No
site gives its items all of that, as it does not know visitors so well. So its own old items are the measure: a new one
stands where it belongs in a part of the visits when it has at least `BELONGS` of the share of its deserved impressions
that old items that deserve any have together of theirs.
"""

import dataclasses
import itertools
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.generated import Market
from benchmarks.quality.ranking_metrics import interval
from benchmarks.quality.simulated_site import SLOTS, SimulatedSite, Step, learned, recommender_of
from recsys import ranking
from recsys.ranking import Slate
from recsys.recommender import Recommender
from recsys.retrieval.candidates import retrieve
from recsys.sessions import Session

#: Markets, items of each that are new, and visits after these entered.
MARKETS: Final = 10
NEW_ITEMS: Final = 40
VISITS: Final = 600
#: Parts of these visits that are reported.
PARTS: Final = 6
BELONGS: Final = 0.8

Figures = dict[str, Any]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class Waiting(Recommender):
    """Shows only what somebody has clicked: a policy that waits until new items are found in another way."""

    def for_you(self, session: Session, size: int | None = None) -> Slate:
        """Return the slate, from items with clicks that the session has not opened."""
        world = self._world()
        found = retrieve(world, session.known)
        clicked = world.rings["postings"][found.rows] > 0
        keep = clicked & ~np.isin(found.rows, list(session.context.opened))
        return ranking.rank(self._config, world, session, found.subset(keep), self._clock.now_ms(), size or SLOTS)


#: Kind of recommender, and what is changed in its configuration.
POLICIES: Final[dict[str, tuple[type[Recommender], dict[str, float]]]] = {
    "default": (Recommender, {}),
    "chance alone": (Recommender, {"curiosity": 0.0}),
    "waiting": (Waiting, {"exploration": 0.0}),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """Items of one market that deserve impressions, through the parts of one policy's visits.

    Attributes
    ----------
    new : bool array of shape (n,)
    shown, deserved : int64 arrays of shape (n, PARTS)
        Impressions, and those on the best slates.
    """

    new: NDArray[np.bool_]
    shown: Counts
    deserved: Counts

    def shares(self, *, new: bool) -> Floats:
        """Return the share of their deserved impressions that new or old items have, shape (PARTS,)."""
        chosen = self.new == new
        had = np.minimum(self.shown, self.deserved)[chosen].sum(axis=0)
        return had / np.maximum(self.deserved[chosen].sum(axis=0), 1)

    def stands(self) -> NDArray[np.bool_]:
        """Return which items stand where they belong in which part, shape (n, PARTS)."""
        return self.shown >= BELONGS * self.shares(new=False) * self.deserved


def measure(seed: int, items: int, earlier_visits: int, slates: int) -> Figures:
    """Return the figures of each policy over `MARKETS` markets, the first of this seed."""
    arrivals = [arrive(number, items, earlier_visits, slates) for number in range(seed, seed + MARKETS)]
    return {
        name: {
            "markets": len(arrivals),
            **_in_place([standing(arrival[name], items) for arrival in arrivals]),
            **{f"part {part + 1}": _compared(arrivals, name, [part]) for part in range(PARTS)},
            "all parts": _compared(arrivals, name, range(PARTS)),
        }
        for name in POLICIES
    }


def arrive(seed: int, items: int, earlier_visits: int, slates: int) -> dict[str, list[Step]]:
    """Let the last `NEW_ITEMS` of a market's items enter a site that has learned; return each policy's slates since."""
    before = learned(Market(items, seed), seed, range(items - NEW_ITEMS), earlier_visits, slates)
    before.enter(*range(items - NEW_ITEMS, items))
    visits = range(earlier_visits, earlier_visits + VISITS)
    return {name: _go_on(before.twin(), name, visits, slates) for name in POLICIES}


def standing(steps: Sequence[Step], items: int) -> Standing:
    """Return how the items stand that are on the best slates more often than the average item."""
    whole = Counter(item for step in steps for item in step.best)
    deserving = [item for item in range(items) if whole[item] >= whole.total() / items]
    shown = [Counter(item for step in part for item in step.shown) for part in _parts(steps)]
    best = [Counter(item for step in part for item in step.best) for part in _parts(steps)]
    return Standing(
        np.array(deserving) >= items - NEW_ITEMS,
        *(np.array([[part[item] for part in counts] for item in deserving]) for counts in (shown, best)),
    )


def _go_on(site: SimulatedSite, policy: str, visits: range, slates: int) -> list[Step]:
    kind, changed = POLICIES[policy]
    recommender = recommender_of(site, kind, **changed)
    return [step for number in visits for step in site.visit(number, slates, recommender=recommender)]


def _parts(steps: Sequence[Step]) -> list[Sequence[Step]]:
    cuts = [len(steps) * number // PARTS for number in range(PARTS + 1)]
    return [steps[begin:end] for begin, end in itertools.pairwise(cuts)]


def _in_place(standings: Sequence[Standing]) -> Figures:
    """Return how many new items stand where they belong, part by part, and what it takes until they first do."""
    parts, impressions = list[int](), list[int]()
    for found in standings:
        for shown, stands in zip(found.shown[found.new], found.stands()[found.new], strict=True):
            if stands.any():
                parts.append(int(stands.argmax()) + 1)
                impressions.append(int(shown[: parts[-1]].sum()))
    deserving = sum(int(found.new.sum()) for found in standings)
    return {
        "deserving_new_items": deserving,
        "ever_in_place": len(parts),
        "median_parts_until_in_place": _median_of(deserving, parts),
        "median_impressions_until_in_place": _median_of(deserving, impressions),
        **_by_part("new", [(found.stands()[found.new], found.shares(new=True)) for found in standings]),
        **_by_part("old", [(found.stands()[~found.new], found.shares(new=False)) for found in standings]),
    }


def _by_part(age: str, found: Sequence[tuple[NDArray[np.bool_], Floats]]) -> Figures:
    """Return the share of items that stand where they belong, and the share of deserved impressions that they have."""
    in_place = np.concatenate([stands for stands, _ in found]).mean(axis=0)
    shares = np.mean([shares for _, shares in found], axis=0)
    return {f"{age}_in_place": _rounded(in_place), f"{age}_share_of_deserved": _rounded(shares)}


def _median_of(count: int, reached: Sequence[int]) -> int | None:
    """Return the median of so many items, of which those that are not among `reached` come last; None for these."""
    place = (count - 1) // 2
    return sorted(reached)[place] if place < len(reached) else None


def _compared(arrivals: Sequence[dict[str, list[Step]]], policy: str, parts: Iterable[int]) -> Figures:
    """Return the quality of a policy's slates in some parts, and its regret per 1,000 slates beside waiting."""
    steps, differences = list[Step](), list[float]()
    for arrival in arrivals:
        own, waiting = (
            [step for part in parts for step in _parts(arrival[name])[part]] for name in (policy, "waiting")
        )
        steps += own
        differences.append(_regret_per_1000(own) - _regret_per_1000(waiting))
    markets = np.arange(len(arrivals), dtype=np.int32)
    return {
        "hit_rate": round(statistics.fmean(step.hit_rate for step in steps), 4),
        "click_through": round(statistics.fmean(step.click_through for step in steps), 4),
        "regret_per_1000": round(_regret_per_1000(steps), 1),
        "to_waiting": round(statistics.fmean(differences), 1),
        "to_waiting_95": [round(bound, 1) for bound in interval(np.array(differences), markets)],
        "markets_with_less": sum(difference < 0 for difference in differences),
    }


def _regret_per_1000(steps: Sequence[Step]) -> float:
    return 1_000.0 * statistics.fmean(step.possible - step.click_through for step in steps)


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]
