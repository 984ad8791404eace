"""The line over the slate says what carried its first items."""

import pytest

from recsys.config import EngineConfig
from recsys.events import ItemUpserted
from recsys.ranking import Reason
from recsys.world import World
from webapp.feed.reasons import FIRST, why


@pytest.fixture(scope="module")
def world() -> World:
    world = World(EngineConfig())
    for item, title in (("1", "Alien"), ("2", "Tom & Jerry")):
        world.upsert_item(ItemUpserted(event_time_ms=1, item=item, title=title))
    return world


def test_neighbors_are_named_by_title_and_escaped(world: World):
    line = why([Reason("neighbours", ("1", "2"), 2.0)], world)
    assert line == "First what others opened along with <cite>Alien</cite> and <cite>Tom &amp; Jerry</cite>."


def test_second_kind_is_named_when_it_weighs_enough(world: World):
    popular = Reason("popular", (), 1.0)
    assert "Horror" in why([popular, Reason("taste", ("Horror",), 0.5)], world)
    assert "Horror" not in why([popular, Reason("taste", ("Horror",), 0.1)], world)


def test_only_the_first_items_count(world: World):
    reasons = [Reason("new", (), 0.1)] * FIRST + [Reason("popular", (), 9.0)]
    assert why(reasons, world) == "First what came in last."


def test_slate_of_tries_says_so(world: World):
    assert "tries" in why([Reason("explored", (), 0.0)] * FIRST, world)


def test_unknown_items_are_left_out(world: World):
    assert "least like" in why([Reason("session", ("gone",), 1.0)], world)


def test_no_reasons_no_line(world: World):
    assert why([], world) == ""
