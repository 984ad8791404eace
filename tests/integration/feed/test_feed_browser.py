"""What moves and what does not, in a real browser on the real site."""

import re

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from recsys.events import Click, Dwell, Impression, SessionBegan
from tests.integration.feed.conftest import logged, stock
from tests.integration.feed.front_page import for_you, items, rounded
from tests.patience import until


async def end_visit(page: Page, desk: BrowserContext) -> None:
    """Let the session's cookie end, as with the inactivity gap, once nothing is fetched that would prolong it."""
    await expect(page.locator("#lens [data-lens-moving]")).to_be_visible()
    await desk.clear_cookies(name="freshet_session")


async def test_click_opens_the_film_beside_and_the_slate_turns(page: Page):
    before = await items(page)
    slate = await for_you(page).get_attribute("data-slate")
    await for_you(page).locator(".card").nth(2).click()
    await expect(page).to_have_url(re.compile(f"/item/{before[2]}/$"))
    await expect(page.locator("#film-title")).to_be_visible()
    await expect(for_you(page)).not_to_have_attribute("data-slate", str(slate))
    await page.mouse.move(2, 2)
    await expect(for_you(page).locator(f'[data-item="{before[2]}"]')).to_have_count(0)
    assert [click.item for click in logged(Click)] == [before[2]]


async def test_card_under_the_pointer_stays_where_it_is_until_it_is_left(page: Page):
    before = await items(page)
    slate = await for_you(page).get_attribute("data-slate")
    card = for_you(page).locator(".slot").nth(2)
    place = await card.bounding_box()
    await card.locator(".card").click()
    await expect(for_you(page)).not_to_have_attribute("data-slate", str(slate))
    await page.wait_for_timeout(500)
    held = for_you(page).locator(f'[data-item="{before[2]}"]')
    assert rounded(await held.bounding_box()) == rounded(place)
    assert await held.get_attribute("data-slate") == slate
    await page.mouse.move(2, 2)
    await expect(held).to_have_count(0)


@pytest.mark.parametrize("width", [1_100, 1_440])
@pytest.mark.parametrize("path", ["/", "/item/horror-1/", "/search/?q=horror", "/lens/"])
async def test_lists_do_not_move_when_what_stands_beside_arrives_after_them(
    chromium: Browser, address: str, path: str, width: int
):
    page = await (await chromium.new_context(viewport={"width": width, "height": 900})).new_page()
    await page.goto(address + path)
    whole = await page.locator(".slot").first.bounding_box()
    arrived = await (await page.request.get(address + path)).text()
    begun = arrived.partition('<div class="beside">')[0]
    await page.route(address + path, lambda route: route.fulfill(body=begun, content_type="text/html"))
    await page.goto(address + path)
    assert await page.locator(".beside").count() == 0
    assert rounded(await page.locator(".slot").first.bounding_box()) == rounded(whole)


@pytest.mark.parametrize("how", ["modified click", "middle click", "menu"])
async def test_film_opened_in_a_tab_of_its_own_is_one_click_and_turns_the_slate_here(
    page: Page, desk: BrowserContext, how: str
):
    await page.wait_for_timeout(300)  # connected, and nothing was seen for long enough to be told
    card = for_you(page).locator(".card").nth(2)
    opened, slate = (await items(page))[2], await for_you(page).get_attribute("data-slate")
    if how == "modified click":
        await card.click(modifiers=["ControlOrMeta"])
    elif how == "middle click":
        await card.click(button="middle")
    else:  # the page is not told of it
        address = await card.evaluate("(card) => card.href")
        await (await desk.new_page()).goto(address)
    await expect(for_you(page)).not_to_have_attribute("data-slate", str(slate))
    await until(lambda: len(desk.pages) == 2)
    await expect(desk.pages[-1]).to_have_url(re.compile(f"/item/{opened}/$"))
    await page.wait_for_timeout(700)
    assert [(click.item, click.position) for click in logged(Click)] == [(opened, 2)]


async def test_scrolling_to_the_end_brings_further_genres_until_there_are_none(page: Page):
    stock(("Crime", "Drama", "Comedy", "Fantasy"))
    await page.reload()
    rows = page.locator("[data-surface=genre]")
    for genres in (6, 7):
        await page.mouse.wheel(0, 5_000)
        await expect(rows).to_have_count(genres)
    await expect(page.locator("#more-genres")).to_have_count(0)
    item = str(await rows.last.locator(".slot").first.get_attribute("data-item"))
    await rows.last.scroll_into_view_if_needed()
    await until(lambda: item in [impression.item for impression in logged(Impression)])


async def test_further_genres_that_could_not_be_fetched_are_asked_for_when_their_place_is_seen_again(
    desk: BrowserContext, address: str
):
    stock(("Crime", "Drama", "Comedy", "Fantasy"))
    page = await desk.new_page()
    await page.route("**/genres/*", lambda route: route.abort())
    await page.goto(address)
    async with page.expect_event("requestfailed"):
        await page.mouse.wheel(0, 5_000)
    await page.unroute_all()
    await page.mouse.wheel(0, -5_000)
    await page.wait_for_timeout(500)
    await page.mouse.wheel(0, 5_000)
    await expect(page.locator("[data-surface=genre]")).to_have_count(6)


async def test_film_that_could_not_be_fetched_comes_when_the_site_can_be_reached_again(
    desk: BrowserContext, address: str
):
    page = await desk.new_page()
    await page.goto(address)
    await page.route("**/item/**", lambda route: route.abort())
    item = (await items(page))[0]
    await for_you(page).locator(".card").first.click()
    await expect(page.locator("#film")).to_contain_text("can't be fetched just now")
    await page.unroute_all()
    await page.evaluate("() => dispatchEvent(new Event('online'))")
    await expect(page.locator(f'#film [data-dwell][data-item="{item}"]')).to_be_visible()
    assert page.url.endswith(f"/item/{item}/")


async def test_break_is_told_of_after_two_seconds_however_often_it_was_tried_to_connect_meanwhile(page: Page):
    await page.evaluate("""() => setInterval(() => document.dispatchEvent(
      new CustomEvent("freshet:connection", { detail: { state: "closed", pending: 0 } })), 400)""")
    await expect(page.locator(".connection")).to_be_visible()


async def test_back_closes_the_film_and_keeps_slate_and_scroll(page: Page):
    slate = str(await for_you(page).get_attribute("data-slate"))
    await page.locator("[data-surface=genre] .card").last.click()
    await expect(page.locator("#film-title")).to_be_visible()
    await expect(for_you(page)).not_to_have_attribute("data-slate", slate)
    turned, scrolled = await items(page), await page.evaluate("scrollY")
    assert scrolled > 0
    await page.go_back()
    await expect(page.locator("#film .invitation")).to_be_visible()
    assert (await items(page), await page.evaluate("scrollY")) == (turned, scrolled)
    await page.go_forward()
    await expect(page.locator("#film-title")).to_be_visible()


async def test_back_after_a_reload_is_the_front_page(page: Page):
    await page.locator(".card").first.click()
    await expect(page.locator("#film-title")).to_be_visible()
    await page.reload()
    await expect(page.locator("h1")).to_be_visible()
    await page.go_back()
    await expect(for_you(page)).to_be_visible()


async def test_cards_travel_unless_motion_is_unwelcome(page: Page, chromium: Browser, address: str):
    assert await traveled(page) > 0
    calm = await chromium.new_context(viewport={"width": 1_440, "height": 900}, reduced_motion="reduce")
    quiet = await calm.new_page()
    await quiet.goto(address)
    assert await traveled(quiet) == 0


NOTE_TRAVELS = """
() => {
  window.traveled = 0;
  const animate = Element.prototype.animate;
  Element.prototype.animate = function (...given) {
    window.traveled += this.matches(".slot") && given[0][0].transform !== undefined;
    return animate.apply(this, given);
  };
}
"""


async def traveled(page: Page) -> int:
    """Open a film; return how many cards began to travel until the slate had turned."""
    slate = await for_you(page).get_attribute("data-slate")
    await page.evaluate(NOTE_TRAVELS)
    await page.locator("[data-surface=genre] .card").first.click()
    await expect(for_you(page)).not_to_have_attribute("data-slate", str(slate))
    await page.wait_for_timeout(500)
    return await page.evaluate("window.traveled")


async def test_focus_goes_back_to_the_list_when_a_refusal_is_taken_back_or_a_film_closed(page: Page):
    focused = "document.activeElement.closest('[data-surface=for_you] .slot')?.dataset.item"
    first = (await items(page))[0]
    await for_you(page).locator(".dismiss").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".vacancy button")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_function(f"(first) => {focused} === first", arg=first)
    await for_you(page).locator(".card").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#film-title")).to_be_focused()
    await expect(for_you(page).locator(f'[data-item="{first}"]')).to_have_count(0)
    await page.locator("[data-close]").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_function(f"(first) => {focused} === first", arg=(await items(page))[0])


async def test_nothing_is_told_any_more_once_a_visitor_has_said_nothing(page: Page, desk: BrowserContext):
    other = await desk.new_page()
    await other.goto(page.url)
    await for_you(page).locator(".card").first.click()
    await expect(page.locator("#film-title")).to_be_visible()
    await page.wait_for_timeout(1_500)
    await page.locator(".consent [value=off]").click()
    await expect(page.locator(".consent [value=off][aria-pressed=true]")).to_be_visible()
    await other.locator("[data-surface=new] .card").first.click()
    await page.wait_for_timeout(500)
    assert logged(Dwell) == []  # of the film that was open
    assert len(logged(Click)) == 1


async def test_nothing_is_told_any_more_once_the_session_is_to_be_forgotten(page: Page):
    await for_you(page).locator(".card").first.click()
    await expect(page.locator("#film-title")).to_be_visible()
    await page.locator("#lens .lens-tabs a", has_text="Your data").click()
    await page.wait_for_timeout(1_500)
    await page.locator("[data-forget] button").click()
    await expect(page.locator("#lens-forgotten")).to_be_visible()
    await page.wait_for_timeout(500)
    assert logged(Dwell) == []  # of the film that was open


async def test_film_opened_after_the_inactivity_gap_belongs_to_the_page_that_it_is_opened_on(
    page: Page, desk: BrowserContext, address: str
):
    await end_visit(page, desk)
    opened = (await items(page))[0]
    await for_you(page).locator(".card").first.click()
    await expect(page.locator("#film-title")).to_be_visible()
    await page.mouse.move(2, 2)
    await expect(for_you(page).locator(f'[data-item="{opened}"]')).to_have_count(0)
    assert len(logged(SessionBegan)) == 1
    await page.goto(f"{address}/history/")
    await expect(page.locator(f'[data-item="{opened}"]')).to_have_count(1)


async def test_tab_goes_on_in_the_visit_that_began_in_another(page: Page, desk: BrowserContext):
    session = "document.querySelector('script[data-session]').dataset.session"
    await end_visit(page, desk)
    other = await desk.new_page()
    async with page.expect_navigation():
        await other.goto(page.url)
    assert await page.evaluate(session) == await other.evaluate(session)
    opened = (await items(other))[0]
    await for_you(other).locator(".card").first.click()
    await page.mouse.move(2, 2)
    await expect(for_you(page).locator(f'[data-item="{opened}"]')).to_have_count(0)


async def test_phone_opens_the_film_as_a_page(chromium: Browser, address: str):
    phone = await chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = await phone.new_page()
    await page.goto(address)
    await page.wait_for_timeout(900)
    await page.locator(".card").first.tap()
    await expect(page.locator("h1")).to_be_visible()
    assert re.search(r"/item/[^/]+/$", page.url)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await until(lambda: len(logged(Click)) == 1)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_theme_is_kept(desk: BrowserContext, address: str, theme: str):
    page = await desk.new_page()
    await page.goto(address)
    for _ in range(3):
        if await page.evaluate("document.documentElement.dataset.theme ?? ''") != theme:
            await page.locator("[data-theme-switch]").click()
    await page.reload()
    assert await page.evaluate("document.documentElement.dataset.theme") == theme
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
