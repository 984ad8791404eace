"""From candidates to a slate: score all, draw the slots, say why (`scoring`, `drawing`, `reasons`)."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import features
from recsys.config import EngineConfig
from recsys.layout import SIGNALS
from recsys.ranking import drawing
from recsys.ranking.reasons import DRAWN, PARTS, Reason, Strengths, explain
from recsys.ranking.scoring import Scored, doubt, score
from recsys.ranking.slate import Slate
from recsys.retrieval.neighbours import Votes
from recsys.retrieval.top import top_unordered
from recsys.retrieval.unproven import deviations
from recsys.sessions import Session
from recsys.world import World

__all__ = ["DRAWN", "PARTS", "Reason", "Scored", "Slate", "Strengths", "fixed", "rank", "score"]

Rows = NDArray[np.int64]

_NOTHING: Final[Rows] = np.empty(0, dtype=np.int64)
_PASSED_OVER: Final = SIGNALS.index("passed_over")


def rank(
    config: EngineConfig,
    world: World,
    session: Session,
    found: Votes,
    now_ms: int,
    size: int,
    surface: str = "for_you",
    tried: Rows = _NOTHING,
) -> Slate:
    """Return a slate of up to `size` items drawn from what retrieval found.

    Parameters
    ----------
    config : EngineConfig
        `exploration`, `curiosity`, `diversity`, `calibration` and `seed` are read.
    world, session
        Only read. The same session, world and time give the same slate.
    found : Votes
        Distinct candidates, and the neighbours' votes for them; equal scores are served in this order.
    now_ms : int
        Time at which signals are computed.
    size : int
        Slots; fewer where there are fewer candidates.
    surface : str
        One of `recsys.events.SURFACES`.
    tried : int64 array
        Rows of unproven items to try out on this session, as far as they are among those found.
    """
    rows = found.rows
    scored = score(world, session, rows, now_ms, found)
    pool = top_unordered(scored.scores, max(drawing.POOL, size))
    drawn = drawing.draw(
        scored.scores[pool],
        world.contents["content"],
        rows[pool],
        size,
        config.exploration * doubt(session, scored.design[pool]),
        config.diversity,
        drawing.noise_key(config.seed, session.id),
        _mixture(config, world, session),
        _lent(config, world, scored, pool, tried),
    )
    picked = pool[drawn.picks]
    # Two of the best that change places are no exploration: that takes an item that its score did not bring here.
    best = np.zeros(len(rows), dtype=np.bool_)
    best[top_unordered(scored.scores, size)] = True
    explored = drawn.explored & ~best[picked]
    reasons, parts = explain(world, session, scored, picked, explored)
    return _slate(
        world,
        surface,
        rows[picked],
        propensities=drawn.propensities,
        scores=scored.scores[picked],
        explored=explored,
        signals=scored.signals[picked],
        reasons=reasons,
        strengths=Strengths(
            average=float(scored.scores.mean()) if len(rows) else 0.0,
            parts=parts,
            drawn=np.column_stack((-drawn.repeats, drawn.lacks, drawn.chance)),
        ),
    )


def _lent(config: EngineConfig, world: World, scored: Scored, pool: Rows, tried: Rows) -> NDArray[np.float64]:
    """Return what each candidate in `pool` is lent. What the visitor passed over is not tried on them again."""
    if not len(tried):
        return np.zeros(len(pool))
    unsure = deviations(world, scored.rows[pool], tried)
    asked = (unsure > 0.0) & (scored.signals[pool, _PASSED_OVER] <= 0.0)
    return np.where(asked, unsure + config.curiosity, 0.0)


def _mixture(config: EngineConfig, world: World, session: Session) -> drawing.Mixture:
    """Return what the session's clicks are made of; one click counts for half of a slate, each further one for more."""
    taste, clicked = world.contents["taste"], session.known.clicked
    if not clicked:
        return drawing.Mixture(taste, np.empty(0), config.calibration)
    shares = taste[clicked, : len(world.tastes)].mean(axis=0, dtype=np.float64)
    return drawing.Mixture(taste, shares * (len(clicked) / (len(clicked) + 1.0)), config.calibration)


def fixed(
    world: World, session: Session, surface: str, lists: Sequence[Sequence[int] | Rows], now_ms: int
) -> list[Slate]:
    """Return a slate of exactly the rows of each list, in that order: each stands there with probability 1.

    None is scored; the signals of a row that is on several lists are computed once.
    """
    ordered = [np.asarray(rows, dtype=np.int64) for rows in lists]
    distinct = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *ordered]))
    signals = features.signals(world, session.known, distinct, now_ms)
    return [
        _slate(
            world,
            surface,
            rows,
            propensities=np.ones(len(rows)),
            scores=np.empty(0),
            explored=np.zeros(len(rows), dtype=np.bool_),
            signals=signals[np.searchsorted(distinct, rows)],
        )
        for rows in ordered
    ]


def _slate(
    world: World,
    surface: str,
    rows: Rows,
    *,
    propensities: NDArray[np.float64],
    scores: NDArray[np.float64],
    explored: NDArray[np.bool_],
    signals: NDArray[np.float32],
    reasons: tuple[Reason, ...] = (),
    strengths: Strengths | None = None,
) -> Slate:
    return Slate(
        surface=surface,
        rows=tuple(rows.tolist()),
        items=tuple(world.catalogue[row].item for row in rows.tolist()),
        propensities=tuple(propensities.tolist()),
        scores=tuple(scores.tolist()),
        explored=tuple(explored.tolist()),
        signals=signals,
        version=world.offset,
        reasons=reasons,
        strengths=strengths,
    )
