"""Where no websocket opens, as behind a proxy that lets none through, the site learns and answers all the same."""

import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from recsys.events import Click, Dismissal, Impression
from tests.integration.feed.conftest import logged
from tests.integration.feed.front_page import for_you, items
from tests.patience import until

#: What becomes of a socket: it is refused, or nobody ever answers.
NEVER_OPENS = """
globalThis.WebSocket = class {
  constructor() { if (REFUSED) setTimeout(() => this.onclose?.({ code: 1006 }), 20); }
  close() {}
};
"""


@pytest.fixture(params=["refused", "unanswered"])
async def page(request: pytest.FixtureRequest, address: str, desk: BrowserContext) -> Page:
    """The front page, open, where no socket opens."""
    await desk.add_init_script(NEVER_OPENS.replace("REFUSED", str(request.param == "refused").lower()))
    page = await desk.new_page()
    await page.goto(address)
    return page


async def test_slate_and_lens_follow_what_is_done_and_nobody_is_told_of_a_break(page: Page):
    slates = page.locator("section[data-surface=for_you]")
    before, slate = await items(page), await slates.get_attribute("data-slate")
    await for_you(page).locator(".card").first.click()
    await expect(page).to_have_url(re.compile(f"/item/{before[0]}/$"))
    await expect(slates).not_to_have_attribute("data-slate", str(slate))
    await page.mouse.move(2, 2)
    await expect(for_you(page).locator(f'[data-item="{before[0]}"]')).to_have_count(0)
    assert [click.item for click in logged(Click)] == [before[0]]
    await expect(page.locator("#lens")).to_contain_text("which you seem to like")
    turned, refused = await slates.get_attribute("data-slate"), (await items(page))[0]
    await for_you(page).locator(".dismiss").first.click()
    await expect(slates).not_to_have_attribute("data-slate", str(turned))
    assert [dismissal.item for dismissal in logged(Dismissal)] == [refused]
    await page.wait_for_timeout(2_500)
    await expect(page.locator(".connection")).to_be_hidden()
    await until(lambda: len(logged(Impression)) > 0)


async def test_slate_follows_where_nothing_may_be_kept(page: Page):
    await page.locator(".consent [value=off]").click()
    await expect(page.locator(".consent [value=off][aria-pressed=true]")).to_be_visible()
    opened = (await items(page))[0]
    await for_you(page).locator(".card").first.click()
    await expect(page.locator("#film-title")).to_be_visible()
    await page.mouse.move(2, 2)
    await expect(for_you(page).locator(f'[data-item="{opened}"]')).to_have_count(0)
    assert logged(Click) == []
