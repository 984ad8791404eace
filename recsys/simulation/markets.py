"""The market of a site: what is known of its items, from the history that it began with."""

from pathlib import Path
from typing import Final

from recsys.datasets import movielens
from recsys.simulation.factors import fit, unknown
from recsys.simulation.market import Market

#: How much more eager visitors are where nothing is known of the items, so that they click about as much.
BLIND_EAGERNESS: Final = 3.0
_SESSION_GAP_S: Final = 1_800


def market_of(wheel: Path, seed: int, eagerness: float = 0.0) -> Market:
    """Return the market of MovieLens where its file lies, else one in which all items are the same. A second or two."""
    if not wheel.is_file():
        return Market(unknown(), seed, eagerness + BLIND_EAGERNESS)
    return Market(fit(movielens.read(wheel, _SESSION_GAP_S).events), seed, eagerness)
