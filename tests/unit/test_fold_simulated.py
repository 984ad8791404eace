"""What simulated visitors do is left out of the world, or in it: fixed for a lineage."""

import dataclasses

import msgspec

from recsys.config import EngineConfig
from recsys.events import SessionEvent
from recsys.learner import Learner
from recsys.log.base import Record
from tests.unit.streams import stream, world_bytes

LEARNING = EngineConfig(learn_from_simulated=True)
NOT_LEARNING = EngineConfig(learn_from_simulated=False)
RECORDS = stream(3, 400)


def folded(config: EngineConfig, records: list[Record]) -> Learner:
    learner = Learner(config)
    learner.fold(records)
    return learner


def with_simulated(records: list[Record]) -> list[Record]:
    """Mark all sessions but one."""
    return [
        record._replace(event=msgspec.structs.replace(record.event, simulated=True))
        if isinstance(record.event, SessionEvent) and record.event.session != "s0"
        else record
        for record in records
    ]


def without_simulated(records: list[Record]) -> list[Record]:
    return [record for record in records if not (isinstance(record.event, SessionEvent) and record.event.simulated)]


def test_world_that_does_not_learn_from_them_is_as_if_they_had_never_come():
    marked = with_simulated(RECORDS)
    left_out, never_there = folded(NOT_LEARNING, marked), folded(NOT_LEARNING, without_simulated(marked))
    # Only how far the log was read, and where real records stood in it, may differ.
    left_out.world.offset = never_there.world.offset
    assert world_bytes(left_out.world) == world_bytes(never_there.world)
    assert left_out.counters()["simulated_left_out"] == len(marked) - len(without_simulated(marked)) > 0


def test_world_that_learns_from_them_learns_as_from_anybody():
    as_anybody = folded(LEARNING, RECORDS)
    assert world_bytes(folded(LEARNING, with_simulated(RECORDS)).world) == world_bytes(as_anybody.world)


def test_changing_whether_they_teach_starts_a_lineage_of_its_own():
    assert LEARNING.digest() != NOT_LEARNING.digest()
    assert dataclasses.replace(LEARNING, learn_from_simulated=False) == NOT_LEARNING
