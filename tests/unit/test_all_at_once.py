"""Evictions, open windows, forgotten sessions, restarts and replicas get in each other's way nowhere."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import EngineConfig
from recsys.errors import DeltaGap
from recsys.events import Dwell, SessionForgotten
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.replica import Replica
from tests.unit.streams import stream, world_bytes

#: For a log at random over 20 films, so that nearly each film that comes again takes the place of others.
CONFIG = EngineConfig(attribution_window_s=600, session_gap_s=900, most_items=12)
SEEDS = (1, 3, 6)

STEPS = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from(("publish", "restart", "publish and restart", "load"))), max_size=12
)


@functools.cache
def log(seed: int) -> list[Record]:
    """Return a log in which one in nine who read about an item wants to be forgotten then."""
    records, read = stream(seed, events=500), 0
    for place, record in enumerate(records):
        if isinstance(record.event, Dwell):
            read += 1
            if read % 9 == 0:
                event = SessionForgotten(event_time_ms=record.event.event_time_ms, session=record.event.session)
                records[place] = record._replace(event=event)
    return records


@functools.cache
def whole(seed: int) -> Learner:
    """Return a learner that folded the log at once, in memory."""
    learner = Learner(CONFIG)
    learner.fold(log(seed))
    return learner


@pytest.mark.parametrize("seed", SEEDS)
def test_all_of_it_happens(seed: int) -> None:
    counters = whole(seed).counters()
    assert whole(seed).world.evictions > 5
    for name in ("forgotten", "labels_forgotten", "labels_late", "labels_expired", "labels_left", "dismissals"):
        assert counters[name] > 0, name


@given(seed=st.sampled_from(SEEDS), steps=STEPS, in_memory=st.sampled_from((1, 3, 10_000)))
@settings(max_examples=40, deadline=None)
def test_state_and_replica_are_those_of_one_who_folded_all_at_once(
    seed: int, steps: list[tuple[int, str]], in_memory: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("labels.PENDING_IN_MEMORY", "labels.CLOSED_IN_MEMORY", "open_sessions.IN_MEMORY"):
            patch.setattr(f"recsys.{limit}", in_memory)
        learner, replica, start = Learner(CONFIG), Replica(CONFIG), 0
        for count, act in steps:
            learner.fold(log(seed)[start : start + count])
            start += count
            if "publish" in act:
                follow(replica, learner)
                assert world_bytes(replica.world) == world_bytes(learner.world)
            if "restart" in act:
                learner = Learner.from_snapshot(CONFIG, learner.snapshot())
            if act == "load":
                replica.load(learner.snapshot())
        learner.fold(log(seed)[start:])
        assert learner.state_sha256() == whole(seed).state_sha256()
        follow(replica, learner)
        assert world_bytes(replica.world) == world_bytes(whole(seed).world)


def follow(replica: Replica, learner: Learner) -> None:
    """Let the replica take in what the learner publishes: the delta, or where that does not fit the snapshot."""
    delta = learner.delta()
    try:
        replica.apply(delta)
    except DeltaGap:
        replica.load(learner.snapshot())
