"""What a world believes, for people to read: each weight and each item's appeal, with how sure that is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import statistics
from recsys.layout import NUMBER_START, NUMBERS, TASTE_START, column_names
from recsys.models import appeal
from recsys.offsets import Offset
from recsys.retrieval import voting
from recsys.world import ITEM_RING, SESSION_RING, World

Floats = NDArray[np.float64]


class Portrait(NamedTuple):
    """A world's beliefs, small enough to keep.

    Attributes
    ----------
    offset : Offset
        What is folded into it.
    weights : list of str
        Names of the design columns in use (`recsys.layout.column_names`).
    mean, deviation : float64 array of shape (len(weights),)
        Posterior mean and standard deviation of each; the deviation is 0 where the model keeps no uncertainty.
    items : list of str
        Item ids by world row.
    titles : list of str
    appeal, appeal_deviation : float64 array of shape (len(items),)
        Of each item's own appeal, in logits.
    """

    offset: Offset
    weights: list[str]
    mean: Floats
    deviation: Floats
    items: list[str]
    titles: list[str]
    appeal: Floats
    appeal_deviation: Floats


def portrait(world: World) -> Portrait:
    """Return what the world believes. Reads only."""
    names = column_names(world.tastes, world.number_names)
    used = _places_in_use(world)
    mean, variance = item_appeals(world)
    return Portrait(
        offset=world.offset,
        weights=[names[place] for place in used],
        mean=world.model.weight_mean()[used],
        deviation=np.sqrt(world.model.weight_variance()[used]),
        items=[item.item for item in world.catalogue],
        titles=[item.title for item in world.catalogue],
        appeal=mean,
        appeal_deviation=np.sqrt(variance),
    )


def item_appeals(world: World) -> tuple[Floats, Floats]:
    """Return mean and variance of each item's appeal at the world's own time, by row."""
    items = world.items
    return appeal.beliefs(
        world.now_ms,
        items["appeal_information"],
        items["appeal_shift"],
        items["appealed_ms"],
        statistics.fading(world),
    )


class TasteBelief(NamedTuple):
    """What the world believes of one taste that an item has: the weight's mean and deviation, and the item's share."""

    name: str
    share: float
    mean: float
    deviation: float


class ItemBelief(NamedTuple):
    """What the world believes of one item, at the world's own time.

    Attributes
    ----------
    appeal, appeal_deviation : float
        In logits.
    impressions, clicks, recent_clicks : float
        Faded by their half-lives.
    rank : int or None
        Place among the items with the most faded clicks, from 1; None where it is not among those that are kept.
    tastes : list of TasteBelief
        Of the tastes that the item has, the largest share first.
    """

    appeal: float
    appeal_deviation: float
    impressions: float
    clicks: float
    recent_clicks: float
    rank: int | None
    tastes: list[TasteBelief]


def item_belief(world: World, row: int) -> ItemBelief:
    """Return what the world believes of an item. Reads only."""
    items, config = world.items, world.config
    mean, variance = item_appeals(world)
    age_s = max(world.now_ms - int(items["counted_ms"][row]), 0) / 1_000
    kept, kept_recent = (
        0.5 ** (age_s / half_life_s) for half_life_s in (config.popularity_half_life_s, config.trending_half_life_s)
    )
    place = np.flatnonzero(world.popular == row)
    return ItemBelief(
        appeal=float(mean[row]),
        appeal_deviation=float(variance[row]) ** 0.5,
        impressions=float(items["impressions"][row]) * kept,
        clicks=float(items["clicks"][row]) * kept,
        recent_clicks=float(items["recent_clicks"][row]) * kept_recent,
        rank=int(place[0]) + 1 if len(place) else None,
        tastes=_taste_beliefs(world, row),
    )


class Beside(NamedTuple):
    """An item's row, and in how many remembered sessions it was clicked beside another."""

    row: int
    sessions: int


def clicked_beside(world: World, row: int, k: int) -> tuple[int, list[Beside]]:
    """Return how many remembered sessions clicked an item, and what else they clicked most, ties by row."""
    noted = world.rings["ring"][row, : min(world.rings["postings"][row], ITEM_RING)].tolist()
    serials = np.array([voting.serial_of(one, world.serial) for one in noted], dtype=np.int64)
    slots = serials[world.serial - serials <= SESSION_RING] % SESSION_RING
    clicked = world.sessions["clicked"][slots]
    clicked = clicked[np.any(clicked == row, axis=1)]
    rows, counts = np.unique(clicked[(clicked >= 0) & (clicked != row)], return_counts=True)
    order = np.lexsort((rows, -counts))[:k]
    return len(clicked), [Beside(int(rows[place]), int(counts[place])) for place in order]


def _taste_beliefs(world: World, row: int) -> list[TasteBelief]:
    mean, variance = world.model.weight_mean(), world.model.weight_variance()
    shares = world.contents["taste"][row, : len(world.tastes)]
    found = [
        TasteBelief(
            name=world.tastes[column],
            share=float(shares[column]),
            mean=float(mean[TASTE_START + column]),
            deviation=float(variance[TASTE_START + column]) ** 0.5,
        )
        for column in np.flatnonzero(shares).tolist()
    ]
    return sorted(found, key=lambda taste: (-taste.share, taste.name))


def _places_in_use(world: World) -> list[int]:
    """Return the columns that have a meaning: tastes and numbers come into use with the catalogue."""
    numbers = range(NUMBER_START, NUMBER_START + 1 + len(world.number_names))
    squares = range(numbers.start + NUMBERS, numbers.stop + NUMBERS)
    return [*range(NUMBER_START), *numbers, *squares, *range(TASTE_START, TASTE_START + len(world.tastes))]
