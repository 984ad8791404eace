"""The candidates of one slate: the whole catalogue while it is small, else a union of sources."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.retrieval import content, fresh, neighbours, trending
from recsys.retrieval.top import positive_top_rows
from recsys.sessions import SessionContext
from recsys.world import World

Rows = NDArray[np.int64]

#: Most recent clicks that content neighbours are looked up for.
CONTENT_CLICKS: Final = 3


def candidates(world: World, context: SessionContext, now_ms: int) -> Rows:
    """Return the available rows worth ranking for this session, ascending; empty only with an empty catalogue.

    All of them up to ``config.whole_catalogue_up_to`` items, else at most ``config.candidates`` (`retrieve`).
    """
    if len(world.items) <= world.config.whole_catalogue_up_to:
        return np.flatnonzero(world.items["available"])
    return retrieve(world, context, now_ms, world.config.candidates)


def retrieve(world: World, context: SessionContext, now_ms: int, limit: int) -> Rows:
    """Return at most `limit` available rows, ascending: the sources take turns, each with its best not yet taken.

    Session neighbours and content likeness come first, trending and fresh items fill what they leave, so a
    session without clicks gets the latter alone.
    """
    sources: list[Rows] = []
    if context.clicked:
        sources.append(_neighbours(world, context, limit))
        sources.extend(content.similar(world, row, limit) for row in context.clicked[: -CONTENT_CLICKS - 1 : -1])
    sources.append(trending.top(world, limit, now_ms))
    sources.append(fresh.newest(world, limit))
    return _by_turns(sources, limit)


def _neighbours(world: World, context: SessionContext, k: int) -> Rows:
    found = neighbours.votes(world, context.clicked)
    total = np.where(world.items["available"], found.forward + found.backward, 0.0)
    return positive_top_rows(total, k)


def _by_turns(sources: Sequence[Rows], limit: int) -> Rows:
    """Return the first `limit` distinct rows of the sources read side by side, ascending."""
    rows = np.concatenate(sources)
    ranks = np.concatenate([np.arange(len(source)) for source in sources])
    in_turn = rows[np.argsort(ranks, kind="stable")]
    _, first = np.unique(in_turn, return_index=True)
    return np.sort(in_turn[np.sort(first)[:limit]])
