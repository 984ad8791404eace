"""Overview, Learning and Labels in a real browser: in both themes, on a phone and at a desk, with data and without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import ItemUpserted
from recsys.learner import Learner
from tests.axe import violations
from tests.integration.test_aggregates import Listed
from tests.unit.aggregates.visits import visits
from webapp import learning_lag, wiring
from webapp.analytics import permissions
from webapp.analytics.aggregating import AggregateWriter
from webapp.catalog.models import Item
from webapp.training import lineage
from webapp.training.scorebook import ScoreBook

PAGES = ("overview", "learning", "labels")
COUNTED = (*PAGES, "items")
LOG = visits(seed=5, events=2_500)
PERIOD = "?until=2023-11-20&period=30d"


@pytest.fixture(autouse=True, scope="module")
def _beside_a_loop() -> Iterator[None]:
    """Playwright keeps an event loop running in this thread; nothing here is called from it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(autouse=True)
def _wired(redis_server: str, settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.FRESHET_REDIS_URL, settings.FRESHET_VAR = redis_server, tmp_path
    wiring.rewire()
    wiring.redis_client().flushdb()
    yield
    wiring.redis_client().close()
    wiring.rewire()


@pytest.fixture
def counted(transactional_db: None) -> None:
    """A log of visits, counted and learned."""
    AggregateWriter(Listed(LOG), 1_800_000).run(10_000)
    Item.objects.bulk_create(Item.from_event(record.event) for record in LOG if isinstance(record.event, ItemUpserted))
    learner = Learner(EngineConfig(attribution_window_s=120, learn_from_simulated=True))
    learner.fold(LOG)
    ScoreBook(ManualClock(LOG[-1].received_ms), lineage.version(wiring.config())).note(learner)
    now_ms = wiring.clock().now_ms()
    lags = learning_lag.Lags()
    lags.note([now_ms - 80, now_ms - 700], now_ms)
    lags.post(wiring.redis_client(), "web-1", now_ms)


def staff_page(context: BrowserContext, live_server: LiveServer) -> Page:
    """Return a page of a signed-in member of staff; nothing on it may fail."""
    client = Client()
    client.force_login(User.objects.create_superuser("ada", password="countess"))
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda said: pytest.fail(said.text) if said.type == "error" else None)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_and_nothing_overflows(
    counted: None, chromium: Browser, live_server: LiveServer, scheme: Any, width: int
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = staff_page(context, live_server)
    for name in PAGES:
        page.goto(f"{live_server.url}/staff/{name}/{PERIOD}")
        assert page.locator("svg.drawing").count() >= 2
        for disclosure in page.locator("details > summary").all():
            disclosure.click()
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_where_there_is_no_data(
    transactional_db: None, chromium: Browser, live_server: LiveServer, settings: Any, scheme: Any, width: int
) -> None:
    settings.FRESHET_SIMULATED_VISITORS = True
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    # This server answers one after the other, so a stream of events would never end.
    context.route("**/staff/live/events/**", lambda route: route.fulfill(status=204))
    page = staff_page(context, live_server)
    for each in permissions.PAGES:
        page.goto(f"{live_server.url}{each.url}")
        assert page.get_by_role("heading", name="Nothing is counted yet").is_visible() == (each.route in COUNTED)
        assert violations(page) == [], each.title
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), each.title
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_where_one_signs_in_may_not_go_or_finds_nothing(
    transactional_db: None, chromium: Browser, live_server: LiveServer, scheme: Any, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{live_server.url}/staff/login/")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("at all")
    page.get_by_role("button", name="Sign in").click()
    page.locator(".errorlist").first.wait_for()
    found = {"sign in": violations(page)}
    client = Client()
    client.force_login(User.objects.create_user("eve", is_staff=True))
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.goto(f"{live_server.url}/staff/items/")
    found["forbidden"] = violations(page)
    User.objects.update(is_superuser=True)
    page.goto(f"{live_server.url}/staff/items/nothing/")
    found["not found"] = violations(page)
    page.goto(f"{live_server.url}/staff/overview/?period=9d&until=x")
    found["refused"] = violations(page)
    assert found == {name: [] for name in found}
    context.close()


def test_text_in_charts_can_be_read_on_a_phone(counted: None, chromium: Browser, live_server: LiveServer) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 900})
    page = staff_page(context, live_server)
    page.goto(f"{live_server.url}/staff/learning/{PERIOD}")
    heights = page.locator("svg.drawing text").evaluate_all(
        "texts => texts.map(text => text.getBoundingClientRect().height)"
    )
    assert min(heights) >= 10
    context.close()


def test_keyboard_alone_changes_the_period_and_the_address_says_so(
    counted: None, chromium: Browser, live_server: LiveServer
) -> None:
    context = chromium.new_context(viewport={"width": 1_440, "height": 900})
    page = staff_page(context, live_server)
    page.goto(f"{live_server.url}/staff/overview/{PERIOD}")
    page.get_by_label("Visitors", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**simulated=no**")
    assert "period=30d" in page.url
    assert "sessions were simulated" not in page.locator("main").inner_text()
    context.close()


def test_table_under_a_chart_opens_sorts_and_stays_under_its_address(
    counted: None, chromium: Browser, live_server: LiveServer
) -> None:
    context = chromium.new_context(viewport={"width": 1_440, "height": 900})
    page = staff_page(context, live_server)
    page.goto(f"{live_server.url}/staff/learning/{PERIOD}")
    chart = page.locator("figure", has_text="impression of a session")
    chart.get_by_text("The same as a table").click()
    chart.get_by_role("link", name="Difference").click()
    page.wait_for_url("**nth_sort=-gain**")
    head = chart.locator("th[aria-sort=descending]")
    head.wait_for()
    assert head.inner_text().startswith("Difference")
    shown = chart.locator("tbody tr td:nth-child(10)").all_inner_texts()
    page.reload()
    assert chart.locator("tbody tr td:nth-child(10)").all_inner_texts() == shown
    context.close()
