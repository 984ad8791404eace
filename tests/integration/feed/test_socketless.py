"""What a visitor's page hears by requests, where no websocket opens."""

from typing import Any

import msgspec
from django.http import HttpResponse
from django.test import AsyncClient

from recsys.events import Click
from tests.integration.feed.conftest import logged
from tests.integration.feed.tabs import Tab


def said(response: HttpResponse) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


async def opened(visitor: AsyncClient) -> Tab:
    return Tab(visitor, (await visitor.get("/")).content.decode())


async def told(visitor: AsyncClient, message: str) -> list[dict[str, Any]]:
    return said(await visitor.post("/collect/", message, content_type="text/plain"))


async def test_greeting_says_which_session_goes_on_and_from_which_number(consenting: AsyncClient):
    tab = await opened(consenting)
    await told(consenting, tab.message(7, tab.slate.items[0]))
    response = await consenting.get("/collect/")
    (hello,) = said(response)
    assert (hello["type"], hello["session"], hello["next_seq"], hello["running"]) == ("hello", tab.session, 8, True)
    assert "no-store" in response["Cache-Control"]


async def test_click_is_acknowledged_and_answered_with_the_slate_and_the_lens_that_follow(consenting: AsyncClient):
    tab = await opened(consenting)
    ack, slate, lens = await told(consenting, tab.message(1, tab.slate.items[0], surfaces=["for_you", "lens"]))
    assert (ack["type"], ack["outcomes"]) == ("ack", {"1": "accepted"})
    assert (slate["surface"], lens["surface"]) == ("for_you", "lens")
    assert tab.slate.items[0] not in slate["html"]
    assert [click.item for click in logged(Click)] == [tab.slate.items[0]]


async def test_page_that_goes_away_is_made_no_slate(consenting: AsyncClient):
    tab = await opened(consenting)
    (ack,) = await told(consenting, tab.message(1, tab.slate.items[0], surfaces=[]))
    assert ack["outcomes"] == {"1": "accepted"}
