"""What a world believes, for people to read: each weight and each item's appeal, with how sure that is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import statistics
from recsys.layout import NUMBER_START, NUMBERS, TASTE_START, column_names
from recsys.models import appeal
from recsys.offsets import Offset
from recsys.world import World

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


def _places_in_use(world: World) -> list[int]:
    """Return the columns that have a meaning: tastes and numbers come into use with the catalogue."""
    numbers = range(NUMBER_START, NUMBER_START + 1 + len(world.number_names))
    squares = range(numbers.start + NUMBERS, numbers.stop + NUMBERS)
    return [*range(NUMBER_START), *numbers, *squares, *range(TASTE_START, TASTE_START + len(world.tastes))]
