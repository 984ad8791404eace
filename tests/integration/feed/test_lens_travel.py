"""Time travel tells the truth: lists as they were logged, beliefs as the world of that moment gives them."""

import asyncio
import re
from collections.abc import Sequence
from html import unescape

import msgspec
import pytest
from django.test import AsyncClient

from recsys.clock import ManualClock
from recsys.events import Click, Event, SlateServed
from recsys.learner import Learner
from recsys.log.archive import ArchiveLog, write_segments
from recsys.log.base import records
from recsys.offsets import ORIGIN
from recsys.recommender import Recommender
from recsys.sessions.portrait import Portrait, portray
from tests.integration.feed.conftest import fold, logged, session_events
from tests.integration.feed.tabs import tab
from webapp import wiring
from webapp.feed.lens import journeys as journeys_module
from webapp.feed.lens.journeys import Journeys, journeys
from webapp.feed.lens.rebuilding import Gone, steps
from webapp.tracking.consent import SESSION_COOKIE
from webapp.tracking.tokens import read_session


@pytest.fixture(autouse=True)
def in_a_world_that_lived(whole_lists: None, lived: None) -> None:
    """Its world came out of its log, and two horror films stand on every list."""


@pytest.fixture
def visitor() -> AsyncClient:
    client = AsyncClient()
    client.cookies["freshet_consent"] = "session"
    return client


async def browse(visitor: AsyncClient, *, learning: bool = True) -> str:
    """See everything, open two horror films, the world learning in between; return the session."""
    async with tab(visitor) as mine:
        for seq, item in enumerate(mine.slate.items, start=1):
            await mine.send(seq, item, "impression")
            await mine.hear()
        for seq, item in enumerate([each for each in mine.slate.items if each.startswith("horror")][:2], start=100):
            if learning:
                fold()
            await mine.send(seq, item)
            await mine.hear()
            await mine.hear()
    return read_session(visitor.cookies[SESSION_COOKIE].value).session


async def rebuilt(session: str, events: Sequence[Event] = ()) -> list[Portrait | Gone | None]:
    events = events or session_events(session)
    while (found := journeys().beliefs(session, events)).working or len(found.portraits) < len(steps(events)):
        await asyncio.sleep(0.02)
    return list(found.portraits)


async def shown(visitor: AsyncClient, step: int | str) -> str:
    response = await visitor.get(f"/lens/time/?step={step}")
    assert response.status_code == 200
    return unescape(response.content.decode())


async def test_each_step_shows_the_list_that_was_logged(visitor: AsyncClient):
    session = await browse(visitor)
    slates = {slate.slate: slate for slate in logged(SlateServed) if slate.surface == "for_you"}
    newest = ""
    for step in steps(session_events(session)):
        html = await shown(visitor, step.number)
        if isinstance(step.event, SlateServed):
            newest = step.event.slate
        assert re.findall(r'<ol class="logged">.*?</ol>', html, re.DOTALL)
        listed = re.search(r'<ol class="logged">(.*?)</ol>', html, re.DOTALL)[1]
        assert tuple(re.findall(r'data-item="([^"]+)"', listed)) == slates[newest].items
    assert len(slates) == 3


async def test_belief_is_that_of_the_session_on_the_world_that_made_the_list(visitor: AsyncClient):
    session = await browse(visitor)
    events, portraits = session_events(session), await rebuilt(session)
    versions = {event.version for event in events if isinstance(event, SlateServed)}
    assert len(versions) == 3
    for step, portrait in zip(steps(events), portraits, strict=True):
        learner = Learner(wiring.config())
        learner.fold(records(wiring.event_log(), until=step.slate.version))
        expected = portray_on(learner, session, events[: step.taken])
        assert portrait.mean.tolist() == expected.mean.tolist()
        assert portrait.deviation.tolist() == expected.deviation.tolist()
    horror = portraits[-1].names.index("Horror")
    assert portraits[-1].mean[horror] > 0 == portraits[0].mean[horror]


def portray_on(learner: Learner, session: str, events: Sequence[Event]) -> Portrait:
    recommender = Recommender(wiring.config(), lambda: learner.world, ManualClock(0))
    return portray(learner.world, recommender.rebuild(session, events))


async def test_what_comes_later_is_added_and_nothing_is_rebuilt_twice(visitor: AsyncClient):
    session = await browse(visitor)
    before = await rebuilt(session)
    folded = journeys().beliefs(session, session_events(session)).folded
    await visitor.get("/")
    after = await rebuilt(session)
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert journeys().beliefs(session, session_events(session)).folded <= folded + len(logged(SlateServed))


async def test_session_is_rebuilt_from_what_the_archive_has_of_it(visitor: AsyncClient):
    session = await browse(visitor)
    held = session_events(session)
    write_segments(wiring.archive_path(), list(records(wiring.event_log())))
    wiring.event_log().forget_session(session)
    archived = ArchiveLog(wiring.archive_path()).session_events(session)
    assert archived == held
    portraits = await rebuilt(session, archived)
    assert {type(portrait) for portrait in portraits} == {Portrait}
    assert ArchiveLog(wiring.archive_path()).end() != ORIGIN


async def test_belief_whose_records_are_gone_says_so_and_the_list_stays(visitor: AsyncClient, settings):
    settings.FRESHET_LENS_FARTHEST_EVENTS = 10
    session = await browse(visitor)
    portraits = await rebuilt(session)
    assert {type(portrait) for portrait in portraits} == {Gone}
    html = await shown(visitor, 3)
    assert "can't be rebuilt any more" in html
    assert '<ol class="logged">' in html


async def test_list_that_names_no_world_or_nonsense_is_shown_and_its_belief_gone():
    for version in ("", "nonsense"):
        slate = SlateServed(event_time_ms=5, session=version or "s", slate="1", surface="for_you", items=("horror-1",))
        wiring.event_log().append([msgspec.structs.replace(slate, version=version)])
        (portrait,) = await rebuilt(version or "s")
        assert isinstance(portrait, Gone)


@pytest.mark.parametrize("step", ["9" * 5_000, "99999", "-1", "²", "१", "two", ""])
async def test_step_that_is_none_shows_the_newest(visitor: AsyncClient, step: str):
    await visitor.get("/")
    (only,) = steps(session_events(read_session(visitor.cookies[SESSION_COOKIE].value).session))
    html = await shown(visitor, step)
    assert f'data-step="{only.number}"' in html
    assert "Step 1 of 1" in html


async def test_who_comes_by_has_not_the_whole_archive_searched(visitor: AsyncClient):
    write_segments(wiring.archive_path(), list(records(wiring.event_log())))
    for segment in wiring.archive_path().glob("*.parquet"):
        segment.write_bytes(b"whoever reads this fails")
    assert "Nothing of this session is at hand" in " ".join((await shown(visitor, 0)).split())


async def test_without_consent_there_is_no_past(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    await visitor.get("/")
    html = await shown(visitor, 0)
    assert "Nothing of this visit is logged" in html
    assert logged(Click) == []


async def test_world_of_the_past_is_let_go_when_nobody_has_looked_for_a_while(visitor: AsyncClient):
    session = await browse(visitor)
    past = journeys_module._past()
    held_a_moment = Journeys(lambda: past, held_s=0.05)
    events = session_events(session)
    newest = logged(SlateServed)[-1].version
    while held_a_moment.beliefs(session, events).working or past.start(newest) != ORIGIN:
        await asyncio.sleep(0.02)
    before = list(held_a_moment.beliefs(session, events).portraits)
    assert len(before) == len(steps(events))
    assert all(isinstance(portrait, Portrait) for portrait in before)
    held_a_moment.close()
