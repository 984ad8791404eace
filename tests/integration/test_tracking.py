"""Batches through the intake into a real log."""

import dataclasses

import pytest
import redis

from recsys.clock import ManualClock
from recsys.errors import LogUnavailable
from recsys.events import Click, Event
from tests.unit.tracking.pages import ITEMS, NOW_MS, Page
from webapp import wiring
from webapp.tracking import refusals
from webapp.tracking.edge import Edge
from webapp.tracking.rates import RateLimit
from webapp.tracking.refusals import Ledger
from webapp.tracking.services import Intake


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


@pytest.fixture
def intake(wired: redis.Redis, clock: ManualClock) -> Intake:
    log = wiring.async_event_log()
    return Intake(
        log, clock, frozenset(ITEMS), Ledger(wiring.async_redis(), log), RateLimit(per_s=10, burst=20), Edge(clock)
    )


def logged() -> list[Event | None]:
    return [record.event for record in wiring.event_log().read("0-0", 1_000)]


async def test_acknowledged_click_is_in_the_log(intake: Intake, page: Page):
    accepted = await intake.accept(page.batch(page.event(1)), "session")
    assert accepted.outcomes == {1: "accepted"}
    (click,) = logged()
    assert [click] == accepted.events
    assert isinstance(click, Click)
    assert (click.slate, click.position, click.event_time_ms) == ("slate-1", 1, NOW_MS - 250)


async def test_batch_sent_twice_is_in_the_log_once(intake: Intake, page: Page):
    batch = page.batch(page.event(1), page.event(2, kind="impression"))
    await intake.accept(batch, "session")
    again = await intake.accept(batch, "session")
    assert again.outcomes == {1: "duplicate", 2: "duplicate"}
    assert again.events == []
    assert len(logged()) == 2


async def test_refused_event_leaves_its_neighbours_alone(intake: Intake, page: Page, wired: redis.Redis):
    accepted = await intake.accept(page.batch(page.event(1), page.event(2, item="jaws"), page.event(3)), "session")
    assert accepted.outcomes == {1: "accepted", 2: "refused:not_shown", 3: "accepted"}
    assert refusals.counts(wired) == {"not_shown": 1}


async def test_page_served_without_consent_is_acknowledged_and_not_logged(intake: Intake):
    page = Page(consent="off")
    accepted = await intake.accept(page.batch(page.event(1)), "off")
    assert accepted.outcomes == {1: "unlogged"}
    assert [event.item for event in accepted.events] == ["the-thing"]
    assert logged() == []


async def test_nothing_is_logged_after_consent_was_withdrawn(intake: Intake, page: Page):
    accepted = await intake.accept(page.batch(page.event(1)), "off")
    assert accepted.outcomes == {1: "unlogged"}
    assert logged() == []


async def test_bot_fills_its_own_bucket_and_not_the_log(intake: Intake, page: Page, clock: ManualClock):
    flood = [page.event(seq) for seq in range(1, 101)]
    accepted = await intake.accept(page.batch(*flood), "session")
    assert list(accepted.outcomes.values()).count("accepted") == 20
    assert list(accepted.outcomes.values()).count("full") == 80
    clock.advance(1_000)
    later = await intake.accept(page.batch(*flood[20:]), "session")
    assert list(later.outcomes.values()).count("accepted") == 10
    other = Page(session="session-2")
    assert (await intake.accept(other.batch(other.event(1)), "session")).outcomes == {1: "accepted"}


async def test_full_log_keeps_events_in_the_browser(intake: Intake, page: Page, settings):
    settings.FRESHET_LOG_MAX_EVENTS = 1
    wiring.async_event_log.cache_clear()
    small = dataclasses.replace(intake, log=wiring.async_event_log())
    accepted = await small.accept(page.batch(page.event(1), page.event(2)), "session")
    assert accepted.outcomes == {1: "accepted", 2: "full"}


async def test_without_consent_what_cannot_be_read_is_counted_and_not_kept(intake: Intake, page: Page):
    await intake.decode(b'{"type": "events"', "off")
    await intake.accept(page.batch({"type": "click"}), "off")
    assert wiring.event_log().dead_letters() == []


async def test_undecodable_message_is_counted_and_kept_aside(intake: Intake, wired: redis.Redis):
    assert await intake.decode(b'{"type": "events"', "session") is None
    assert refusals.counts(wired) == {"undecodable": 1}
    (letter,) = wiring.event_log().dead_letters()
    assert (letter.reason, letter.payload) == ("undecodable", b'{"type": "events"')


async def test_without_redis_nothing_is_acknowledged(without_redis: None, page: Page, clock: ManualClock):
    log = wiring.async_event_log()
    intake = Intake(log, clock, frozenset(ITEMS), Ledger(wiring.async_redis(), log), RateLimit(10, 20), Edge(clock))
    with pytest.raises(LogUnavailable):
        await intake.accept(page.batch(page.event(1)), "session")


async def test_without_redis_refusals_are_still_answered(without_redis: None, page: Page, clock: ManualClock):
    log = wiring.async_event_log()
    intake = Intake(log, clock, frozenset(ITEMS), Ledger(wiring.async_redis(), log), RateLimit(10, 20), Edge(clock))
    accepted = await intake.accept(page.batch(page.event(1, item="jaws")), "session")
    assert accepted.outcomes == {1: "refused:not_shown"}
