"""Driving the engine or its stand-in makes one ordered, marked, repeatable log; and adapting is worth its clicks."""

import hashlib
import os
import subprocess
import sys
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from recsys.config import EngineConfig
from recsys.events import ItemUpserted, SessionEvent, SlateServed
from recsys.log.archive import ArchiveLog, write_segments
from recsys.log.base import Record, records
from recsys.offsets import offset_key
from recsys.simulation.driving import Drive
from recsys.simulation.policies import EnginePolicy, StandIn
from tests.unit.simulation.histories import as_records, catalogue, history, market
from tests.unit.streams import START_MS

LATER_MS = START_MS + 86_400_000


def drive(seed: int = 1, *, visitors_per_day: float = 2_000, **more: object) -> Drive:
    made = market(seed)
    return Drive(made, StandIn(made, 12, "1-0"), start_ms=LATER_MS, visitors_per_day=visitors_per_day, **more)


def log(count: int, **more: object) -> list[Record]:
    return list(islice(drive(**more).records(), count))


def digest(found: list[Record]) -> str:
    return hashlib.sha256(b"".join(record.offset.encode() + record.payload for record in found)).hexdigest()


def test_offsets_grow_and_are_the_events_own_times():
    found = log(3_000)
    assert all(offset_key(one.offset) < offset_key(other.offset) for one, other in pairwise(found))
    assert all(record.event is not None and record.event.event_time_ms == record.received_ms for record in found)


def test_everything_is_marked_as_simulated():
    assert all(isinstance(record.event, SessionEvent) and record.event.simulated for record in log(2_000))


def test_same_seed_makes_the_same_log_in_another_process_under_another_hash_seed():
    code = "from tests.unit.simulation.test_driving import digest, log; print(digest(log(1500)))"
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONHASHSEED": "11"},
    )
    assert told.stdout.strip() == digest(log(1_500))
    assert digest(log(1_500, seed=2)) != digest(log(1_500))


def test_visitor_keeps_the_arm_on_every_return():
    arms: dict[str, set[str]] = {}
    sessions: dict[str, set[str]] = {}
    for record in log(60_000, control_share=0.5):
        if isinstance(record.event, SlateServed):
            arms.setdefault(record.event.visitor, set()).add(record.event.arm)
            sessions.setdefault(record.event.visitor, set()).add(record.event.session)
    assert {arm for found in arms.values() for arm in found} == {"adaptive", "control"}
    assert all(len(found) == 1 for found in arms.values())
    assert max(len(found) for found in sessions.values()) > 1


def test_stand_in_remembers_those_alone_who_are_there():
    made = market(1)
    policy = StandIn(made, 12, "1-0")
    driven = Drive(made, policy, start_ms=LATER_MS, visitors_per_day=2_000)
    for _ in islice(driven.records(), 30_000):
        assert policy._wants.keys() <= driven._adaptive.keys()


def test_item_events_stand_where_their_slate_showed_the_item():
    shown = {}
    for record in log(3_000):
        event = record.event
        if isinstance(event, SlateServed):
            shown[event.slate] = event
        else:
            assert shown[event.slate].items[event.position] == event.item
            assert shown[event.slate].session == event.session


def test_arrivals_end_when_they_should_and_then_the_log_does():
    found = list(drive(visitors_per_day=200, ends_ms=LATER_MS + 43_200_000).records())
    arrived = {record.event.session for record in found if isinstance(record.event, SlateServed)}
    assert len(arrived) > 30


def test_what_waits_does_not_grow_with_the_log():
    driving = drive(visitors_per_day=20_000)
    stream = driving.records()
    waiting = []
    for _ in range(3):
        for _ in islice(stream, 30_000):
            pass
        waiting.append(len([due for due in driving._due if due.event is not None]))
    assert waiting[2] < 2 * waiting[0] + 100


def test_archive_holds_what_was_driven(tmp_path: Path):
    items = as_records(list(catalogue()))
    write_segments(tmp_path, items)
    found = log(2_500)
    write_segments(tmp_path, found, size=1_000)
    read = list(records(ArchiveLog(tmp_path)))
    assert [record.event for record in read] == [record.event for record in [*items, *found]]
    assert isinstance(read[0].event, ItemUpserted)


@pytest.fixture(scope="module")
def driven() -> tuple[Drive, EnginePolicy]:
    """The engine, which has read the history, before half a day of visitors."""
    made = market()
    policy = EnginePolicy(EngineConfig(learn_from_simulated=True), as_records([*catalogue(), *history()]))
    driving = Drive(made, policy, start_ms=LATER_MS, visitors_per_day=1_200, control_share=0.5)
    for _ in islice(driving.records(), 25_000):
        pass
    return driving, policy


def test_engine_gets_more_clicks_where_it_adapts_than_where_it_does_not(driven: tuple[Drive, EnginePolicy]):
    slates, clicked = {}, {}
    for arm, tallies in driven[0].arms.items():
        # The first list of a visit is the same in both arms: nothing has been done yet.
        later = [tally for nth, tally in tallies.items() if nth > 0]
        slates[arm], clicked[arm] = sum(each.slates for each in later), sum(each.clicks for each in later)
    rate = {arm: clicked[arm] / slates[arm] for arm in slates}
    deviation = np.sqrt(sum(rate[arm] * (1 - rate[arm]) / slates[arm] for arm in slates))
    assert rate["adaptive"] - rate["control"] > 2 * deviation


def test_engine_learns_from_what_it_is_driven_by(driven: tuple[Drive, EnginePolicy]):
    counters = driven[1].learner.counters()
    assert counters["simulated_left_out"] == 0
    assert counters["labels_joined"] > 500
