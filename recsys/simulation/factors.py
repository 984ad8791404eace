"""What visitors of a recorded history like, as a few factors."""

import dataclasses
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DatasetError
from recsys.events import Click, Event, Impression

#: Sessions that saw fewer items say too little of a taste to be anybody's.
LEAST_SEEN: Final = 15

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True)
class Factors:
    """Items and tastes of a history.

    Attributes
    ----------
    items : tuple of str
        Item ids, in the order of the rows below.
    vectors : float64 array of shape (items, k)
        What an item is.
    tastes : float64 array of shape (sessions, k)
        What the history's sessions like: ``vectors @ taste`` has a standard deviation of 1 over all of both.
    appeal : float64 array of shape (items,)
        Log odds that the item is liked where it is seen, as far as the history can tell; 0 on average.
    fame : float64 array of shape (items,)
        Logarithm of how often it was seen; mean 0, standard deviation 1.
    """

    items: tuple[str, ...]
    vectors: Floats
    tastes: Floats
    appeal: Floats
    fame: Floats


def fit(events: Iterable[Event], k: int = 16) -> Factors:
    """Fit factors to what each session saw and clicked: the singular vectors of what an item's own appeal leaves open.

    Takes a second for MovieLens 100K; time and memory grow with sessions times items.

    Raises
    ------
    DatasetError
        When fewer than `k` sessions saw enough to have a taste.
    """
    seen, clicked = _seen_and_clicked(events)
    items = tuple(sorted({item for table in seen.values() for item in table}))
    told = [session for session, table in seen.items() if len(table) >= LEAST_SEEN]
    if len(told) < k:
        raise DatasetError(
            f"expected {k} or more sessions that saw {LEAST_SEEN} or more items, received {len(told)}: "
            "tastes need a history with impressions and clicks"
        )
    places = {item: place for place, item in enumerate(items)}
    shown, liked = np.zeros((len(told), len(items))), np.zeros((len(told), len(items)))
    for row, session in enumerate(told):
        shown[row, [places[item] for item in seen[session]]] = 1.0
        liked[row, [places[item] for item in clicked.get(session, ())]] = 1.0
    views, clicks = shown.sum(axis=0), (shown * liked).sum(axis=0)
    appeal = np.log((clicks + 2.0) / (views - clicks + 2.0))
    vectors, tastes = _decomposed(shown * (liked - (clicks + 2.0) / (views + 4.0)), k)
    fame = np.log1p(views)
    return Factors(items, vectors, tastes, appeal - appeal.mean(), (fame - fame.mean()) / max(float(fame.std()), 1e-9))


def _seen_and_clicked(events: Iterable[Event]) -> tuple[dict[str, dict[str, None]], dict[str, dict[str, None]]]:
    seen: dict[str, dict[str, None]] = {}
    clicked: dict[str, dict[str, None]] = {}
    for event in events:
        if isinstance(event, (Impression, Click)):
            seen.setdefault(event.session, {})[event.item] = None
        if isinstance(event, Click):
            clicked.setdefault(event.session, {})[event.item] = None
    return seen, clicked


def _decomposed(residual: Floats, k: int) -> tuple[Floats, Floats]:
    """Return item vectors and tastes; a vector's largest component is positive, so that signs are no matter of luck."""
    # By the sessions' products with each other: that takes a tenth of a whole decomposition.
    squares, left = np.linalg.eigh(residual @ residual.T)
    singular = np.sqrt(np.maximum(squares[::-1][:k], 1e-12))
    left = left[:, ::-1][:, :k]
    vectors, tastes = residual.T @ left / singular, left * singular
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    vectors, tastes = vectors * signs, tastes * signs
    return vectors, tastes / max(float((tastes @ vectors.T).std()), 1e-9)


def unknown() -> Factors:
    """Return factors of nothing: every item is an average one, and all visitors want the same."""
    nothing = np.zeros(0)
    return Factors((), np.zeros((0, 1)), np.zeros((1, 1)), nothing, nothing)
