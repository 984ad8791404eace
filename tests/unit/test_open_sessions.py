"""Which sessions are open: by inactivity, by receive time, and bounded."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.open_sessions import OpenSessions
from recsys.sessions import SessionBelief

GAP_MS = 1_000


def test_session_ends_when_its_gap_has_passed_and_not_before() -> None:
    sessions = OpenSessions(GAP_MS)
    sessions.touch("s", at_ms=0, received_ms=0)
    sessions.end(GAP_MS - 1)
    assert sessions.get("s") is not None
    sessions.end(GAP_MS)
    assert sessions.get("s") is None


def test_activity_keeps_a_session_open() -> None:
    sessions = OpenSessions(GAP_MS)
    first = sessions.touch("s", at_ms=0, received_ms=0)
    assert sessions.touch("s", at_ms=900, received_ms=900) is first
    sessions.end(GAP_MS)
    assert sessions.get("s") is first


def test_event_that_comes_from_long_ago_opens_a_session_for_a_whole_gap() -> None:
    sessions = OpenSessions(GAP_MS)
    assert sessions.touch("s", at_ms=5, received_ms=900_000).context.last_ms == 5
    sessions.end(900_000 + GAP_MS - 1)
    assert sessions.get("s") is not None


def test_beyond_the_cap_the_session_longest_idle_ends_and_is_counted() -> None:
    sessions = OpenSessions(GAP_MS, max_open=2)
    for received_ms, session in enumerate(("old", "idle", "old", "new")):
        sessions.touch(session, at_ms=received_ms, received_ms=received_ms)
    assert sessions.get("idle") is None
    assert (len(sessions), sessions.evicted) == (2, 1)


@given(touches=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 700)), max_size=30))
def test_sessions_leave_exactly_when_their_own_gap_has_passed(touches: list[tuple[str, int]]) -> None:
    sessions = OpenSessions(GAP_MS)
    last: dict[str, int] = {}
    now_ms = 0
    for session, waited_ms in touches:
        now_ms += waited_ms
        sessions.end(now_ms)
        expected = {name for name, at_ms in last.items() if at_ms + GAP_MS > now_ms}
        assert {name for name in "abcde" if sessions.get(name) is not None} == expected
        sessions.touch(session, at_ms=now_ms, received_ms=now_ms)
        last[session] = now_ms


def test_restored_sessions_are_the_same_in_the_same_order() -> None:
    sessions = OpenSessions(GAP_MS, max_open=2)
    for received_ms, session in enumerate("abca"):
        opened = sessions.touch(session, at_ms=received_ms, received_ms=received_ms)
        opened.context.click(3, received_ms)
        opened.serial = received_ms
    opened.belief = SessionBelief(np.ones(3))
    opened.belief.learn_choice(np.eye(2, 3, dtype=np.float32), 1, np.zeros(2))
    other = OpenSessions(GAP_MS, max_open=2)
    other.restore(sessions.to_state(), sessions.evicted)
    assert (other.to_state(), other.evicted) == (sessions.to_state(), sessions.evicted)
    restored = other.get("a")
    assert restored is not None and restored.belief is not None
    assert restored.belief.delta_mean().tobytes() == opened.belief.delta_mean().tobytes()
