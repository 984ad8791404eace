"""The engine without one of its parts, to see what that part is worth.

The engine has no switches for this. Every caller asks the module `recsys.features` for what it describes items by, so
a part is taken out there, from outside, by wrapping its two functions; it then is missing everywhere, in what is
served as in what is learned. Each contender has a process of its own, in which nothing else is measured.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from benchmarks.quality.freshet import EngineNextItem, EngineSlates
from recsys import features
from recsys.layout import AFFINITY, NETWORK, RETRACED, SIGNALS, STEPS, VOTES, WANTED

#: The columns of each part. Without "votes-apart", neighbours' votes are one number, not one for each kind.
PARTS: Final[dict[str, Sequence[int]]] = {
    "vectors": [SIGNALS.index(name) for name in AFFINITY],
    "network": [NETWORK],
    "votes-apart": [SIGNALS.index(name) for name in (*VOTES, *STEPS, "votes_before", "votes_after")],
    "retracing": [SIGNALS.index(name) for name in RETRACED],
    "transitions": [SIGNALS.index("transitions")],
    "taste": [SIGNALS.index("liking")],
    "appeal": [SIGNALS.index("appeal")],
    "beginnings": [SIGNALS.index("beginnings")],
    "entry": [SIGNALS.index(name) for name in WANTED],
}


def next_item(without: str) -> EngineNextItem:
    """Return the engine for predicting next items, and take the part out of this process."""
    take_out(PARTS[without])
    return EngineNextItem()


def slates(without: str) -> EngineSlates:
    """Return the engine for scoring lists, and take the part out of this process."""
    take_out(PARTS[without])
    return EngineSlates()


def take_out(columns: Sequence[int]) -> None:
    """Make these columns of all signals and design rows 0, for the rest of this process."""
    features.signals = _zeroed(features.signals, [column for column in columns if column < len(SIGNALS)])
    features.design = _zeroed(features.design, list(columns))


@contextlib.contextmanager
def left_out(columns: Sequence[int]) -> Iterator[None]:
    """Make these columns 0 for a while."""
    whole = features.signals, features.design
    take_out(columns)
    try:
        yield
    finally:
        features.signals, features.design = whole


def _zeroed(function: Any, columns: list[int]) -> Any:
    def without(*given: Any, **named: Any) -> Any:
        table = function(*given, **named)
        table[:, columns] = 0.0
        return table

    return without
