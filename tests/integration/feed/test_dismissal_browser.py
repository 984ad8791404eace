"""What a visitor says no to: it leaves at once, its place stays while it is looked at, and it can be taken back."""

from playwright.async_api import Page, expect

from recsys.events import Dismissal, DismissalUndone, Impression
from tests.integration.feed.conftest import logged
from tests.integration.feed.front_page import for_you, items, rounded
from tests.patience import until


async def test_dismissed_film_leaves_every_shelf_at_once_and_nothing_slides_under_the_pointer(page: Page):
    item = (await items(page))[1]
    slot = for_you(page).locator(".slot").nth(1)
    place = await slot.bounding_box()
    await slot.locator(".dismiss").click()
    await expect(page.locator(f'.cards > [data-item="{item}"]')).to_have_count(0)
    await page.wait_for_timeout(500)
    assert rounded(await page.locator(".vacancy").bounding_box()) == rounded(place)
    await page.mouse.move(2, 2)
    await expect(page.locator(".vacancy")).to_have_count(0)
    assert [event.item for event in logged(Dismissal)] == [item]


async def test_undo_puts_the_film_back_where_it_was(page: Page):
    item = (await items(page))[1]
    shelves = await page.locator(f'.cards > [data-item="{item}"]').count()
    await for_you(page).locator(".dismiss").nth(1).click()
    await page.locator(".toast button").click()
    await expect(page.locator(f'.cards > [data-item="{item}"]')).to_have_count(shelves)
    await expect(page.locator(".toast")).to_have_count(0)
    await until(lambda: [event.item for event in logged(DismissalUndone)] == [item])


async def test_place_left_empty_takes_its_film_back_after_another_was_refused(page: Page):
    first, _, third = (await items(page))[:3]
    slots = for_you(page).locator(".slot")
    await slots.nth(0).locator(".dismiss").click()  # the pointer stays, and so the place
    await for_you(page).locator(f'[data-item="{third}"] .dismiss').focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Undo: ").first.click()
    await expect(for_you(page).locator(f'.slot[data-item="{first}"]')).to_have_count(1)
    await until(lambda: [event.item for event in logged(DismissalUndone)] == [first])
    await expect(page.locator(f'.toast[data-item="{third}"] button')).to_be_visible()


async def test_keyboard_alone_opens_dismisses_and_undoes(page: Page):
    item = (await items(page))[0]
    first = for_you(page).locator(".slot").first
    await first.locator(".card").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(f'.cards > [data-item="{item}"]')).to_have_count(0)
    await expect(page.locator(".vacancy button")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(for_you(page).locator(f'.slot[data-item="{item}"]')).to_have_count(1)
    await for_you(page).locator(".card").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#film-title")).to_be_focused()


async def test_toast_is_not_taken_for_an_impression(page: Page):
    await until(lambda: bool(logged(Impression)))
    seen = {(event.slate, event.item) for event in logged(Impression)}
    await for_you(page).locator(".dismiss").nth(0).click()
    await page.mouse.move(2, 2)
    await page.wait_for_timeout(1_200)
    again = [(event.slate, event.item) for event in logged(Impression)]
    assert len(again) == len(set(again))
    assert seen <= set(again)
