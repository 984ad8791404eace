""" "Back" brings a page again as it was left: it goes on from there, under what holds by then."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

from recsys.events import Click
from tests.chromium import launch_options
from tests.integration.feed.conftest import logged
from tests.patience import until

#: What the browser says; it may also lack the memory.
WHY_NOT_KEPT = """
() => (performance.getEntriesByType("navigation")[0].notRestoredReasons?.reasons ?? []).map(({ reason }) => reason)
"""
SESSION = "document.querySelector('script[data-session]').dataset.session"


@pytest.fixture
async def phone(address: str) -> AsyncIterator[Page]:
    """The front page on a phone, where films are pages of their own; the browser keeps pages for "back"."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            **launch_options(), ignore_default_args=["--disable-back-forward-cache"]
        )
        context = await browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
        page = await context.new_page()
        await page.goto(address)
        await page.wait_for_timeout(900)
        yield page
        await browser.close()


@pytest.fixture
async def wide(address: str) -> AsyncIterator[Page]:
    """The front page where films open beside the list; the browser keeps pages for "back"."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            **launch_options(), ignore_default_args=["--disable-back-forward-cache"]
        )
        page = await (await browser.new_context(viewport={"width": 1_440, "height": 900})).new_page()
        await page.goto(address)
        yield page
        await browser.close()


async def first_film(page: Page) -> str:
    return str(await page.locator("[data-surface=for_you] .slot").first.get_attribute("data-item"))


async def test_front_page_is_kept_follows_what_was_opened_and_goes_on(phone: Page, address: str):
    first = await first_film(phone)
    await phone.locator("[data-surface=for_you] .card").first.tap()
    await expect(phone).to_have_url(re.compile(f"/item/{first}/"))
    await until(lambda: len(logged(Click)) == 1)
    await phone.evaluate("history.back()")
    await expect(phone).to_have_url(f"{address}/")
    assert "broadcastchannel-message" not in await phone.evaluate(WHY_NOT_KEPT)
    await expect(phone.locator(f'[data-surface=for_you] [data-item="{first}"]')).to_have_count(0)
    second = await first_film(phone)
    await phone.locator("[data-surface=for_you] .card").first.tap()
    await expect(phone).to_have_url(re.compile(f"/item/{second}/"))
    await until(lambda: [click.item for click in logged(Click)] == [first, second])


async def test_front_page_that_is_kept_with_a_film_open_beside_follows_what_was_opened_since(wide: Page, address: str):
    slates, beside = wide.locator("section[data-surface=for_you]"), await first_film(wide)
    first = await slates.get_attribute("data-slate")
    await wide.locator("[data-surface=for_you] .card").first.click()
    await expect(wide).to_have_url(re.compile(f"/item/{beside}/"))
    await expect(slates).not_to_have_attribute("data-slate", str(first))
    turned = await slates.get_attribute("data-slate")
    await wide.goto(f"{address}/search/?q=western")
    await wide.locator(".slot .card").first.click()
    await expect(wide).to_have_url(re.compile("/item/western-"))
    await until(lambda: len(logged(Click)) == 2)
    await wide.evaluate("history.go(-2)")
    await expect(wide).to_have_url(re.compile(f"/item/{beside}/"))
    await expect(wide.locator("#film-title")).to_be_visible()
    await expect(slates).not_to_have_attribute("data-slate", str(turned))


@pytest.mark.parametrize("path", ["", "search/?q=horror"])
async def test_kept_page_starts_again_when_less_was_allowed_meanwhile(phone: Page, address: str, path: str):
    await phone.goto(f"{address}/{path}")
    await phone.goto(f"{address}/history/")
    await phone.locator(".consent [value=off]").click()
    await expect(phone.locator(".consent [value=off][aria-pressed=true]")).to_be_visible()
    await phone.evaluate("history.go(-2)")
    await expect(phone).to_have_url(f"{address}/{path}")
    await expect(phone.locator(".consent [aria-pressed=true]")).to_have_attribute("value", "off")


async def test_kept_page_starts_again_when_its_session_was_forgotten(phone: Page, address: str):
    before = await phone.evaluate(SESSION)
    await phone.goto(f"{address}/lens/data/")
    await phone.locator("[data-forget] button").click()
    await expect(phone.locator("#lens-forgotten")).to_be_visible()
    await phone.evaluate("history.go(-2)")
    await expect(phone).to_have_url(f"{address}/")
    await phone.wait_for_function(f"(before) => {SESSION} !== before", arg=before)
