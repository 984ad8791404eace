"""What a process remembers for the lens is bounded, and the ghost is the last position that was another one."""

import numpy as np

from recsys.sessions.portrait import Portrait
from tests.unit.engine_samples import Visit, trained_world
from webapp.feed.lens.memory import SLATES_KEPT, LensMemory


def portrait(mean: float) -> Portrait:
    return Portrait(("Horror",), np.ones(1), np.array([mean]), np.ones(1), np.zeros(1))


def test_ghost_stays_until_the_belief_moves_again() -> None:
    memory, first, second = LensMemory(), portrait(0.0), portrait(1.0)
    assert memory.note_portrait("s", first) is None
    assert memory.note_portrait("s", second) is first
    assert memory.note_portrait("s", portrait(1.0)) is first
    assert memory.note_portrait("s", portrait(2.0)).mean == 1.0


def test_only_the_last_slates_of_the_last_sessions_are_kept() -> None:
    memory, slate = LensMemory(limit=2), Visit(trained_world()).for_you()
    for number in range(SLATES_KEPT + 1):
        memory.note_slate("s", str(number), slate)
    assert memory.slate("s", "0") is None
    slate_id, newest = memory.newest("s")
    assert (slate_id, newest.items, newest.strengths) == (str(SLATES_KEPT), slate.items, slate.strengths)
    memory.note_slate("t", "1", slate)
    memory.note_slate("u", "1", slate)
    assert memory.newest("s") is None
    memory.forget("u")
    assert memory.slate("u", "1") is None


def test_what_was_before_is_another_list_and_not_the_same_shown_again() -> None:
    memory, visit = LensMemory(), Visit(trained_world())
    first, second = visit.for_you(), visit.recommender.category(visit.session, "Horror")
    assert memory.before("s") is None
    memory.note_slate("s", "1", first)
    assert memory.before("s") is None
    for number in "234":
        memory.note_slate("s", number, second)
    assert memory.before("s").items == first.items
