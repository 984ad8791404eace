"""Small screens, colors that the system forces, and paper."""

import pytest
from playwright.async_api import Browser, Page, expect

from recsys.events import ItemUpserted
from tests.integration.feed.conftest import stock
from webapp import wiring

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

#: Cards whose cross lies on what the poster says.
TOUCHED = """slots => slots.filter((slot) => {
  const cross = slot.querySelector(".dismiss path").getBoundingClientRect();
  return [...slot.querySelectorAll(".poster-meta, .poster-meta span")].some((said) => {
    const box = said.getBoundingClientRect(), right = box.right - parseFloat(getComputedStyle(said).paddingRight);
    return said.childElementCount === 0 && right > cross.left && box.bottom > cross.top;
  });
}).map((slot) => slot.textContent)"""

#: Where a list's heading, its reason and its first card stand.
PLACES = """() => ["h2", ".why", ".card"].map((part) => {
  const { top, bottom } = document.querySelector(`[data-live] ${part}`).getBoundingClientRect();
  return { top, bottom };
})"""


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


@pytest.mark.parametrize("width", [320, 375, 1_280, 1_440])
async def test_poster_says_its_genre_whole(chromium: Browser, address: str, width: int):
    stock(("Adventure", "Romance", *(("Documentary",) if width > 320 else ())))
    page = await (await chromium.new_context(viewport={"width": width, "height": 800})).new_page()
    await page.goto(address)
    posters = page.locator(".cards .poster-meta")
    parts = page.locator(".cards .poster-meta span")
    assert "Adventure" in " ".join(await posters.all_inner_texts())
    assert await posters.evaluate_all(CUT) == await parts.evaluate_all(CUT) == []


@pytest.mark.parametrize("width", [320, 375, 1_440])
async def test_cross_is_clear_of_a_long_genre(chromium: Browser, address: str, width: int):
    stock(("Singer-Songwriter and Acoustic",))
    page = await (await chromium.new_context(viewport={"width": width, "height": 800})).new_page()
    await page.goto(address)
    slots = page.locator(".cards .slot", has_text="Songwriter")
    await expect(slots.first).to_be_visible()
    assert await slots.evaluate_all(TOUCHED) == []


async def test_title_of_one_long_word_stays_within_its_column(chromium: Browser, address: str):
    world, word = wiring.replica().world, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk"
    for number in range(4):
        world.upsert_item(ItemUpserted(event_time_ms=1, item=f"long-{number}", title=f"{word} {number}", year=1_999))
    page = await (await chromium.new_context(viewport={"width": 1_440, "height": 900})).new_page()
    for number in range(3):
        await page.goto(f"{address}/search/?q={word}")
        await page.locator(f".slot[data-item=long-{number}] .card").click()
        await expect(page.locator("#film-title")).to_have_text(f"{word} {number}")
    for path in ("/", "/history/", "/lens/", "/lens/twin/", "/lens/what-if/", "/lens/data/"):
        await page.goto(address + path)
        await expect(page.locator(".lens-tabs")).to_be_visible()
        if path == "/history/":
            await page.locator(".slot .card").first.click()
            await expect(page.locator("#film-title")).to_be_visible()
        wider = await page.locator(".panel, .lens").evaluate_all(CUT)
        assert (path, wider) == (path, [])


@pytest.mark.parametrize("width", [390, 1_920])
async def test_reason_stands_below_its_heading_and_cards_stay_when_it_takes_two_lines(
    chromium: Browser, address: str, width: int
):
    page = await (await chromium.new_context(viewport={"width": width, "height": 900})).new_page()
    await page.goto(address)
    heading, reason, card = await page.evaluate(PLACES)
    assert heading["bottom"] <= reason["top"]
    await page.locator("[data-live] .why").evaluate("(why) => { why.innerHTML = 'First this,<br>and that.' }")
    assert await page.evaluate(PLACES) == [heading, reason, card]


async def test_what_is_chosen_is_told_from_the_rest_in_forced_colors(chromium: Browser, address: str):
    page = await (await chromium.new_context(forced_colors="active")).new_page()
    await page.goto(f"{address}/lens/")
    chosen, other = ".lens-tabs [aria-current]", ".lens-tabs a:not([aria-current])"
    assert await color(page, other, "borderBottomColor") == await color(page, "body", "backgroundColor")
    assert await color(page, chosen, "borderBottomColor") != await color(page, "body", "backgroundColor")
    pressed, released = (f".consent [aria-pressed={state}]" for state in ("true", "false"))
    assert await color(page, pressed, "backgroundColor") != await color(page, released, "backgroundColor")
    assert await color(page, ".slot .poster", "backgroundColor") != await color(page, "body", "backgroundColor")
    key = await page.locator(".key-you").evaluate("key => getComputedStyle(key, '::before').backgroundColor")
    assert key != await color(page, "body", "backgroundColor")
    await page.locator(".dismiss").first.click()
    assert await color(page, ".toast", "borderTopStyle") == "solid"


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
