"""A recorded log gives the same state however it is cut into runs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.config import EngineConfig
from recsys.learner import Learner
from recsys.log.memory import MemoryLog
from recsys.offsets import ORIGIN
from recsys.replay import replay
from recsys.store import codec
from tests.unit.streams import recorded, stream

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
LOG = stream(seed=3, events=200)


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return recorded(seed=3, events=200)


@given(place=st.integers(0, len(LOG) - 1))
@settings(max_examples=10, deadline=None)
def test_replay_until_and_on_from_the_snapshot_equals_one_run(log: MemoryLog, place: int) -> None:
    whole = replay(log, Learner(CONFIG))
    first = Learner(CONFIG)
    until = replay(log, first, until=LOG[place].offset)
    rest = replay(log, Learner.from_snapshot(CONFIG, first.snapshot()))
    assert until.offset == LOG[place].offset
    assert (until.events, rest.events) == (place + 1, len(LOG) - place - 1)
    assert (rest.offset, rest.state_sha256) == (whole.offset, whole.state_sha256)


def test_replay_names_the_state_by_the_hash_of_its_snapshot(log: MemoryLog) -> None:
    learner = Learner(CONFIG)
    assert replay(log, learner).state_sha256 == codec.sha256(learner.snapshot())


def test_progress_adds_up_to_the_events(log: MemoryLog) -> None:
    told: list[int] = []
    assert replay(log, Learner(CONFIG), progress=told.append).events == sum(told) == len(LOG)


def test_empty_log_gives_the_empty_state() -> None:
    result = replay(recorded(seed=0, events=0, films=0), Learner(CONFIG))
    assert (result.events, result.offset, result.state_sha256) == (0, ORIGIN, Learner(CONFIG).state_sha256())
