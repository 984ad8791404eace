"""The replica of a web process, fed by a real learner through real stores."""

import asyncio
import hashlib
import time

import pytest
import redis

from recsys.learner import Learner
from recsys.offsets import ORIGIN
from recsys.store.base import Manifest
from tests.patience import until
from tests.unit.streams import stream
from webapp import replication, wiring
from webapp.replication import Replication

FENCE = 1


@pytest.fixture
def learner(wired: redis.Redis) -> Learner:
    return Learner(wiring.config())


@pytest.fixture
def fed(wired: redis.Redis) -> Replication:
    return replication.replication()


def save(learner: Learner) -> None:
    payload = learner.snapshot()
    manifest = Manifest(
        sha256=hashlib.sha256(payload).hexdigest(),
        offsets={"0": learner.world.offset},
        code="test",
        configuration=wiring.config().digest(),
        lineage="test",
        created_ms=wiring.clock().now_ms(),
        bytes=len(payload),
    )
    wiring.snapshots().save(payload, manifest, FENCE)


def publish(learner: Learner) -> None:
    wiring.deltas().publish(learner.delta(), FENCE)


async def test_process_begins_with_the_newest_snapshot_and_follows_the_deltas(learner: Learner, fed: Replication):
    records = stream(seed=1, events=60)
    learner.fold(records[:40])
    save(learner)
    await fed.load()
    assert wiring.replica().version == learner.world.offset
    for cut in (50, 60):
        learner.fold(records[cut - 10 : cut])
        publish(learner)
    assert await fed.refresh() == 2
    assert wiring.replica().version == learner.world.offset


async def test_world_is_swapped_between_steps_of_the_event_loop_never_within_one(learner: Learner, fed: Replication):
    learner.fold(stream(seed=1, events=60))
    save(learner)
    loading = asyncio.create_task(fed.load())
    while not loading.done():
        world = wiring.replica().world
        time.sleep(0.005)  # a step that takes a while: other threads go on meanwhile
        assert wiring.replica().world is world
        await asyncio.sleep(0)
    assert wiring.replica().version == learner.world.offset


async def test_process_without_a_snapshot_learns_from_the_first_delta(learner: Learner, fed: Replication):
    await fed.load()
    learner.fold(stream(seed=1, events=20))
    publish(learner)
    await fed.refresh()
    assert wiring.replica().version == learner.world.offset
    assert replication.available_items(wiring.replica()) > 0


async def test_process_that_missed_deltas_takes_the_next_snapshot(learner: Learner, fed: Replication):
    records = stream(seed=1, events=60)
    learner.fold(records[:20])
    learner.delta()  # never published: as if the feed had dropped it
    learner.fold(records[20:40])
    publish(learner)
    await fed.refresh()
    assert wiring.replica().version == ORIGIN
    save(learner)
    learner.fold(records[40:])
    publish(learner)
    await fed.refresh()
    assert wiring.replica().version == learner.world.offset


async def test_bytes_that_are_no_delta_do_not_stop_the_process(learner: Learner, fed: Replication):
    wiring.deltas().publish(b"not a delta", FENCE)
    learner.fold(stream(seed=1, events=20))
    publish(learner)
    assert await fed.refresh() == 2
    assert wiring.replica().version == learner.world.offset


async def test_upkeep_takes_deltas_in_as_they_come(learner: Learner, fed: Replication):
    upkeep = asyncio.create_task(replication.keep_replica_fresh())
    learner.fold(stream(seed=1, events=20))
    publish(learner)
    await until(lambda: wiring.replica().version == learner.world.offset)
    assert not upkeep.done()
    upkeep.cancel()
    await asyncio.gather(upkeep, return_exceptions=True)


async def test_upkeep_survives_a_redis_that_is_not_there(without_redis: None):
    upkeep = [asyncio.create_task(work()) for work in (replication.keep_replica_fresh, replication.show_replica)]
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in upkeep)
    for task in upkeep:
        task.cancel()
    await asyncio.gather(*upkeep, return_exceptions=True)


async def test_replica_that_went_silent_is_forgotten(wired: redis.Redis, fed: Replication):
    beat = await fed.heartbeat()
    replication.announce(wired, beat)
    assert replication.heartbeats(wired, beat.at_ms) == [beat]
    assert replication.heartbeats(wired, beat.at_ms + replication.GONE_AFTER_MS + 1) == []
    assert wired.hlen(wiring.REPLICAS_KEY) == 0
