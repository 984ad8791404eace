"""Why an item is on the slate: what it was drawn by, taken apart, honestly and to the last digit.

A score is a sum over columns of value x weight, and the weights are the world's plus the session's. Columns are
grouped into parts; what a model computes beyond its linear weights is the part "other", so parts always add up. The
draw adds what the slots above make of the item, and chance.
"""

import dataclasses
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.layout import (
    AFFINITY,
    CONTEXT,
    NUMBER_START,
    OPENED,
    POPULARITY,
    RETRACED,
    SIGNALS,
    SIMILARITY,
    STEPS,
    TASTE_START,
    VOTES,
    WANTED,
    WIDTH,
)
from recsys.ranking.scoring import Scored, column_means
from recsys.retrieval import content, neighbours
from recsys.retrieval.top import positive_top_rows
from recsys.sessions import Session
from recsys.world import World

Part = Literal["popular", "new", "neighbours", "session", "taste"]

#: Parts of a score that can be a reason. "popular" is what everybody likes, the world's liking of a taste
#: included, and what those like who come the same way;
#: "neighbours" is what sessions like this one clicked, by votes, counts and learned vectors; "session" is what the
#: session did before, and likeness to what it clicked, dismissed or passed over; "taste" is what this visitor's belief
#: adds to a taste. The network, which mixes them all, is "other".
_REASONS: Final[tuple[Part, ...]] = ("popular", "new", "neighbours", "session", "taste")
PARTS: Final = (*_REASONS, "other")
_OTHER: Final = len(_REASONS)
_PART_OF_SIGNAL: Final[dict[str, Part]] = {
    **dict.fromkeys((*POPULARITY, "clicks", "beginnings", "appeal", *WANTED), "popular"),
    "freshness": "new",
    **dict.fromkeys((*VOTES, *STEPS, "votes", "votes_before", "votes_after", "transitions", *AFFINITY), "neighbours"),
    **dict.fromkeys((*OPENED, *RETRACED, *SIMILARITY, "passed_over"), "session"),
    "liking": "taste",
}
_TASTE: Final = PARTS.index("taste")
#: Part of each column under the world's weights, and under the session's.
_WORLD_PART: Final = np.array(
    [PARTS.index(_PART_OF_SIGNAL.get(name, "other")) for name in SIGNALS]
    + [_OTHER] * (1 + len(CONTEXT))
    + [PARTS.index("popular")] * (WIDTH - NUMBER_START)
)
_SESSION_PART: Final = np.where(np.arange(WIDTH) < TASTE_START, _WORLD_PART, _TASTE)
#: What the draw adds to a score, for the slot that the item got.
DRAWN: Final = ("repeats", "lacks", "chance")
#: Names that a reason gives at most.
NAMES: Final = 2


class Reason(msgspec.Struct, frozen=True, gc=False):
    """The largest thing that set an item apart from the average candidate.

    Attributes
    ----------
    kind : str
        A part of the score, or ``"explored"`` where the draw preferred it to a better one.
    because : tuple of str
        Item ids for ``session`` and ``neighbours``, taste names for ``taste``, else empty.
    contribution : float
        That part's logits above the average candidate's; 0 for ``explored``.
    """

    kind: Part | Literal["explored"]
    because: tuple[str, ...]
    contribution: float


@dataclasses.dataclass(frozen=True, slots=True)
class Strengths:
    """What each slot's item was drawn by, in logits above the score of the average candidate.

    Attributes
    ----------
    average : float
        The score of the average candidate, which no order depends on.
    parts : float64 array of shape (n, len(PARTS))
        Each part of the score, less the average candidate's; a row sums to the item's score less `average`.
    drawn : float64 array of shape (n, len(DRAWN))
        What likeness to the slots above took (0 or less), what they lacked gave, and what chance gave or took.
    """

    average: float
    parts: NDArray[np.float64]
    drawn: NDArray[np.float64]

    def contributions(self, slot: int) -> dict[str, float]:
        """Return what each of `PARTS` and `DRAWN` adds in a slot; the sum is what the item won the slot with."""
        return dict(zip((*PARTS, *DRAWN), [*self.parts[slot].tolist(), *self.drawn[slot].tolist()], strict=True))


def explain(
    world: World, session: Session, scored: Scored, picked: NDArray[np.int64], explored: NDArray[np.bool_]
) -> tuple[tuple[Reason, ...], NDArray[np.float64]]:
    """Return a reason for each candidate in `picked`, and the parts of its score above the average candidate's."""
    if not len(picked):
        return (), np.empty((0, len(PARTS)))
    average = column_means(scored.design)
    parts = _parts(
        world,
        session,
        np.vstack([scored.design[picked], average]),
        np.append(scored.scores[picked], scored.scores.mean()),
    )
    leads = parts[:-1] - parts[-1]
    largest = leads[:, : len(_REASONS)].argmax(axis=1)
    reasons: list[Reason] = [Reason("explored", (), 0.0)] * len(picked)
    for number, kind in enumerate(_REASONS):
        slots = np.flatnonzero((largest == number) & ~explored)
        if not len(slots):
            continue
        because = _because(kind, world, session, scored.rows[picked[slots]])
        for slot, names in zip(slots.tolist(), because, strict=True):
            reasons[slot] = Reason(kind, names, float(leads[slot, number]))
    return tuple(reasons), leads


def _parts(
    world: World, session: Session, design: NDArray[np.floating], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the scores taken apart, shape (n, len(PARTS))."""
    weights = np.zeros((WIDTH, len(PARTS)))
    weights[np.arange(WIDTH), _WORLD_PART] = world.model.weight_mean()
    if session.adaptive:
        weights[np.arange(WIDTH), _SESSION_PART] += session.belief.delta_mean()
    parts: NDArray[np.float64] = design @ weights[: design.shape[1]]
    parts[:, _OTHER] = scores - parts[:, :_OTHER].sum(axis=1)
    return parts


def _because(kind: Part, world: World, session: Session, rows: NDArray[np.int64]) -> list[tuple[str, ...]]:
    """Return the names behind a part of each row's score, most important first."""
    if kind in ("popular", "new"):
        return [()] * len(rows)
    if kind == "taste":
        liking = world.contents["taste"][rows] * session.belief.delta_mean()[TASTE_START:]
        return [_largest(shares, world.tastes) for shares in liking]
    clicked = session.context.clicked[::-1]
    names = [world.catalogue[row].item for row in clicked]
    if kind == "neighbours":
        shares_of_clicks = neighbours.vote_shares(world, session.context, rows)
    else:
        vectors = world.contents["content"]
        shares_of_clicks = content.cosines(vectors, rows, vectors[clicked]).astype(np.float64)
    return [_largest(shares, names) for shares in shares_of_clicks]


def _largest(shares: NDArray[np.float64], names: list[str]) -> tuple[str, ...]:
    """Return the names of the largest positive shares, ties in the order given."""
    return tuple(names[i] for i in positive_top_rows(shares[: len(names)], NAMES).tolist())
