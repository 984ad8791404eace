"""The account at the edge: whatever becomes of an event, nothing is counted twice and nothing is forgotten."""

import asyncio

import pytest
import redis

from recsys.clock import ManualClock
from recsys.errors import LogUnavailable
from tests.unit.tracking.pages import ITEMS, NOW_MS, Page
from webapp import wiring
from webapp.tracking import edge as edges
from webapp.tracking.edge import Edge
from webapp.tracking.rates import RateLimit
from webapp.tracking.refusals import Ledger
from webapp.tracking.services import Intake


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
def counted(clock: ManualClock) -> Edge:
    return Edge(clock)


@pytest.fixture
def intake(wired: redis.Redis, clock: ManualClock, counted: Edge) -> Intake:
    log = wiring.async_event_log()
    ledger = Ledger(wiring.async_redis(), log)
    return Intake(log, clock, frozenset(ITEMS), ledger, RateLimit(per_s=10, burst=5), counted)


def became(counted: Edge) -> dict[str, int]:
    return {outcome: count for outcome, count in counted.became.items() if count}


async def test_every_event_of_every_batch_is_in_the_account_once(intake: Intake, counted: Edge):
    page, silent = Page(), Page(session="session-2", consent="off")
    await intake.accept(page.batch(page.event(1), page.event(2), page.event(2), page.event(3, item="jaws")), "session")
    await intake.accept(page.batch(*(page.event(seq) for seq in range(4, 9)), {"type": "click"}), "session")
    await intake.accept(silent.batch(silent.event(1)), "off")
    await intake.decode(b"{", "session")
    assert (counted.received, counted.pending, counted.account().missing) == (12, 0, 0)
    assert became(counted) == {"accepted": 4, "duplicate": 1, "refused": 3, "unlogged": 1, "returned": 3}


async def test_account_balances_while_events_wait_for_the_log(intake: Intake, counted: Edge):
    page = Page()
    waiting = asyncio.create_task(intake.accept(page.batch(page.event(1), page.event(2)), "session"))
    await asyncio.sleep(0)
    assert (counted.received, counted.pending, counted.account().missing) == (2, 2, 0)
    await waiting
    assert (counted.received, counted.pending, counted.account().missing) == (2, 0, 0)


async def test_without_redis_everything_is_returned(without_redis: None, counted: Edge, clock: ManualClock):
    log = wiring.async_event_log()
    intake = Intake(log, clock, frozenset(ITEMS), Ledger(wiring.async_redis(), log), RateLimit(10, 20), counted)
    page = Page()
    with pytest.raises(LogUnavailable):
        await intake.accept(page.batch(page.event(1), page.event(2, item="jaws")), "session")
    assert (counted.account().missing, became(counted)) == (0, {"returned": 2})


def test_outcome_that_nobody_counted_is_missing(counted: Edge):
    with counted.taking(2) as outcomes:
        outcomes["accepted"] = 1
    assert counted.account().missing == 1


async def test_staff_see_the_accounts_of_processes_that_are_there_and_what_the_log_lacks(
    intake: Intake, counted: Edge, clock: ManualClock, wired: redis.Redis
):
    page = Page()
    await intake.accept(page.batch(page.event(1), page.event(2, item="jaws")), "session")
    await intake.accept(page.batch(page.event(1)), "session")
    await edges.show(wiring.async_redis(), counted)
    (account,) = edges.accounts(wired, clock.now_ms())
    assert (account.received, account.became["accepted"], account.missing) == (3, 1, 0)
    notes = [note for _, note in edges.notes_after(wired, "0-0", 10)]
    assert [(note.outcome, note.reason, note.count) for note in notes] == [
        ("refused", "not_shown", 1),
        ("duplicate", "", 1),
    ]
    assert {note.session for note in notes} == {page.session}
    assert edges.accounts(wired, clock.now_ms() + 60_000) == []


def test_notes_of_a_flood_are_counted_together(counted: Edge):
    for number in range(200):
        counted.note("refused", "not_shown", f"session-{number}", 1)
    notes = counted.noted()
    assert len(notes) == 51
    assert sum(note.count for note in notes) == 200
    assert counted.noted() == []
