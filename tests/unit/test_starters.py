"""What a newcomer is invited with: known to many, and far apart."""

import numpy as np
import pytest

from recsys.retrieval.content import cosines
from recsys.retrieval.starters import POOL, starters
from tests.unit.engine_samples import Visit, empty_world, trained_world


def likeness(world, rows) -> float:
    """Return the largest likeness of any two."""
    alike = cosines(world.contents["content"], rows, world.contents["content"][rows])
    return float(np.max(alike - np.eye(len(rows)) * 9))


def test_starters_are_popular_and_less_alike_than_the_most_popular() -> None:
    world = trained_world()
    found = starters(world, 3)
    assert found[0] == world.popular[0]
    assert set(found.tolist()) <= set(world.popular[:POOL].tolist())
    assert len(set(found.tolist())) == 3
    assert likeness(world, found) < likeness(world, world.popular[:3])


def test_without_any_click_the_newest_stand_in() -> None:
    world = empty_world(20)
    assert starters(world, 3)[0] == 19
    assert len(starters(empty_world(2), 3)) == 2
    assert len(starters(empty_world(), 3)) == 0


@pytest.mark.parametrize("dismissed", [0, 1])
def test_what_was_dismissed_is_no_starter(dismissed: int) -> None:
    visit = Visit(trained_world())
    first = visit.recommender.starters(visit.session, 3).items
    for item in first[:dismissed]:
        visit.dismiss(item)
    again = visit.recommender.starters(visit.session, 3).items
    assert len(again) == 3
    assert not set(first[:dismissed]) & set(again)
