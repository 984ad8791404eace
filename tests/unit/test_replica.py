"""A replica fed by a snapshot and deltas holds the learner's world, to the byte."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import EngineConfig
from recsys.errors import CorruptState, DeltaGap
from recsys.learner import Learner
from recsys.replica import Replica
from recsys.store import codec
from tests.unit.streams import film, stream, world_bytes

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
LOG = stream(seed=2, events=300)


def learner_at(place: int) -> Learner:
    learner = Learner(CONFIG)
    learner.fold(LOG[:place])
    return learner


def replica_of(snapshot: bytes) -> Replica:
    replica = Replica(CONFIG)
    replica.load(snapshot)
    return replica


def places(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, len(LOG)), min_size=count, max_size=count, unique=True).map(sorted)


@given(cuts=places(5))
@settings(max_examples=20, deadline=None)
def test_replica_has_the_learners_world_at_each_offset(cuts: list[int]) -> None:
    learner = learner_at(cuts[0])
    replica = replica_of(learner.snapshot())
    learner.delta()
    for start, end in pairwise(cuts):
        learner.fold(LOG[start:end])
        assert replica.apply(learner.delta())
        assert replica.version == LOG[end - 1].offset
        assert world_bytes(replica.world) == world_bytes(learner.world)


@given(cuts=places(4))
@settings(max_examples=20, deadline=None)
def test_replica_that_starts_empty_needs_no_snapshot_while_it_has_every_delta(cuts: list[int]) -> None:
    learner, replica = Learner(CONFIG), Replica(CONFIG)
    for start, end in pairwise([0, *cuts]):
        learner.fold(LOG[start:end])
        replica.apply(learner.delta())
    assert world_bytes(replica.world) == world_bytes(learner.world)


@given(
    first=places(4),
    second=st.lists(st.integers(1, len(LOG)), min_size=1, max_size=4, unique=True).map(sorted),
    saved=st.integers(0, 3),
)
@settings(max_examples=30, deadline=None)
def test_deltas_of_a_restarted_learner_overlap_without_harm(first: list[int], second: list[int], saved: int) -> None:
    """The first learner dies after its last delta; the second folds the tail again, from an older snapshot."""
    learner = learner_at(first[0])
    snapshots = [learner.snapshot()]
    replica = replica_of(snapshots[0])
    for start, end in pairwise(first):
        learner.fold(LOG[start:end])
        snapshots.append(learner.snapshot())
        replica.apply(learner.delta())

    restarted = Learner.from_snapshot(CONFIG, snapshots[saved])
    start = first[saved]
    for end in [*(cut for cut in second if cut > start), len(LOG)]:
        restarted.fold(LOG[start:end])
        start = max(start, end)
        replica.apply(restarted.delta())
        reached = max(first[-1], end)
        assert replica.version == LOG[reached - 1].offset, "a replica never goes back"
        assert world_bytes(replica.world) == world_bytes(learner_at(reached).world)


@given(cuts=places(2))
@settings(max_examples=10, deadline=None)
def test_same_delta_twice_changes_nothing(cuts: list[int]) -> None:
    learner = learner_at(cuts[0])
    replica = replica_of(learner.snapshot())
    learner.fold(LOG[cuts[0] : cuts[1]])
    delta = learner.delta()
    assert replica.apply(delta)
    before = world_bytes(replica.world)
    assert not replica.apply(delta)
    assert world_bytes(replica.world) == before


def test_after_a_gap_the_newest_snapshot_bridges_it() -> None:
    learner = learner_at(50)
    replica = replica_of(learner.snapshot())
    learner.delta()
    learner.fold(LOG[50:60])
    learner.delta()
    learner.fold(LOG[60:70])
    newest = learner.snapshot()
    learner.fold(LOG[70:80])
    after_the_gap = learner.delta()
    before = world_bytes(replica.world)
    with pytest.raises(DeltaGap, match="expected a delta from"):
        replica.apply(after_the_gap)
    assert world_bytes(replica.world) == before, "a refused delta changes nothing"
    replica.load(newest)
    assert replica.apply(after_the_gap)
    assert world_bytes(replica.world) == world_bytes(learner.world)


@pytest.mark.parametrize("table", ["items/statistics", "sessions/clicked", "vectors/vector"])
def test_delta_of_other_columns_changes_nothing(table: str) -> None:
    """As the learner of the next version may write them while this one still serves."""
    learner = learner_at(10)
    replica = replica_of(learner.snapshot())
    learner.delta()
    learner.world.upsert_item(film(1_000))
    learner.fold(LOG[10:60])
    state = codec.decode(learner.delta())
    state.arrays[table] = state.arrays[table][:, 1:]
    before = world_bytes(replica.world)
    with pytest.raises(CorruptState, match=r"expected .* rows of shape"):
        replica.apply(codec.encode(state.blobs, state.arrays))
    assert world_bytes(replica.world) == before


@pytest.mark.parametrize("array", ["network/bias", "spread/variance", "entries/shift"])
def test_delta_of_which_one_model_does_not_fit_changes_none_of_them(array: str) -> None:
    learner = learner_at(100)
    replica = replica_of(learner.snapshot())
    learner.delta()
    learner.fold(LOG[100:200])
    state = codec.decode(learner.delta())
    state.arrays[array] = state.arrays[array][1:]
    before = world_bytes(replica.world)
    with pytest.raises(CorruptState, match="expected float"):
        replica.apply(codec.encode(state.blobs, state.arrays))
    assert world_bytes(replica.world) == before


def test_older_delta_is_no_news() -> None:
    learner = learner_at(50)
    delta = learner.delta()
    assert not replica_of(learner.snapshot()).apply(delta)


def test_snapshot_that_cannot_be_read_leaves_the_replica_what_it_was() -> None:
    replica = replica_of(learner_at(50).snapshot())
    world = replica.world
    for payload in (b"", learner_at(50).snapshot()[:-1], Learner(EngineConfig()).snapshot()):
        with pytest.raises(CorruptState):
            replica.load(payload)
    assert replica.world is world


def test_delta_of_another_configuration_is_refused() -> None:
    other = Learner(EngineConfig(model="gaussian", seed=1))
    other.fold(LOG[:50])
    with pytest.raises(CorruptState, match="configuration"):
        Replica(CONFIG).apply(other.delta())
