"""The lens over the visitor's websocket: after the slate, after all others' slates, once for all events meanwhile."""

import asyncio
from contextlib import AbstractAsyncContextManager

from django.test import AsyncClient

from recsys.events import SlateServed
from tests.integration.feed.conftest import logged
from tests.integration.feed.tabs import tab
from tests.patience import PATIENCE_S
from webapp.feed.turns import turns


async def test_tab_that_shows_the_lens_gets_it_after_the_slate(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(1, mine.slate.items[1], surfaces=["for_you", "lens"])
        await mine.hear()
        pushed, lens = await mine.hear(), await mine.hear()
        assert list(pushed["laps"]) == ["check", "log", "learn", "slate", "html"]
        assert (lens["surface"], lens["html"], list(lens["laps"])) == ("lens", "", ["lens"])
        assert 'data-taste="Horror"' in lens["lens"]
        assert f"?slate={pushed['slate']}" in lens["lens"]


async def test_tab_without_the_lens_pays_nothing_for_it(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(1, mine.slate.items[1])
        await mine.hear()
        pushed = await mine.hear()
        assert "lens" not in pushed["laps"]
        assert pushed["lens"] == ""


async def test_page_with_the_lens_and_no_slate_gets_the_lens_alone(consenting: AsyncClient):
    async with tab(consenting) as mine:
        await mine.send(1, mine.slate.items[1], surfaces=["lens"])
        await mine.hear()
        pushed = await mine.hear()
        assert (pushed["surface"], pushed["html"], list(pushed["laps"])) == (
            "lens",
            "",
            ["check", "log", "learn", "lens"],
        )
        assert 'data-taste="Horror"' in pushed["lens"]
    assert len([slate for slate in logged(SlateServed) if slate.surface == "for_you"]) == 1


async def test_lens_waits_for_all_slates_and_comes_once_for_all_events_meanwhile(consenting: AsyncClient):
    async with tab(consenting) as mine:
        async with turns().slate():
            for seq, item in enumerate(mine.slate.items[1:4], 1):
                await mine.send(seq, item, surfaces=["lens"])
                assert (await mine.hear())["type"] == "ack"
            assert await mine.socket.receive_nothing(timeout=0.2)
        assert (await mine.hear())["surface"] == "lens"
        assert await mine.socket.receive_nothing(timeout=0.3)


async def test_slates_that_wait_go_before_a_lens_that_waited_longer():
    made: list[str] = []

    async def make(turn: AbstractAsyncContextManager[None], what: str) -> None:
        async with turn:
            made.append(what)

    async with turns().slate():
        waiting = [asyncio.create_task(make(turns().lens(), "lens"))]
        waiting += [asyncio.create_task(make(turns().slate(), f"slate {n}")) for n in range(3)]
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*waiting)
    assert made == ["slate 0", "slate 1", "slate 2", "lens"]
