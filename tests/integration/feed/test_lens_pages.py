"""The lens without scripts: pages of their own, and numbers that add up as they are printed."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import AsyncClient

from recsys.events import ItemUpserted, SlateServed
from tests.integration.feed.conftest import GENRES, logged, renumbered
from webapp import wiring
from webapp.feed import shelves
from webapp.feed.lens.memory import lens_memory


@pytest.fixture(autouse=True)
def nothing_remembered(stocked: None) -> None:
    lens_memory.cache_clear()


async def opened(visitor: AsyncClient, path: str, **headers: str) -> str:
    response = await visitor.get(path, headers=headers)
    assert response.status_code == 200, path
    return unescape(response.content.decode())


def hundredths(printed: str) -> int:
    """Return a printed number in whole hundredths."""
    return round(float(printed.replace("\N{MINUS SIGN}", "-")) * 100)


async def test_lens_is_a_page_with_the_slate_what_is_believed_and_why(visitor: AsyncClient):
    html = await opened(visitor, "/lens/")
    assert 'data-surface="for_you"' in html
    assert [genre for genre in GENRES if f'data-taste="{genre}"' in html] == list(GENRES)
    shown = re.findall(r'<li class="slot" data-item="([^"]+)"', html)
    assert re.findall(r'data-why="([^"]+)"', html) == shown == list(logged(SlateServed)[-1].items)


async def test_printed_contributions_add_up_to_the_printed_strength(visitor: AsyncClient):
    html = await opened(visitor, "/lens/")
    items, printed = re.findall(r'data-why="([^"]+)"', html), re.findall(r'why-strength">([^<]+)<', html)
    assert len(items) > 0
    slate = logged(SlateServed)[-1].slate
    for item, strength in zip(items, printed, strict=True):
        numbers = await opened(visitor, f"/lens/why/?slate={slate}&item={item}")
        *parts, total = (hundredths(number) for number in re.findall(r'class="number">([^<]+)<', numbers))
        assert sum(parts) == total == hundredths(strength), item


async def test_numbers_that_are_not_remembered_are_said_to_be_gone(visitor: AsyncClient):
    html = await opened(visitor, "/lens/why/?slate=other&item=horror-1")
    assert "not at hand any more" in html


async def test_numbers_of_a_film_that_does_not_exist_are_not_found(visitor: AsyncClient):
    assert (await visitor.get("/lens/why/?slate=other&item=nothing")).status_code == 404


async def test_another_visitor_can_not_ask_for_this_ones_reasons(visitor: AsyncClient):
    await opened(visitor, "/lens/")
    slate = logged(SlateServed)[-1]
    html = await opened(AsyncClient(), f"/lens/why/?slate={slate.slate}&item={slate.items[0]}")
    assert "not at hand any more" in html


async def test_fragment_for_the_panel_serves_no_slate_of_its_own(visitor: AsyncClient):
    await opened(visitor, "/")
    before = len(logged(SlateServed))
    html = await opened(visitor, "/lens/", **{"HX-Request": "true"})
    assert len(logged(SlateServed)) == before
    assert "<html" not in html
    assert 'data-surface="lens"' in html


async def test_every_taste_stands_in_a_table(visitor: AsyncClient):
    html = await opened(visitor, "/lens/tastes/")
    rows = re.findall(r'<th scope="row">([^<]+)</th>', html)
    tastes = wiring.replica().world.tastes
    assert sorted(rows[: len(tastes)]) == sorted(tastes)
    assert "opened along" in rows[len(tastes) :]


@pytest.mark.parametrize("part", ["tastes/", "why/?item=horror-1"])
async def test_page_of_what_opens_within_another_part_leads_back_by_the_tabs(visitor: AsyncClient, part: str):
    tabs = b'aria-label="Parts of the lens"'
    assert tabs in (await visitor.get(f"/lens/{part}")).content
    assert tabs not in (await visitor.get(f"/lens/{part}", headers={"HX-Request": "true"})).content


@pytest.mark.parametrize("part", ["", "twin/", "time/", "what-if/", "data/", "tastes/", "data.json"])
@pytest.mark.parametrize("kind", ["empty", "without genres"])
async def test_every_part_has_something_to_say_where_there_is_nothing(wired: object, kind: str, part: str, settings):
    settings.FRESHET_CONSENT_DEFAULT = "session"
    wiring.rewire()
    if kind == "without genres":
        for number in range(8):
            event = ItemUpserted(event_time_ms=number, item=str(number), title=f"Film {number}")
            wiring.replica().world.upsert_item(event)
    assert (await AsyncClient().get(f"/lens/{part}")).status_code == 200


async def test_films_of_a_slate_keep_their_names_when_rows_are_renumbered(visitor: AsyncClient):
    def named(html: str) -> list[tuple[str, str]]:
        return re.findall(r'data-why="([^"]+)".*?why-title">([^<]+)<', html, re.DOTALL)

    await opened(visitor, "/")
    before = named(await opened(visitor, "/lens/", hx_request="true"))
    wiring.replica().world = renumbered()
    assert named(await opened(visitor, "/lens/", hx_request="true")) == before != []


async def test_tastes_keep_their_names_when_rows_are_renumbered_while_the_list_is_logged(
    visitor: AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    def believed(html: str) -> list[tuple[str, ...]]:
        return sorted(re.findall(r'aria-label="(\w+): (\S+) points (more|less)', html))

    async def then_renumbered(*args: Any) -> Any:
        served = await serve(*args)
        wiring.replica().world = renumbered()
        return served

    html = await opened(visitor, "/")
    await visitor.get(re.search(r'href="(/item/horror-1/\?slate=[^"]+)"', html)[1])
    before, serve = believed(await opened(visitor, "/lens/", hx_request="true")), shelves.serve
    monkeypatch.setattr(shelves, "serve", then_renumbered)
    assert believed(await opened(visitor, "/lens/")) == before != []
