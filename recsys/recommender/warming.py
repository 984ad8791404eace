"""Compiling before the first visitor comes, not while they wait."""

from recsys import content_index
from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, Dismissal, Impression, ItemUpserted
from recsys.models import kernels
from recsys.recommender.recommender import Recommender
from recsys.retrieval.neighbours import NO_SERIAL, index_click
from recsys.world import World


def warm_up(config: EngineConfig) -> None:
    """Compile all that serving runs, or load it from Numba's cache, on a world of its own.

    Takes about a second with a cache and half a minute without; blocks.
    """
    kernels.warm_up()
    content_index.warm_up()
    world = World(config)
    for item in ("a", "b", "c"):
        row = world.upsert_item(ItemUpserted(event_time_ms=0, item=item, title=item, categories=("x",), tags=(item,)))
        index_click(world, index_click(world, NO_SERIAL, row + 1, row), row + 1, 0)
    recommender = Recommender(config, lambda: world, ManualClock(1))
    session = recommender.new_session("warm-up")
    recommender.observe(session, recommender.for_you(session).event("1", session.id, 0))
    for event in (
        Impression(event_time_ms=0, session=session.id, item="b", slate="1"),
        Click(event_time_ms=0, session=session.id, item="a", slate="1"),
        Dismissal(event_time_ms=0, session=session.id, item="c", slate="1"),
    ):
        recommender.observe(session, event)
    for slate in (
        recommender.for_you(session),
        recommender.trending(session),
        recommender.newest(session),
        recommender.category(session, "x"),
        recommender.neighbours(session, "a"),
        recommender.listed(session, "search", ["b"]),
    ):
        recommender.observe(session, slate.event(slate.surface, session.id, 0))
