"""The check at the end of a load test fails on one lost event, and on one that is in the log twice."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.conservation import check
from loadtest.recorder import ranges
from recsys.clock import ManualClock
from recsys.events import Click, Event, ItemUpserted, SlateServed
from recsys.log.base import Record, records
from recsys.log.memory import MemoryLog

ACKNOWLEDGED = {"s": [(1, 3), (7, 7)], "t": [(2, 2)]}
LOGGED = [("s", 1), ("s", 2), ("t", 2), ("s", 7), ("s", 3)]


def click(session: str, seq: int) -> Click:
    return Click(event_time_ms=5, session=session, seq=seq, item="1")


def log(events: Sequence[Event]) -> Iterable[Record]:
    """Put events into a log, each on its own: the log's own deduplication is what is being checked."""
    for place, event in enumerate(events):
        one = MemoryLog(ManualClock(1_000 + place))
        one.append([event])
        yield from records(one)


def test_check_holds_when_each_acknowledged_event_is_logged_once():
    found = check(ACKNOWLEDGED, log([click(*one) for one in LOGGED]))
    assert (found.acknowledged, found.logged, found.lost, found.doubled) == (5, 5, 0, 0)
    assert found.holds


@pytest.mark.parametrize("missing", LOGGED)
def test_check_fails_on_any_lost_event_and_names_it(missing: tuple[str, int]):
    found = check(ACKNOWLEDGED, log([click(*one) for one in LOGGED if one != missing]))
    assert not found.holds
    assert (found.lost, found.logged, found.examples) == (1, 4, [f"{missing[0]}/{missing[1]}"])


@pytest.mark.parametrize("twice", LOGGED)
def test_check_fails_on_any_doubled_event_and_names_it(twice: tuple[str, int]):
    found = check(ACKNOWLEDGED, log([click(*one) for one in [*LOGGED, twice]]))
    assert not found.holds
    assert (found.lost, found.doubled, found.examples) == (0, 1, [f"{twice[0]}/{twice[1]}"])


def test_one_lost_and_another_doubled_do_not_make_up_for_each_other():
    found = check(ACKNOWLEDGED, log([click(*one) for one in [*LOGGED[1:], ("s", 7)]]))
    assert (found.lost, found.doubled) == (1, 1)


def test_what_was_logged_but_not_acknowledged_is_no_harm():
    others = [click("s", 4), click("stranger", 1), ItemUpserted(event_time_ms=1, item="1", title="One")]
    slate = SlateServed(event_time_ms=1, session="s", slate="x", surface="new", items=("1",))
    assert check(ACKNOWLEDGED, log([*(click(*one) for one in LOGGED), *others, slate, slate, click("s", 4)])).holds


def test_nothing_acknowledged_holds():
    assert check({}, log([click("s", 1)])).holds


@given(st.sets(st.integers(1, 300)))
def test_runs_of_numbers_are_the_numbers(numbers: set[int]):
    runs = list(ranges(numbers))
    assert {number for first, last in runs for number in range(first, last + 1)} == numbers
    assert all(one[1] + 1 < other[0] for one, other in pairwise(runs))
