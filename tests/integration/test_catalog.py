"""The catalogue: what staff change reaches the log or is not saved, and search finds what people type."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from recsys.clock import ManualClock
from recsys.errors import LogFull
from recsys.events import ItemRemoved, ItemUpserted
from recsys.log.base import records
from recsys.log.memory import MemoryLog
from webapp import wiring
from webapp.catalog import search, services
from webapp.catalog.models import Item
from webapp.catalog.search import SearchIndex

ALIEN = Item(item_id="1", title="Alien", categories=["horror"], tags=["ridley scott"], year=1979)


def logged() -> list[Any]:
    """Return what the live log holds."""
    return [record.event for record in records(wiring.event_log())]


# -- services ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_saved_item_is_in_the_log_as_it_stands(wired: redis.Redis) -> None:
    services.save_item(ALIEN)
    (event,) = logged()
    assert event == ItemUpserted(
        event_time_ms=event.event_time_ms,
        item="1",
        title="Alien",
        categories=("horror",),
        tags=("ridley scott",),
        year=1979,
    )
    assert Item.objects.get() == ALIEN


@pytest.mark.django_db
def test_removed_item_comes_back(wired: redis.Redis) -> None:
    item = Item(item_id="1", title="Alien")
    services.set_removed(item, True)
    services.set_removed(item, False)
    assert [type(event) for event in logged()] == [ItemRemoved, ItemUpserted]
    assert not Item.objects.get().removed


@pytest.mark.django_db
def test_item_is_not_saved_when_the_log_is_full() -> None:
    with pytest.raises(LogFull):
        services.save_item(ALIEN, MemoryLog(ManualClock(1), max_length=0))
    assert not Item.objects.exists()


# -- admin -------------------------------------------------------------------------------------------------------


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    """Return a client that is logged in as somebody who may do everything."""
    client.force_login(User.objects.create_superuser("staff"))
    return client


FORM = {"item_id": "1", "title": "Alien", "year": "1979", "categories": "horror\nsci-fi\n", "tags": " ridley scott "}


def test_item_added_in_the_admin_reaches_the_log(staff: Client, wired: redis.Redis) -> None:
    response = staff.post("/admin/catalog/item/add/", FORM)
    assert response.status_code == 302
    (event,) = logged()
    assert (event.categories, event.tags) == (("horror", "sci-fi"), ("ridley scott",))


@pytest.mark.parametrize("item", ["..", "a/./b", "a\x1fb"])
def test_item_that_no_page_could_show_is_not_added_and_the_page_says_so(staff: Client, item: str) -> None:
    response = staff.post("/admin/catalog/item/add/", FORM | {"item_id": item})
    assert "Pages have ids in their addresses" in response.content.decode()
    assert not Item.objects.exists()


def test_admin_shows_lists_as_lines_and_never_deletes(staff: Client, wired: redis.Redis) -> None:
    services.save_item(ALIEN)
    page = staff.get("/admin/catalog/item/1/change/").content.decode()
    assert re.search(r'<textarea name="categories"[^>]*>\s*horror</textarea>', page)
    assert "/admin/catalog/item/1/delete/" not in page
    assert staff.post("/admin/catalog/item/1/delete/", {"post": "yes"}).status_code == 403


def test_action_removes_items_from_lists(staff: Client, wired: redis.Redis) -> None:
    services.save_item(ALIEN)
    staff.post("/admin/catalog/item/", {"action": "remove_from_lists", "_selected_action": ["1"]})
    assert Item.objects.get().removed
    assert isinstance(logged()[-1], ItemRemoved)


def test_nothing_is_saved_without_the_log_and_the_page_says_so(staff: Client, without_redis: None) -> None:
    response = staff.post("/admin/catalog/item/add/", FORM, follow=True)
    assert "Nothing was saved: expected the log&#x27;s Redis server to answer" in response.content.decode()
    assert not Item.objects.exists()


def test_item_that_the_log_can_not_hold_is_not_saved_and_the_page_says_so(staff: Client, wired: redis.Redis) -> None:
    tags = "\n".join(f"somebody {number}" for number in range(5_000))
    response = staff.post("/admin/catalog/item/add/", FORM | {"tags": tags}, follow=True)
    assert "Nothing was saved: item: expected at most 65536 bytes" in response.content.decode()
    assert not Item.objects.exists()


# -- search ------------------------------------------------------------------------------------------------------

FILMS = (
    ("Alien", ("horror", "sci-fi"), ("ridley scott",), 1979),
    ("Aliens", ("action",), (), 1986),
    ("Les Misérables", ("drama",), (), 1995),
    ("L'Enfer", ("drama",), (), 1994),
    ("Ulee's Gold", ("drama",), ("alien abduction",), 1997),
    ("Body Snatchers", (), (), 1993),
    ("Body Snatchers", (), (), 1956),
)


def catalogue(films: Sequence[tuple[Any, ...]] = FILMS) -> list[ItemUpserted]:
    return [
        ItemUpserted(event_time_ms=0, item=str(row), title=title, categories=categories, tags=tags, year=year)
        for row, (title, categories, tags, year) in enumerate(films)
    ]


@pytest.fixture
def index() -> SearchIndex:
    """Return the index of some films."""
    index = SearchIndex()
    index.refresh(catalogue())
    return index


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("alien", ["Alien", "Aliens", "Ulee's Gold"]),
        ("ALI", ["Alien", "Aliens", "Ulee's Gold"]),
        ("miserables", ["Les Misérables"]),
        ("misérables les", ["Les Misérables"]),
        ("enfer", ["L'Enfer"]),
        ("l'enfer", ["L'Enfer"]),
        ("ulees", ["Ulee's Gold"]),
        ("alien 1979", ["Alien"]),
        ("ridley", ["Alien"]),
        ("horror scott", ["Alien"]),
        ("alien drama", ["Ulee's Gold"]),
        ("lien", []),
        ("", []),
        ("?!", []),
    ],
)
def test_search_finds_by_the_beginnings_of_words(index: SearchIndex, query: str, titles: list[str]) -> None:
    assert [FILMS[row][0] for row in index.find(query)] == titles


def test_same_titles_stand_in_order_of_id(index: SearchIndex) -> None:
    assert index.find("body snatchers") == [5, 6]


def test_changed_and_dropped_items_are_found_as_they_are_now(index: SearchIndex) -> None:
    changed = catalogue()
    changed[0] = ItemUpserted(event_time_ms=1, item="0", title="Solaris")
    index.refresh(changed)
    assert index.find("solaris") == [0]
    assert 0 not in index.find("alien")
    index.refresh(catalogue(FILMS[:1]))
    assert (index.find("alien"), index.find("enfer"), index.find("solaris")) == ([0], [], [])


@given(st.lists(st.lists(st.text("ab c", max_size=6), min_size=1, max_size=5), max_size=4), st.text("abc ", max_size=5))
def test_refreshed_index_answers_like_a_new_one(versions: list[list[str]], query: str) -> None:
    refreshed, new = SearchIndex(), SearchIndex()
    items: list[ItemUpserted] = []
    for titles in versions:
        items = [ItemUpserted(event_time_ms=0, item=str(row), title=title) for row, title in enumerate(titles)]
        refreshed.refresh(items)
    new.refresh(items)
    assert refreshed.find(query) == new.find(query)


def test_search_leaves_removed_items_out_and_keeps_to_its_limit(wired: redis.Redis) -> None:
    world = wiring.replica().world
    for item in catalogue():
        world.upsert_item(item)
    world.remove_item(ItemRemoved(event_time_ms=1, item="0"))
    assert search.find("alien", 10) == ["1", "4"]
    assert search.find("alien", 1) == ["1"]
