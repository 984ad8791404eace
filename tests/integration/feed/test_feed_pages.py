"""Pages without scripts: whole, signed, logged, and not in need of Redis."""

import asyncio
import itertools
import re
from html import unescape
from typing import Any

import pytest
from django.test import AsyncClient

from recsys.events import Click, Dismissal, DismissalUndone, ItemUpserted, SessionEvent, SlateServed
from tests.integration.feed.conftest import FILMS_EACH, GENRES, logged, renumbered, stock
from webapp import wiring
from webapp.feed import views
from webapp.feed.presence import presence
from webapp.tracking import refusals
from webapp.tracking.consent import SESSION_COOKIE, visit_from
from webapp.tracking.tokens import read_session, read_slate
from webapp.visitors.pages import read_shelves

FOR_YOU = re.compile(r'<section[^>]*data-surface="for_you".*?</section>', re.DOTALL)


async def opened(visitor: AsyncClient, path: str = "/", **headers: str) -> str:
    response = await visitor.get(path, headers=headers)
    assert response.status_code == 200
    return unescape(response.content.decode())


def slates(html: str) -> list[tuple[str, str]]:
    """Return the surface and token of each list on the page, from the top."""
    found = re.findall(r'data-slate-token="([^"]+)" data-surface="([^"]+)"', html)
    return [(surface, token) for token, surface in found]


def cards(html: str) -> list[str]:
    return re.findall(r'<li class="slot" data-item="([^"]+)"', html)


def link(html: str, item: str) -> str:
    match = re.search(rf'href="(/item/{item}/\?slate=[^"]+)"', html)
    assert match is not None
    return match[1]


async def test_front_page_has_shelves_for_newcomers_for_the_visitor_for_everybody_and_each_genre(visitor: AsyncClient):
    html = await opened(visitor)
    surfaces = [surface for surface, _ in slates(html)]
    assert surfaces == ["trending", "for_you", "trending", "new", "genre", "genre", "genre"]
    assert all(f">{genre}</h2>" in html for genre in GENRES)


async def test_further_genres_follow_a_few_at_a_time_and_are_logged_when_they_are_served(visitor: AsyncClient):
    stock(("Crime", "Drama", "Comedy", "Fantasy"))
    html = await opened(visitor)
    assert len(slates(html)) == len(logged(SlateServed)) == 7
    assert 'hx-get="/genres/?from=3"' in html

    following = await opened(visitor, "/genres/?from=3", hx_request="true")
    assert "<html" not in following and 'hx-get="/genres/?from=6"' in following
    assert [surface for surface, _ in slates(following)] == ["genre"] * 3
    assert len(logged(SlateServed)) == 10

    last = await opened(visitor, "/genres/?from=6", hx_request="true")
    assert len(slates(last)) == 1 and "more-genres" not in last


async def test_without_scripts_all_further_genres_are_a_page(visitor: AsyncClient):
    stock(("Crime", "Drama", "Comedy", "Fantasy"))
    html = await opened(visitor, "/genres/?from=3")
    assert [surface for surface, _ in slates(html)] == ["genre"] * 4
    assert "more-genres" not in html


@pytest.mark.parametrize("first", ["7", "9" * 5_000, "-1", "²", "x", ""])
async def test_any_number_of_a_genre_is_answered(visitor: AsyncClient, first: str):
    assert await opened(visitor, f"/genres/?from={first}")


async def test_each_list_is_signed_and_logged_as_it_was_shown(visitor: AsyncClient):
    html = await opened(visitor)
    shown = [read_slate(token) for _, token in slates(html)]
    served = logged(SlateServed)
    assert [(slate.slate, slate.items) for slate in shown] == [(event.slate, event.items) for event in served]
    assert cards(html) == [item for event in served for item in event.items]


@pytest.mark.parametrize("path", ["/", "/item/horror-3/", "/history/", "/search/?q=horror"])
async def test_page_shows_what_was_logged_though_another_world_is_swapped_in_meanwhile(visitor: AsyncClient, path: str):
    html = await opened(visitor)
    for item in cards(html)[:2]:
        await opened(visitor, (await visitor.get(link(html, item)))["Location"])
    refused = re.search(r'name="card" value="([^"]+)"', FOR_YOU.search(html)[0])[1]
    await visitor.post("/dismiss/", {"card": refused})
    swapping = asyncio.create_task(_swap_worlds())
    html = await opened(visitor, path)
    swapping.cancel()
    assert [(shelf.slate, shelf.items) for shelf in read_shelves(html)] == [
        (slate.slate, slate.items) for slate in (read_slate(token) for _, token in slates(html))
    ]
    if path == "/history/":
        assert refused.partition("/")[2] in re.findall(r'name="undo"\s+value="([^"]+)"', html)


async def _swap_worlds() -> None:
    """Let the rows be numbered otherwise each time the event loop turns."""
    for world in itertools.cycle([renumbered(), wiring.replica().world]):
        wiring.replica().world = world
        await asyncio.sleep(0)


async def test_click_without_scripts_is_logged_once_and_leads_to_a_clean_address(visitor: AsyncClient):
    html = await opened(visitor)
    item = cards(html)[2]
    response = await visitor.get(link(html, item))
    assert (response.status_code, response["Location"]) == (302, f"/item/{item}/")
    await opened(visitor, f"/item/{item}/")
    (click,) = logged(Click)
    assert (click.item, click.position) == (item, 2)
    assert item not in cards(FOR_YOU.search(await opened(visitor))[0])


@pytest.mark.parametrize("slate", ["made-up", ""])
async def test_click_on_something_never_shown_is_refused_and_counted(visitor: AsyncClient, wired: Any, slate: str):
    await opened(visitor)
    response = await visitor.get(f"/item/horror-1/?slate={slate}")
    assert response.status_code == 302
    assert logged(Click) == []
    assert refusals.counts(wired) == {"not_shown": 1}


async def test_what_is_refused_and_requests_for_another_site_are_answered_in_the_sites_look(
    visitor: AsyncClient, settings: Any
):
    of_an_ended_visit = await visitor.post("/dismiss/", {"card": "another-slate/horror-1"})
    settings.ALLOWED_HOSTS = ["here.example"]
    for response in (of_an_ended_visit, await visitor.get("/", headers={"host": "elsewhere.example"})):
        assert response.status_code == 400
        assert "That can't be answered" in response.content.decode()
        assert 'class="masthead"' in response.content.decode()


async def test_dismissed_film_is_gone_from_every_shelf_and_undo_brings_it_back(visitor: AsyncClient):
    html = await opened(visitor)
    item = cards(html)[0]
    card = re.search(rf'name="card" value="([^"]+/{item})"', html)[1]
    response = await visitor.post("/dismiss/", {"card": card, "next": "/?page=1"})
    assert response["Location"] == f"/?page=1&dismissed={item}"
    html = await opened(visitor, response["Location"])
    assert item not in cards(html)
    assert "will not be shown again" in html
    await visitor.post("/dismiss/", {"undo": item, "next": "https://elsewhere.example/"})
    assert item in cards(await opened(visitor))
    assert len(logged(Dismissal)) == len(logged(DismissalUndone)) == 1


async def test_film_page_stands_alone_and_goes_into_the_panel_when_asked(visitor: AsyncClient):
    page = await opened(visitor, "/item/horror-3/")
    assert "<h1><bdi>Horror Nights 3</bdi></h1>" in page
    assert [surface for surface, _ in slates(page)] == ["neighbours"]
    response = await visitor.get("/item/horror-3/?slate=x", headers={"HX-Request": "true", "HX-Target": "film"})
    assert response["HX-Push-Url"] == "/item/horror-3/"
    assert "HX-Target" in response["Vary"]
    assert "<html" not in response.content.decode()


async def test_search_finds_and_says_so_when_it_does_not(visitor: AsyncClient):
    assert len(cards(await opened(visitor, "/search/?q=western"))) == FILMS_EACH
    assert "No film matches" in await opened(visitor, "/search/?q=zzz")
    assert "Type a title" in await opened(visitor, "/search/")


async def test_history_lists_what_was_opened_newest_first(visitor: AsyncClient):
    html = await opened(visitor)
    for item in ("horror-1", "musical-2"):
        await visitor.get(link(html, item))
    assert cards(await opened(visitor, "/history/")) == ["musical-2", "horror-1"]


async def test_history_of_a_visit_that_opened_everything_is_its_latest_part(consenting: AsyncClient):
    films = [f"film-{number}" for number in range(3_000)]
    for film in films:
        wiring.replica().world.upsert_item(ItemUpserted(event_time_ms=1_000, item=film, title=film))
    await opened(consenting)
    now_ms = wiring.clock().now_ms()
    visit = visit_from({name: morsel.value for name, morsel in consenting.cookies.items()}, now_ms)
    presence().observe(
        visit,
        (Click(event_time_ms=now_ms, session=visit.session, seq=seq, item=film) for seq, film in enumerate(films, 1)),
    )
    assert cards(await opened(consenting, "/history/")) == films[: -views.HISTORY_SHOWN - 1 : -1]
    assert logged(SlateServed)[-1].surface == "session_history"


@pytest.mark.parametrize(
    "path", ["/", "/genres/", "/item/horror-1/", "/history/", "/search/?q=horror", "/lens/", "/lens/data/"]
)
async def test_head_is_answered_without_a_page_and_leaves_no_trace(visitor: AsyncClient, path: str):
    response = await visitor.head(path)
    assert (response.status_code, response.content) == (200, b"")
    assert logged(SessionEvent) == []
    assert SESSION_COOKIE not in visitor.cookies


async def test_head_on_a_link_is_no_click(visitor: AsyncClient, wired: Any):
    html = await opened(visitor)
    item = cards(html)[0]
    response = await visitor.head(link(html, item))
    assert (response.status_code, response["Location"]) == (302, f"/item/{item}/")
    assert logged(Click) == []
    assert refusals.counts(wired) == {}


async def test_titles_cannot_bring_markup_in(visitor: AsyncClient):
    html = (await visitor.get("/search/?q=<script>alert(1)</script>")).content.decode()
    assert "<script>alert" not in html


async def test_unknown_film_is_told_in_the_look_of_the_site(visitor: AsyncClient):
    response = await visitor.get("/item/nothing/")
    assert response.status_code == 404
    assert "nothing at this address" in response.content.decode()


async def test_empty_catalogue_says_what_will_appear_and_how(empty_site: None):
    html = await opened(AsyncClient())
    assert "Nothing here yet" in html
    # This very visit is in the log by now, and takes no history after it.
    assert "load_dataset" not in html
    assert "make demo DATASET=movielens FRESHET_VAR=" in html


async def test_list_of_an_empty_catalogue_does_not_say_that_all_was_seen(empty_site: None):
    html = (await AsyncClient().get("/lens/")).content.decode()
    assert "The catalogue has no films yet." in html
    assert "opened or refused everything" not in html


async def test_pages_carry_no_inline_script_or_style(visitor: AsyncClient):
    for path in ("/", "/item/horror-1/", "/history/", "/search/?q=horror"):
        html = await opened(visitor, path)
        assert not re.search(r"<script(?![^>]*\bsrc=)", html)
        assert not re.search(r"<[^>]*\s(style|on\w+)=", html)


async def test_session_is_rebuilt_from_its_events_by_another_process(visitor: AsyncClient):
    html = await opened(visitor)
    item = cards(html)[0]
    await visitor.get(link(html, item))
    presence.cache_clear()
    assert item not in cards(FOR_YOU.search(await opened(visitor))[0])


async def test_pages_render_without_redis(empty_site: None, without_redis: None):
    stock()
    visitor = AsyncClient()
    assert len(cards(await opened(visitor))) > FILMS_EACH
    response = await visitor.post("/dismiss/", {"card": "/horror-1"})
    assert response.status_code == 503
    assert "nothing has changed" in " ".join(response.content.decode().split())


@pytest.mark.parametrize("path", ["/", "/item/horror-1/", "/history/"])
async def test_visitor_pages_ask_the_database_nothing(visitor: AsyncClient, path: str):
    # pytest-django refuses any database access in a test that did not ask for it.
    await opened(visitor, path)


async def test_visit_without_consent_adapts_and_logs_nothing(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "off"
    html = await opened(visitor)
    item = cards(html)[0]
    await visitor.get(link(html, item))
    assert item not in cards(FOR_YOU.search(await opened(visitor))[0])
    assert logged(SlateServed) == logged(Click) == []


async def test_returning_visitor_starts_with_half_of_what_the_last_session_taught(visitor: AsyncClient):
    visitor.cookies["freshet_consent"] = "visitor"
    html = await opened(visitor)
    await visitor.get(link(html, cards(html)[0]))
    first = await belief(visitor)
    del visitor.cookies["freshet_session"]
    await opened(visitor)
    second = await belief(visitor)
    assert 0 < second < first


async def belief(visitor: AsyncClient) -> float:
    """Return how far the visitor's session has moved away from the world."""
    visit = visit_from({name: morsel.value for name, morsel in visitor.cookies.items()}, wiring.clock().now_ms())
    session = await presence().session(visit)
    return float(abs(session.belief.delta_mean()).sum())


async def test_session_in_which_a_visitor_agreed_to_be_recognised_is_one_of_theirs(visitor: AsyncClient, wired: Any):
    await opened(visitor)
    await visitor.post("/consent/", {"consent": "visitor"})
    await opened(visitor)
    key = f"freshet:visitor:{visitor.cookies['freshet_visitor'].value}"
    assert wired.zrange(key, 0, -1) == [read_session(visitor.cookies["freshet_session"].value).session.encode()]
