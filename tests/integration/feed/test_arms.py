"""Whoever is in the control arm stays there, whatever reconnects or rebuilds; and simulated visitors are marked."""

import html as markup
import re
from typing import Any

import msgspec
import pytest
from django.test import AsyncClient

from recsys.events import Click, SessionBegan, SessionEvent, SlateServed
from tests.integration.feed.conftest import logged, stock
from tests.integration.feed.tabs import tab
from webapp import wiring
from webapp.feed.presence import presence
from webapp.tracking.consent import Visit, switched, visit_from
from webapp.tracking.tokens import SessionToken, read_session

SIMULATED = {"Freshet-Simulated": "1"}
NOW_MS = 1_700_000_000_000


@pytest.fixture
def control(visitor: AsyncClient, settings: Any) -> AsyncClient:
    settings.FRESHET_CONTROL_SHARE = 1.0
    return visitor


@pytest.fixture
def simulator(visitor: AsyncClient, settings: Any) -> AsyncClient:
    settings.FRESHET_SIMULATED_VISITORS = True
    settings.FRESHET_SIMULATED_CONTROL_SHARE = 0.0
    return visitor


async def visit_of_cookies(visitor: AsyncClient) -> Visit:
    cookies = {name: morsel.value for name, morsel in visitor.cookies.items()}
    return visit_from(cookies, wiring.clock().now_ms())


def arms() -> set[str]:
    return {slate.arm for slate in logged(SlateServed)}


async def test_by_default_every_visitor_is_adapted_to(visitor: AsyncClient):
    await visitor.get("/")
    assert arms() == {"adaptive"}


async def test_click_of_the_control_arm_is_learned_from_and_turns_no_slate(control: AsyncClient):
    async with tab(control) as mine:
        before = [item for item in mine.slate.items if item != mine.slate.items[4]]
        await mine.send(1, mine.slate.items[4])
        await mine.hear()
        pushed = await mine.hear()
    assert arms() == {"control"}
    after = re.findall(r'<li class="slot" data-item="([^"]+)"', markup.unescape(pushed["html"]))
    assert after[: len(before)] == before
    assert len(logged(Click)) == 1


async def test_running_session_keeps_its_arm_when_shares_change(control: AsyncClient, settings: Any):
    await control.get("/")
    settings.FRESHET_CONTROL_SHARE = 0.0
    async with tab(control) as first, tab(control) as second:
        await second.send(1, second.slate.items[1], "impression")
        await second.hear()
        await first.send(2, first.slate.items[0])
        assert (await second.hear())["type"] == "slate"
    assert arms() == {"control"}


async def test_process_that_meets_the_session_anew_serves_it_in_its_arm(control: AsyncClient):
    await control.get("/")
    visit = await visit_of_cookies(control)
    presence.cache_clear()
    assert not (await presence().session(visit)).adaptive


async def test_session_built_anew_on_another_world_stays_in_its_arm(control: AsyncClient):
    await control.get("/")
    visit = await visit_of_cookies(control)
    wiring.replica.cache_clear()
    stock()
    assert not (await presence().session(visit)).adaptive
    assert not presence().observe(visit, []).adaptive


async def test_returning_visitor_is_in_the_arm_of_the_last_visit(visitor: AsyncClient, settings: Any):
    settings.FRESHET_CONTROL_SHARE = 0.5
    cookies = {"freshet_consent": "visitor", "freshet_visitor": "v" * 22}
    found = {visit_from(cookies, NOW_MS).adaptive for _ in range(50)}
    assert len(found) == 1
    assert {visit_from({"freshet_consent": "visitor"}, NOW_MS).adaptive for _ in range(50)} == {True, False}


def test_session_in_which_a_visitor_agrees_to_be_recognised_ends_in_its_arm(settings: Any):
    settings.FRESHET_CONSENT_DEFAULT, settings.FRESHET_CONTROL_SHARE = "session", 1.0
    begun = visit_from({}, NOW_MS)
    settings.FRESHET_CONTROL_SHARE = 0.0
    agreed = switched(begun, "visitor")
    assert (agreed.session, agreed.adaptive) == (begun.session, False)
    assert switched(begun, "off").adaptive


def test_arms_of_real_and_of_simulated_visitors_have_shares_of_their_own(settings: Any):
    settings.FRESHET_CONTROL_SHARE, settings.FRESHET_SIMULATED_CONTROL_SHARE = 0.0, 1.0
    assert visit_from({}, NOW_MS).adaptive
    assert not visit_from({}, NOW_MS, simulated=True).adaptive


async def test_everything_that_a_simulated_visitor_does_is_marked(simulator: AsyncClient):
    simulator.cookies["freshet_consent"] = "session"
    await simulator.get("/", headers=SIMULATED)
    async with tab(simulator) as mine:  # later pages and the socket need no header: the token carries the mark
        await mine.send(1, mine.slate.items[0])
        await mine.hear()
        await mine.hear()
    await simulator.get(f"/item/{mine.slate.items[1]}/?slate={mine.slate.slate}")
    events = logged(SessionEvent)
    assert {type(event) for event in events} == {SessionBegan, SlateServed, Click}
    assert all(event.simulated for event in events)
    assert len([event for event in events if isinstance(event, Click)]) == 2


async def test_ordinary_visitor_is_never_marked(visitor: AsyncClient):
    await visitor.get("/?Freshet-Simulated=1&simulated=1")
    assert {slate.simulated for slate in logged(SlateServed)} == {False}


async def test_session_of_a_person_does_not_become_a_simulated_one(simulator: AsyncClient):
    await simulator.get("/")
    person = read_session(simulator.cookies["freshet_session"].value)
    await simulator.get("/", headers=SIMULATED)
    other = read_session(simulator.cookies["freshet_session"].value)
    assert (person.simulated, other.simulated) == (False, True)
    assert person.session != other.session


async def test_site_that_takes_no_simulated_visitors_says_so_and_logs_nothing(visitor: AsyncClient):
    response = await visitor.get("/", headers=SIMULATED)
    assert response.status_code == 403
    assert logged(SlateServed) == []


def test_token_of_a_page_from_before_there_were_arms_is_of_a_person_who_is_adapted_to():
    older = msgspec.msgpack.encode(["session-1", "session", NOW_MS])
    token = msgspec.msgpack.decode(older, type=SessionToken)
    assert (token.adaptive, token.simulated) == (True, False)
