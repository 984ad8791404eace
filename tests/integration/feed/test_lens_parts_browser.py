"""The lens's other parts in a real browser: each does what it says, for the pointer and for the keyboard."""

import re

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from recsys.events import Click, SessionForgotten, SlateServed
from tests.axe import violations_async
from tests.integration.feed.conftest import fold, logged
from tests.integration.feed.test_lens_browser import for_you, lens, open_film

PARTS = ("Now", "Twin", "Time travel", "What if", "Your data")


@pytest.fixture
def stocked(lived: None) -> None:
    """The site behind `address`: one whose world came out of its log."""


@pytest.fixture
async def desk(chromium: Browser) -> BrowserContext:
    return await chromium.new_context(viewport={"width": 1_440, "height": 900}, reduced_motion="reduce")


async def show(page: Page, part: str) -> None:
    """Turn to a part of the lens."""
    await lens(page).get_by_role("link", name=part, exact=True).click()
    await expect(lens(page).locator(".lens-tabs [aria-current=page]")).to_have_text(part)


async def listed(found: Locator) -> list[str]:
    return await found.locator("li[data-item]").evaluate_all("all => all.map((one) => one.dataset.item)")


async def test_time_travel_shows_every_list_that_was_logged_and_what_was_believed(page: Page):
    await open_film(page, "Horror")
    fold()
    await open_film(page, "Horror", 1)
    await page.mouse.move(2, 2)
    await show(page, "Time travel")
    slider = lens(page).locator("#step")
    await slider.focus()
    await page.keyboard.press("Home")
    seen: dict[str, list[str]] = {}
    for step in range(int(str(await slider.get_attribute("max"))) + 1):
        await expect(lens(page).locator("#travel-at")).to_have_attribute("data-step", str(step))
        said = await lens(page).locator(".travel .lens-note", has_text="As it stands in the log").inner_text()
        slate = re.search(r"slate ([\w-]+)", said)[1]
        shown = await listed(lens(page).locator(".logged"))
        assert seen.setdefault(slate, shown) == shown
        await expect(lens(page).locator("#step")).to_be_focused()
        await page.keyboard.press("ArrowRight")
    slates = {event.slate: list(event.items) for event in logged(SlateServed) if event.surface == "for_you"}
    assert seen == slates
    assert len(slates) == 3
    await expect(lens(page).locator("#travel-belief .belief").first).to_be_visible()
    await expect(lens(page).locator('#travel-belief [aria-label^="Horror"]')).to_have_attribute(
        "aria-label", re.compile("more than most")
    )


async def test_twin_follows_each_click(page: Page):
    await show(page, "Twin")
    await expect(lens(page)).to_contain_text("nothing has been learned of you yet")
    await open_film(page, "Western")
    await page.mouse.move(2, 2)
    await expect(lens(page)).not_to_contain_text("nothing has been learned of you yet")
    shown = await for_you(page).locator(".slot").evaluate_all("slots => slots.map((slot) => slot.dataset.item)")
    assert await listed(lens(page).locator(".slopes-left")) == shown


async def test_click_is_taken_back_for_a_look_and_stays_done(page: Page):
    await open_film(page, "Musical")
    before = len(logged(Click)), len(logged(SlateServed))
    await show(page, "What if")
    await lens(page).locator(".deeds a").first.press("Enter")
    await expect(lens(page).locator(".slopes")).to_be_visible()
    assert await listed(lens(page).locator(".slopes-left")) != await listed(lens(page).locator(".slopes-right"))
    assert (len(logged(Click)), len(logged(SlateServed))) == before


async def test_forgotten_session_is_left_in_every_tab_and_nothing_more_of_it_is_logged(page: Page):
    other = await page.context.new_page()
    await other.goto(page.url)
    await page.bring_to_front()
    await open_film(page, "Horror")
    session = str(await for_you(page).get_attribute("data-session"))
    await show(page, "Your data")
    await lens(page).get_by_role("button", name="Forget this session").click()
    await expect(page.get_by_role("heading", name="Forgotten", exact=True)).to_be_visible()
    (tombstone,) = logged(SessionForgotten)
    assert tombstone.session == session
    await page.wait_for_timeout(500)
    ours = [event for kind in (Click, SlateServed) for event in logged(kind) if event.session == session]
    await other.bring_to_front()
    await other.wait_for_timeout(800)
    again = [event for kind in (Click, SlateServed) for event in logged(kind) if event.session == session]
    assert again == ours
    await page.goto(re.sub(r"/lens/.*", "/", page.url))
    assert await for_you(page).get_attribute("data-session") != session


async def test_not_learned_from_is_plain_to_see_adapts_all_the_same_and_can_be_undone(page: Page):
    await show(page, "Your data")
    await lens(page).get_by_role("button", name="Don't learn from me").click()
    await expect(page.get_by_text("Nothing is logged and nobody learns from you.")).to_be_visible()
    known = len(logged(Click)) + len(logged(SlateServed))
    await page.goto(re.sub(r"/lens/.*", "/", page.url))
    await expect(lens(page)).to_contain_text("Nothing of this is logged")
    await open_film(page, "Horror")
    assert len(logged(Click)) + len(logged(SlateServed)) == known
    await show(page, "Your data")
    await lens(page).get_by_role("button", name="Learn from this visit").click()
    await expect(page.get_by_role("button", name="Don't learn from me")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1_440, "light"), (1_440, "dark"), (360, "light"), (360, "dark")])
async def test_axe_finds_nothing_in_any_part(address: str, chromium: Browser, width: int, scheme: str):
    context = await chromium.new_context(
        viewport={"width": width, "height": 800}, reduced_motion="reduce", color_scheme=scheme
    )
    page = await context.new_page()
    await page.goto(address)
    if width < 1_000:
        await page.get_by_role("link", name="Lens", exact=True).click()
    await expect(lens(page).locator(".belief").first).to_be_visible()
    if width > 1_000:
        await open_film(page, "Horror")
    for part in PARTS:
        await show(page, part)
        if part == "Time travel":
            await expect(lens(page).locator("#travel-belief .belief").first).to_be_visible()
        if part == "What if" and width > 1_000:
            await lens(page).locator(".deeds a").first.click()
            await expect(lens(page).locator(".slopes")).to_be_visible()
        assert await violations_async(page) == [], part
    for path in ("", "twin/", "time/", "what-if/", "data/?forgotten", "tastes/"):
        await page.goto(f"{address}/lens/{path}")
        assert await violations_async(page) == [], path
    await context.close()


async def test_keyboard_alone_reaches_every_part(page: Page):
    await expect(lens(page).locator(".belief").first).to_be_visible()
    await lens(page).get_by_role("link", name="Now", exact=True).focus()
    for part in PARTS[1:]:
        await page.keyboard.press("Tab")
        focused = page.locator(":focus")
        await expect(focused).to_have_text(part)
        await page.keyboard.press("Enter")
        await expect(lens(page).locator(".lens-tabs [aria-current=page]")).to_have_text(part)
        await expect(lens(page).locator(".lens-tabs [aria-current=page]")).to_be_focused()
