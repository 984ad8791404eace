"""Why films are there, as HTML: one element for each, whose address and words are safe whatever the catalogue says."""

import html
import re

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, ItemUpserted
from recsys.recommender import Recommender
from recsys.world import World
from webapp.feed.lens.whys import why_list

IDS = ("plain", 'a&"b/c', "x<y>")


def test_each_film_has_its_own_safe_element() -> None:
    config, world = EngineConfig(), World(EngineConfig())
    for item in (*IDS, "opened"):
        world.upsert_item(ItemUpserted(event_time_ms=0, item=item, title=f"<i>{item}</i>", categories=("x",)))
    recommender = Recommender(config, lambda: world, ManualClock(1))
    session = recommender.new_session("s")
    recommender.observe(session, Click(event_time_ms=1, session="s", item="opened"))
    slate = recommender.for_you(session)
    listed = str(why_list(slate, world, "/lens/why/?slate=1&item="))
    assert [html.unescape(at) for at in re.findall(r'<li data-why="([^"]+)"', listed)] == list(slate.items)
    assert sorted(slate.items) == sorted(IDS)
    assert "<i>" not in listed
    assert listed.count('"/lens/why/?slate=1&amp;item=a%26%22b%2Fc"') == 2


def test_what_was_not_ranked_has_no_reasons() -> None:
    world = World(EngineConfig())
    recommender = Recommender(EngineConfig(), lambda: world, ManualClock(1))
    assert not why_list(recommender.newest(recommender.new_session("s")), world, "/")
