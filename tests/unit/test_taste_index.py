"""Which items have a taste is what a look at each of them says, however the catalogue came to be what it is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import EngineConfig
from recsys.layout import TASTES
from recsys.learner import Learner
from recsys.replica import Replica
from recsys.taste_index import TasteIndex
from recsys.world import World
from tests.unit.streams import stream

#: Items are described anew, removed and evicted all the time.
CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900, most_items=12)
LOG = stream(seed=4, events=400)


def holds_what_items_say(world: World) -> None:
    has = (world.contents["taste"] > 0.0) & world.items["available"][:, np.newaxis]
    assert world.taste_index.counts.tolist() == has.sum(axis=0).tolist()
    for column in range(TASTES):
        assert world.taste_index.rows(column).tolist() == np.flatnonzero(has[:, column]).tolist()


@given(cuts=st.lists(st.integers(1, 60), max_size=8), save=st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_learner_and_replica_know_it_through_evictions_deltas_and_snapshots(cuts: list[int], save: int) -> None:
    learner, replica, start = Learner(CONFIG), Replica(CONFIG), 0
    for place, cut in enumerate(cuts):
        evictions = learner.world.evictions
        learner.fold(LOG[start : start + cut])
        start += cut
        delta = learner.delta()
        if place == save or learner.world.evictions != evictions:
            learner = Learner.from_snapshot(CONFIG, learner.snapshot())
            replica.load(learner.snapshot())
        else:
            replica.apply(delta)
        holds_what_items_say(learner.world)
        holds_what_items_say(replica.world)


def test_more_rows_are_taken_in_than_at_once() -> None:
    count, random = 150_000, np.random.default_rng(3)
    taste = (random.random((count, TASTES)) < 0.05).astype(np.float32)
    available = random.random(count) < 0.9
    index = TasteIndex()
    index.follow(np.arange(count), taste, available)
    index.follow(np.arange(0, count, 2), taste, np.zeros(count, dtype=np.bool_))
    odd = np.flatnonzero(available & (taste[:, 7] > 0.0) & (np.arange(count) % 2 == 1))
    assert index.rows(7).tolist() == odd.tolist()
    assert index.counts[7] == len(odd)
