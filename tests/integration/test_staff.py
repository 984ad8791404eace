"""The staff pages' frame: who may see what, and what leads from one page to another."""

import re

import pytest
import redis
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.integration.staff_pages import allow, member, text
from webapp.analytics.permissions import PAGES, Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> User:
    return member(client, "view_live", "view_knob")


def test_live_page_asks_who_you_are(client: Client, wired: redis.Redis):
    response = client.get("/staff/live/")
    assert (response.status_code, response["Location"]) == (302, "/staff/login/?next=/staff/live/")
    assert "Sign in" in text(client.get("/staff/login/"))


def test_fragment_asks_who_you_are_by_moving_the_whole_page(client: Client, wired: redis.Redis):
    response = client.get("/staff/live/", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (200, "/staff/login/")


def test_signing_in_leads_to_the_first_page_that_one_may_see(client: Client, wired: redis.Redis):
    allow(User.objects.create_user("ada", password="countess", is_staff=True), "view_knob")
    response = client.post("/staff/login/", {"username": "ada", "password": "countess"}, follow=True)
    assert [url for url, _ in response.redirect_chain] == ["/staff/", "/staff/knob/"]


@pytest.mark.parametrize("is_staff", [True, False])
def test_each_page_asks_for_its_own_permission(client: Client, wired: redis.Redis, is_staff: bool):
    user = User.objects.create_user("eve", is_staff=is_staff)
    allow(user, *([] if is_staff else ["view_live", "view_knob"]))
    client.force_login(user)
    assert {client.get(path).status_code for path in ("/staff/", "/staff/live/", "/staff/knob/")} == {403}


def test_navigation_links_what_one_may_see_and_marks_the_page_being_read(
    client: Client, staff: User, wired: redis.Redis
):
    page = client.get("/staff/knob/").content.decode()
    navigation = page[page.index('<nav class="staff-pages"') :].split("</nav>")[0]
    assert re.findall(r'href="(/staff/[^"]+)"', navigation) == ["/staff/live/", "/staff/knob/"]
    assert re.search(r'href="/staff/knob/"\s+aria-current="page"', navigation)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_every_page_opens_on_an_empty_site_for_those_who_may_see_it_and_for_nobody_else(
    client: Client, wired: redis.Redis, page: Page
):
    user = User.objects.create_user("ada", is_staff=True)
    client.force_login(user)
    assert client.get(page.url).status_code == 403
    allow(user, page.permission.partition(".")[2])
    response = client.get(page.url)
    assert response.status_code == 200
    assert 'aria-current="page"' in response.content.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_every_page_opens_without_redis_and_those_that_need_it_say_so(client: Client, without_redis: None, page: Page):
    client.force_login(User.objects.create_superuser("ada"))
    response = client.get(page.url)
    # Items and Sessions list what is counted, Overview draws it; Models stand in files.
    needs_it = page.route not in ("overview", "sessions", "items", "models")
    assert response.status_code in ((200, 503) if needs_it else (200,))
    assert ("Redis can't be reached" in text(response)) == needs_it


def test_address_that_is_none_leads_staff_to_their_pages_and_others_to_the_films(
    client: Client, staff: User, wired: redis.Redis
):
    response = client.get("/staff/nothing/")
    assert (response.status_code, "No page has this address." in text(response)) == (404, True)
    assert 'href="/staff/knob/"' in response.content.decode()
    client.logout()
    assert "back to the films" in text(client.get("/staff/nothing/"))


def test_every_permission_of_a_page_is_declared():
    declared = set(Permission.objects.filter(content_type__app_label="analytics").values_list("codename", flat=True))
    assert {page.permission.partition(".")[2] for page in PAGES} <= declared


def test_django_s_admin_links_the_staff_pages(client: Client, staff: User, wired: redis.Redis):
    assert 'href="/staff/"' in client.get("/admin/").content.decode()
