"""The lens in a real browser: follows each click, is remembered, and is there for the keyboard."""

import re

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.axe import violations_async
from webapp.feed.lens.memory import lens_memory


@pytest.fixture(autouse=True)
def nothing_remembered(stocked: None) -> None:
    lens_memory.cache_clear()


@pytest.fixture
async def desk(chromium: Browser) -> BrowserContext:
    """A desk wide enough for the lens to be open from the start."""
    return await chromium.new_context(viewport={"width": 1_440, "height": 900}, reduced_motion="reduce")


def lens(page: Page) -> Locator:
    return page.locator("#lens")


def for_you(page: Page) -> Locator:
    return page.locator("[data-slate][data-surface=for_you]")


async def open_film(page: Page, genre: str, place: int = 0) -> None:
    """Look at a genre's shelf, open one of its films, and wait until it stands there and the slate has turned."""
    slate = str(await for_you(page).get_attribute("data-slate"))
    shelf = page.locator("[data-slate]", has=page.get_by_role("heading", name=genre, exact=True))
    await shelf.scroll_into_view_if_needed()
    await page.wait_for_timeout(700)
    card = shelf.locator(".card").nth(place)
    film = str(await card.get_attribute("href")).partition("?")[0]
    await card.click()
    await expect(page).to_have_url(re.compile(re.escape(film) + "$"))
    await expect(for_you(page)).not_to_have_attribute("data-slate", slate)


async def dots(page: Page, taste: str) -> list[float]:
    row = page.locator(f'#lens [data-lens-moving] li[data-taste="{taste}"] .you')
    return [float(x) for x in re.findall(r"M(\S+)", str(await row.get_attribute("d")))]


async def test_each_click_moves_what_is_believed_and_is_timed(page: Page):
    await expect(lens(page).locator(".belief").first).to_be_visible()
    before = await dots(page, "Horror")
    await open_film(page, "Horror")
    await expect(lens(page).locator(".ghost").first).to_be_attached()
    after = await dots(page, "Horror")
    assert sum(after) > sum(before)
    await expect(lens(page).locator(".clock-total")).to_contain_text("ms from your click")
    stages = await lens(page).locator(".clock-stages dt").all_inner_texts()
    assert stages == [
        "there and back",
        "checked",
        "on disk",
        "learned",
        "new list",
        "as HTML",
        "on screen",
    ]
    await expect(lens(page).locator(".lens-moves")).to_contain_text("films are new or moved")


async def test_lens_that_could_not_be_fetched_comes_back_with_the_next_click(desk: BrowserContext, address: str):
    page = await desk.new_page()
    await page.route("**/lens/**", lambda route: route.abort())
    await page.goto(address)
    await expect(lens(page)).to_contain_text("can't be fetched just now")
    await page.unroute_all()
    await open_film(page, "Horror")
    await expect(lens(page).locator(".belief").first).to_be_visible()


async def test_stages_of_the_stopwatch_fill_its_line(page: Page):
    await expect(lens(page).locator(".belief").first).to_be_visible()
    await open_film(page, "Western")
    rects = lens(page).locator(".clock-line rect")
    ends = await rects.evaluate_all("all => all.map((one) => one.x.baseVal.value + one.width.baseVal.value)")
    assert ends == sorted(ends)
    assert 990 <= ends[-1] <= 1_001


async def test_numbers_of_a_reason_add_up_to_the_strength_beside_the_film(page: Page):
    await open_film(page, "Horror")
    reason = lens(page).locator(".whys > li").first
    await reason.locator("summary").click()
    await expect(reason.locator(".contributions")).to_be_visible()
    printed = [text.replace("\N{MINUS SIGN}", "-") for text in await reason.locator(".number").all_inner_texts()]
    *parts, total = (round(float(text) * 100) for text in printed)
    strength = (await reason.locator(".why-strength").inner_text()).replace("\N{MINUS SIGN}", "-")
    assert sum(parts) == total == round(float(strength) * 100)


async def test_reasons_are_those_of_the_films_beside_them(page: Page):
    await open_film(page, "Musical")
    await page.mouse.move(2, 2)
    reasons = lens(page).locator(".whys > li")
    shown = await for_you(page).locator(".slot").evaluate_all("slots => slots.map((slot) => slot.dataset.item)")
    assert await reasons.evaluate_all("all => all.map((one) => one.dataset.why)") == shown


async def test_what_was_opened_stays_open_and_keeps_the_focus_when_the_lens_follows(page: Page):
    await expect(lens(page).locator(".belief").first).to_be_visible()
    summary = lens(page).locator('details[data-key="tastes"] summary')
    await summary.focus()
    await page.keyboard.press("Enter")
    await expect(lens(page).locator(".figures").first).to_be_visible()
    card = page.locator("[data-surface=genre] .card").first
    await card.dispatch_event("click", {"detail": 1, "bubbles": True, "cancelable": True})
    await expect(lens(page).locator(".lens-moves")).to_be_visible()
    await expect(lens(page).locator(".figures").first).to_be_visible()
    await expect(lens(page).locator('details[data-key="tastes"] summary')).to_be_focused()


async def test_closed_lens_stays_closed_after_a_reload_and_asks_for_nothing(page: Page):
    await expect(lens(page).locator(".belief").first).to_be_visible()
    await page.get_by_role("button", name="Close the lens").click()
    await expect(lens(page)).to_be_hidden()
    await page.reload()
    await expect(lens(page)).to_be_hidden()
    assert await page.locator("[data-live][data-surface=lens]").count() == 0
    await page.get_by_role("link", name="Lens", exact=True).press("Enter")
    await expect(lens(page).locator(".belief").first).to_be_visible()
    await page.reload()
    await expect(lens(page).locator(".belief").first).to_be_visible()


async def test_lens_opened_by_the_keyboard_has_the_focus_and_gives_it_back(page: Page):
    await page.get_by_role("button", name="Close the lens").click()
    opener = page.get_by_role("link", name="Lens", exact=True)
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Close the lens")).to_be_focused()
    await expect(lens(page).locator(".lens-tabs")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(lens(page).get_by_role("link", name="Now")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(lens(page)).to_be_hidden()
    await expect(opener).to_be_focused()


async def test_on_a_phone_what_has_the_focus_is_not_covered_by_the_lens(address: str, chromium: Browser):
    phone = await chromium.new_context(viewport={"width": 360, "height": 740})
    page = await phone.new_page()
    await page.goto(address)
    await page.locator("[data-lens-open]").click()
    await expect(lens(page).locator(".belief").first).to_be_visible()
    top = await lens(page).evaluate("lens => lens.getBoundingClientRect().top")
    await for_you(page).locator(".card").first.focus()
    for _ in range(12):
        await page.keyboard.press("Tab")
        middle = "(({ top, bottom }) => (top + bottom) / 2)(document.activeElement.getBoundingClientRect())"
        assert await page.evaluate(middle) < top
    await phone.close()


async def test_on_a_phone_the_lens_leaves_the_first_cards_visible(address: str, chromium: Browser):
    phone = await chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = await phone.new_page()
    await page.goto(address)
    await expect(lens(page)).to_be_hidden()
    await page.get_by_role("link", name="Lens", exact=True).tap()
    await expect(lens(page).locator(".belief").first).to_be_visible()
    await page.wait_for_timeout(400)
    sheet, card = await lens(page).bounding_box(), await page.locator(".card").first.bounding_box()
    assert sheet is not None
    assert card is not None
    assert sheet["y"] > card["y"] + card["height"] / 2
    assert round(sheet["y"] + sheet["height"]) == 740


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_with_the_lens_open(address: str, chromium: Browser, scheme: str):
    desk = await chromium.new_context(
        viewport={"width": 1_440, "height": 900}, reduced_motion="reduce", color_scheme=scheme
    )
    page = await desk.new_page()
    await page.goto(address)
    await expect(lens(page).locator(".belief").first).to_be_visible()
    await open_film(page, "Horror")
    await lens(page).locator(".whys summary").first.click()
    await expect(lens(page).locator(".contributions")).to_be_visible()
    assert await violations_async(page) == []
    await page.goto(re.sub(r"/$", "", address) + "/lens/")
    assert await violations_async(page) == []
