"""Small screens, colors that the system forces, and paper."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.integration.feed.conftest import stock

#: 400 % of zoom on a desk's screen, and what a page must fit into without scrolling both ways.
NARROW = {"width": 320, "height": 640}
PAGES = (
    "/",
    "/genres/",
    "/item/horror-1/",
    "/search/?q=horror",
    "/history/",
    "/lens/",
    "/lens/tastes/",
    "/lens/twin/",
    "/lens/data/",
    "/nothing/",
)

#: What a clipped text does not say.
CUT = "parts => parts.filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.textContent)"


async def color(page: Page, selector: str, of: str) -> str:
    return await page.locator(selector).first.evaluate(f"(element) => getComputedStyle(element).{of}")


async def test_no_page_is_wider_than_the_narrowest_screen(chromium: Browser, address: str):
    page = await (await chromium.new_context(viewport=NARROW)).new_page()
    for path in PAGES:
        await page.goto(address + path)
        assert (path, await page.evaluate("document.documentElement.scrollWidth")) == (path, NARROW["width"])
        right = "(part) => part.getBoundingClientRect().right"
        for part in await page.locator(".lens-whole .lens-tabs, .lens-whole .beliefs").all():
            assert await part.evaluate(right) <= await page.locator(".lens-whole").evaluate(right)


@pytest.mark.parametrize("width", [320, 375, 1_280])
async def test_poster_says_its_genre_whole(chromium: Browser, address: str, width: int):
    stock(("Adventure", "Romance"))
    page = await (await chromium.new_context(viewport={"width": width, "height": 800})).new_page()
    await page.goto(address)
    posters = page.locator(".cards .poster-meta")
    parts = page.locator(".cards .poster-meta span")
    assert "Adventure" in " ".join(await posters.all_inner_texts())
    assert await posters.evaluate_all(CUT) == await parts.evaluate_all(CUT) == []


async def test_what_is_chosen_is_told_from_the_rest_in_forced_colors(chromium: Browser, address: str):
    page = await (await chromium.new_context(forced_colors="active")).new_page()
    await page.goto(f"{address}/lens/")
    chosen, other = ".lens-tabs [aria-current]", ".lens-tabs a:not([aria-current])"
    assert await color(page, other, "borderBottomColor") == await color(page, "body", "backgroundColor")
    assert await color(page, chosen, "borderBottomColor") != await color(page, "body", "backgroundColor")
    pressed, released = (f".consent [aria-pressed={state}]" for state in ("true", "false"))
    assert await color(page, pressed, "backgroundColor") != await color(page, released, "backgroundColor")
    assert await color(page, ".slot .poster", "backgroundColor") != await color(page, "body", "backgroundColor")


async def test_paper_shows_the_lens_in_its_place_and_dark_letters(chromium: Browser, address: str):
    page = await (await chromium.new_context(viewport={"width": 794, "height": 1_100})).new_page()
    await page.goto(address)
    await page.locator("[data-lens-open]").click()
    await expect(page.locator(".lens-tabs")).to_be_visible()
    await page.evaluate("document.documentElement.dataset.theme = 'dark'")
    await page.emulate_media(media="print")
    assert await color(page, ".lens", "position") == "static"
    assert await color(page, ":root", "colorScheme") == "light"
    assert await color(page, ".slot .poster", "printColorAdjust") == "exact"
