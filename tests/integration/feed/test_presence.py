"""Which sessions a process keeps: those that are busy, and those that live nowhere else."""

import asyncio
from typing import Any

import pytest
from django.test import AsyncClient

from recsys import copying
from recsys.clock import ManualClock
from recsys.events import Click, SlateServed
from recsys.world import World
from tests.integration.feed.conftest import renumbered
from webapp import wiring
from webapp.feed import presence as kept
from webapp.feed.presence import Presence, _Entry
from webapp.tracking.consent import Visit, visit_from

NOW_MS = 1_700_000_000_000


class Kept(Presence):
    """Presence on a clock that the test moves, which counts how often sessions were read."""

    def __init__(self, clock: ManualClock, limit: int = 10) -> None:
        async def nobody(visit: Visit) -> list[Any]:
            return []

        self.reads = 0
        super().__init__(lambda: self, wiring.recommender, lambda: wiring.replica().world, nobody, lambda: clock, limit)

    async def session_events(self, session: str) -> list[Any]:
        self.reads += 1
        return []


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS)


def visit(settings: Any, consent: str = "session") -> Visit:
    settings.FRESHET_CONSENT_DEFAULT = consent
    return visit_from({}, NOW_MS)


def opened(visit: Visit, item: str = "horror-1") -> Click:
    return Click(event_time_ms=NOW_MS, session=visit.session, item=item)


@pytest.mark.parametrize("consent", ["session", "visitor"])
async def test_busy_session_is_read_once(visitor: AsyncClient, clock: ManualClock, settings: Any, consent: str):
    presence, mine = Kept(clock), visit(settings, consent)
    first = await presence.session(mine, up_to_date=False)
    for _ in range(5):
        clock.advance(kept.IDLE_KEPT_MS - 1)
        assert await presence.session(mine, up_to_date=False) is first
    assert presence.reads == 1


async def test_idle_session_is_let_go_and_read_again(visitor: AsyncClient, clock: ManualClock, settings: Any):
    presence, mine, other = Kept(clock), visit(settings), visit(settings)
    first = await presence.session(mine, up_to_date=False)
    clock.advance(kept.IDLE_KEPT_MS + 1)
    await presence.session(other, up_to_date=False)
    assert await presence.session(mine, up_to_date=False) is not first
    assert presence.reads == 3


async def test_session_without_a_log_is_kept_for_its_whole_gap(visitor: AsyncClient, clock: ManualClock, settings: Any):
    presence, mine, other = Kept(clock), visit(settings, "off"), visit(settings)
    first = await presence.session(mine)
    clock.advance(1_000 * wiring.config().session_gap_s - 1)
    await presence.session(other)
    assert await presence.session(mine) is first
    clock.advance(1_000 * wiring.config().session_gap_s + 1)
    await presence.session(other)
    assert await presence.session(mine) is not first


@pytest.mark.parametrize("consent", ["off", "session"])
async def test_forgotten_session_is_gone_from_memory(
    visitor: AsyncClient, clock: ManualClock, settings: Any, consent: str
):
    presence, mine = Kept(clock), visit(settings, consent)
    before = presence.observe(mine, [opened(mine)])
    assert before.context.clicked
    presence.forget(mine.session)
    assert not presence.here(mine).context.clicked
    assert presence.unlogged_events(mine.session) == []


async def test_session_without_a_log_is_built_anew_from_memory_whenever_the_world_is_swapped(
    visitor: AsyncClient, clock: ManualClock, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept, "UNLOGGED_EVENTS_KEPT", 2)
    presence, mine, replica = Kept(clock), visit(settings, "off"), wiring.replica()
    items = [item.item for item in replica.world.catalogue[:3]]
    presence.observe(mine, [opened(mine, item) for item in items])
    for _ in range(2):
        replica.world = renumbered()
        context = presence.here(mine).context
        assert [replica.world.catalogue[row].item for row in context.clicked] == items[:2]


async def test_what_happens_while_earlier_sessions_are_read_stays(
    visitor: AsyncClient, clock: ManualClock, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    presence, mine = Kept(clock), visit(settings, "visitor")

    async def meanwhile(visit: Visit) -> list[list[Click]]:
        presence.observe(mine, [opened(mine)])
        return [[opened(mine)]]

    monkeypatch.setattr(presence, "_earlier", meanwhile)
    assert (await presence.session(mine)).context.clicked


async def test_longest_untouched_gives_way_where_there_are_too_many(
    visitor: AsyncClient, clock: ManualClock, settings: Any
):
    presence, visits = Kept(clock, limit=2), [visit(settings) for _ in range(3)]
    sessions = [await presence.session(each, up_to_date=False) for each in visits]
    assert await presence.session(visits[2], up_to_date=False) is sessions[2]
    assert await presence.session(visits[0], up_to_date=False) is not sessions[0]


async def test_returning_visitor_does_not_wait_for_a_log_that_hangs(
    compiled: None, visitor: AsyncClient, clock: ManualClock, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    presence, mine = Kept(clock), visit(settings, "visitor")

    async def hangs(visit: Visit) -> list[Any]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(kept, "WAIT_S", 0.01)
    monkeypatch.setattr(presence, "_earlier", hangs)
    async with asyncio.timeout(2):
        assert (await presence.session(mine)).id == mine.session


async def test_returning_visitor_is_known_though_the_world_is_swapped_while_their_session_is_read(
    visitor: AsyncClient, clock: ManualClock, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    presence, mine, replica = Kept(clock), visit(settings, "visitor"), wiring.replica()

    async def earlier(visit: Visit) -> list[list[Click]]:
        return [[Click(event_time_ms=NOW_MS, session="before", item=replica.world.catalogue[0].item)]]

    async def swapping(session: str) -> list[Any]:
        world = World(wiring.config())
        copying.restore(world, *copying.state(replica.world))
        replica.world = world
        return []

    monkeypatch.setattr(presence, "_earlier", earlier)
    first = (await presence.session(mine)).belief.delta_mean().copy()
    monkeypatch.setattr(presence, "session_events", swapping)
    second = (await presence.session(mine)).belief.delta_mean()
    assert abs(first).sum() > 0
    assert second.tolist() == first.tolist()


def test_session_that_goes_on_for_ever_takes_no_more_memory(stocked: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept, "OTHERS_KNOWN", 3)
    entry = _Entry(wiring.recommender().new_session("s", adaptive=True), wiring.replica().world)
    slates = [SlateServed(event_time_ms=NOW_MS, session="s", slate=f"{n}", surface="new", items=()) for n in range(5)]
    assert all(entry.note(slate) for slate in slates)
    assert not any(entry.note(slate) for slate in slates[-3:])
    assert len(entry.others) == 3
