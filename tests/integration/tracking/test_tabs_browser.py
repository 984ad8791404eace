"""Tabs whose visit goes on otherwise: under another consent, in another session."""

from playwright.async_api import BrowserContext, Page

from tests.integration.tracking.conftest import Site, opened
from tests.patience import until


async def test_other_tabs_stop_when_consent_changes(site: Site, browser: BrowserContext, page: Page):
    await until(lambda: len(site.events) == 2)
    site.consent = "off"
    await opened(site, browser)
    await page.wait_for_timeout(300)
    before = len(site.messages)
    await page.evaluate("""() => document.querySelector("[data-track]").click()""")
    await page.wait_for_timeout(500)
    assert [m for m in site.messages[before:] if any(event["type"] == "click" for event in m["events"])] == []


async def test_tab_that_was_stopped_says_so_and_nothing_else_until_it_is_come_back_to(
    site: Site, browser: BrowserContext, page: Page
):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("""() => {
      window.states = [];
      document.addEventListener("freshet:connection", ({ detail }) => window.states.push(detail.state));
    }""")
    site.consent = "off"
    await opened(site, browser)
    await page.wait_for_timeout(1_500)
    assert await page.evaluate("window.states") == ["stopped"]
    async with page.expect_navigation():
        await page.evaluate("dispatchEvent(new Event('focus'))")


async def test_page_starts_again_once_its_visit_goes_on_in_another_session(
    site: Site, browser: BrowserContext, page: Page
):
    await until(lambda: len(site.events) == 2)
    site.session, site.running = "s2", True
    async with page.expect_navigation():
        await opened(site, browser)
    assert await page.evaluate("document.querySelector('script[data-session]').dataset.session") == "s2"


async def test_pages_of_a_browser_without_cookies_each_go_on_in_their_own_session(
    site: Site, browser: BrowserContext, page: Page
):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("() => { window.stays = true; }")
    site.session = "s2"
    await opened(site, browser)
    await page.wait_for_timeout(1_500)
    await page.click("text=Alien")
    await until(lambda: site.of("click") == ["alien"])
    assert await page.evaluate("window.stays")
