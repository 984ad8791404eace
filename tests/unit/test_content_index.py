"""What is alike in content in a catalogue that is too large to compare all of it."""

import functools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import content_index
from recsys.config import EngineConfig
from recsys.content_index import ContentIndex
from recsys.events import ItemRemoved, ItemUpserted
from recsys.eviction import evict
from recsys.learner import Learner
from recsys.replica import Replica
from recsys.retrieval import content
from recsys.world import World
from tests.unit.streams import GENRES, stream

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
LOG = stream(seed=5, events=250, films=60)
BEST = 20


def described(number: int, seed: int = 0) -> ItemUpserted:
    """Return an item that others are more or less like: tags depend on its theme, and some are rare."""
    random = np.random.default_rng([seed, number])
    theme = int(40 * random.random() ** 2)
    tags = {f"tag {theme * 7 + int(30 * random.random() ** 3)}" for _ in range(random.integers(2, 9))}
    return ItemUpserted(
        event_time_ms=number,
        item=str(number),
        title=str(number),
        categories=(GENRES[theme % 3], f"shelf {theme % 8}"),
        tags=(*sorted(tags), f"maker {int(2_000 * random.random() ** 2)}"),
        year=2020 - int(60 * random.random() ** 2),
    )


@functools.cache
def large_world() -> World:
    """Return a world with a described catalogue that is not looked through. Not to be written to."""
    world = World(CONFIG)
    for number in range(content_index.LOOKED_THROUGH + 2_000):
        world.upsert_item(described(number))
    return world


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a few dozen items be too many to look through, and a few looks all that there are."""
    monkeypatch.setattr(content_index, "LOOKED_THROUGH", 30)
    monkeypatch.setattr(content_index, "LOOKS", 24)
    yield


def alike(world: World) -> list[list[int]]:
    """Return what is like each item."""
    return [content.similar(world, row, BEST).tolist() for row in range(len(world.catalogue))]


def exactly(world: World, row: int) -> np.ndarray:
    """Return the likeness of all other available items to one."""
    vectors = world.contents["content"]
    likeness = np.where(world.items["available"], vectors @ vectors[row], 0.0)
    likeness[row] = 0.0
    return likeness


# -- how good it is --------------------------------------------------------------------------------------------


def test_most_of_what_is_most_alike_is_found_and_what_else_is_found_is_nearly_as_much_alike() -> None:
    world, recalled, found, best = large_world(), [], [], []
    for row in range(0, len(world.catalogue), 150):
        likeness, rows = exactly(world, row), content.similar(world, row, BEST)
        best.append(np.sort(likeness)[-BEST:].sum())
        found.append(likeness[rows].sum())
        recalled.append(np.count_nonzero(likeness[rows] >= np.sort(likeness)[-BEST] - 1e-6) / BEST)
    assert np.mean(recalled) > 0.8
    assert np.sum(found) > 0.98 * np.sum(best)


def test_the_best_come_first_and_an_item_is_not_like_itself() -> None:
    world = large_world()
    rows = content.similar(world, 77, BEST)
    likeness = exactly(world, 77)[rows]
    assert len(rows) == BEST
    assert 77 not in rows
    assert (np.diff(likeness) <= 1e-6).all()


def test_no_more_are_compared_than_looked_at_however_many_are_alike() -> None:
    index, count = ContentIndex(), content_index.LOOKED_THROUGH + 5_000
    vectors = np.tile(large_world().contents["content"][:1], (count, 1))
    index.follow(np.arange(count), vectors, np.ones(count, dtype=np.bool_))
    near = index.near(vectors, 0)
    assert BEST < len(set(near.tolist())) == len(near) <= content_index.LOOKS
    assert near.tolist() == sorted(near.tolist()), "so that ties go by row"


def test_a_catalogue_that_can_be_looked_through_is() -> None:
    vectors = np.eye(50, 96, dtype=np.float32)
    index = ContentIndex()
    index.follow(np.arange(50), vectors, np.ones(50, dtype=np.bool_))
    assert index.near(vectors, 3).tolist() == list(range(50))


# -- what is in it ---------------------------------------------------------------------------------------------


def test_what_is_gone_does_not_crowd_out_what_is_there() -> None:
    world = World(CONFIG)
    twin = {"categories": ("Horror",), "tags": ("a", "b"), "year": 1980}
    for number in range(content_index.LOOKED_THROUGH + 500):
        world.upsert_item(ItemUpserted(event_time_ms=0, item=str(number), title="", **twin))
    kept = {3, 5_000, content_index.LOOKED_THROUGH + 400}
    for number in set(range(1, len(world.catalogue))) - kept:
        world.remove_item(ItemRemoved(event_time_ms=0, item=str(number)))
    assert set(content.similar(world, 0, BEST).tolist()) == kept
    assert set(content.similar(world, 1, BEST).tolist()) == kept | {0}, "an item that is gone may be asked about"


def test_items_without_content_are_like_nothing_and_take_no_memory(small_is_large: None) -> None:
    world = World(CONFIG)
    for number in range(100):
        world.upsert_item(ItemUpserted(event_time_ms=0, item=str(number), title=""))
    assert alike(world) == [[]] * 100
    assert world.content_index._lists is None
    world.upsert_item(described(0))
    world.upsert_item(described(1))
    world.upsert_item(ItemUpserted(event_time_ms=0, item="1", title="", tags=described(0).tags))
    assert content.similar(world, 0, BEST).tolist() == [1]


# -- it is a function of the catalogue -------------------------------------------------------------------------


@given(
    changes=st.lists(st.tuples(st.integers(0, 59), st.integers(-1, 3)), max_size=120),
    first=st.integers(0, 80),
)
@settings(max_examples=40, deadline=None)
def test_an_index_that_grew_answers_as_one_made_anew(changes: list[tuple[int, int]], first: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content_index, "LOOKED_THROUGH", 30)
        patch.setattr(content_index, "LOOKS", 24)
        world = World(CONFIG)
        for number, seed in [*((number, 0) for number in range(first)), *changes]:
            if seed < 0:
                world.remove_item(ItemRemoved(event_time_ms=0, item=str(number)))
            else:
                world.upsert_item(described(number, seed))
        grown = alike(world)
        world.index_contents()
        assert alike(world) == grown


@given(cut=st.integers(1, len(LOG)))
@settings(max_examples=15, deadline=None)
def test_learner_replica_and_one_that_resumes_find_the_same(cut: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content_index, "LOOKED_THROUGH", 30)
        patch.setattr(content_index, "LOOKS", 24)
        learner, replica = Learner(CONFIG), Replica(CONFIG)
        learner.fold(LOG[:cut])
        resumed = Learner.from_snapshot(CONFIG, learner.snapshot())
        replica.apply(learner.delta())
        learner.fold(LOG[cut:])
        resumed.fold(LOG[cut:])
        replica.apply(learner.delta())
        assert alike(learner.world) == alike(resumed.world) == alike(replica.world)
        assert learner.state_sha256() == resumed.state_sha256()


def test_rows_that_moved_up_are_found_where_they_stand_now(small_is_large: None) -> None:
    world = World(EngineConfig(most_items=80))
    for number in range(80):
        world.upsert_item(described(number))
    evict(world)
    rest = World(CONFIG)
    for event in world.catalogue:
        rest.upsert_item(event)
    assert alike(world) == alike(rest)
