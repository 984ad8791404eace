"""What the tracker tells of a page: what was seen, opened, refused and read, and on which list."""

import asyncio

from playwright.async_api import Page

from tests.integration.tracking.conftest import Site, kept
from tests.patience import PATIENCE_S, until


async def test_click_arrives_with_its_slate_and_is_forgotten_once_acknowledged(site: Site, page: Page):
    await page.click("text=Alien")
    await until(lambda: site.of("click") == ["alien"])
    (message,) = [m for m in site.messages if any(event["type"] == "click" for event in m["events"])]
    assert message["session"] == "token-s1"
    assert message["slates"] == {"slate-1": "signed-1"}
    assert message["surfaces"] == ["for_you"]
    async with asyncio.timeout(PATIENCE_S):
        while await kept(page) > 0:
            await asyncio.sleep(0.02)


async def test_card_half_visible_for_half_a_second_is_one_impression(site: Site, page: Page):
    await until(lambda: site.of("impression") == ["alien", "brazil"])
    await page.mouse.wheel(0, 5_000)
    await until(lambda: site.of("impression") == ["alien", "brazil", "heat"])
    await page.mouse.wheel(0, -5_000)
    await page.wait_for_timeout(900)
    assert site.of("impression") == ["alien", "brazil", "heat"]


async def test_slate_swapped_in_later_is_watched(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    await page.evaluate(
        """() => { const list = document.querySelector("[data-slate]");
          list.innerHTML = '<li data-item="jaws">Jaws</li>'; list.dataset.slate = "slate-3"; }"""
    )
    await until(lambda: site.of("impression") == ["alien", "brazil", "jaws"])
    assert site.messages[-1]["slates"].keys() == {"slate-3"}


async def test_same_card_under_a_new_slate_is_seen_anew(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("""() => { document.querySelector("[data-slate]").dataset.slate = "slate-3"; }""")
    await until(lambda: site.of("impression") == ["alien", "brazil", "alien", "brazil"])


async def test_dismissal_is_tracked_instead_of_submitted(site: Site, page: Page):
    await page.evaluate(
        """() => document.addEventListener("freshet:dismissal", (e) => { window.told = e.detail.item; })"""
    )
    await page.click("text=Not for me")
    await until(lambda: site.of("dismissal") == ["alien"])
    assert page.url == site.url
    assert await page.evaluate("window.told") == "alien"


async def test_dwell_is_told_when_the_panel_closes(site: Site, page: Page):
    await page.click("text=Alien")
    panel = page.locator("#panel")
    await panel.evaluate("""(panel) => { panel.innerHTML = '<article data-dwell data-item="alien">…</article>'; }""")
    await page.wait_for_timeout(1_300)
    await panel.evaluate("""(panel) => { panel.innerHTML = ""; }""")
    await until(lambda: site.of("dwell") == ["alien"])
    (dwell,) = [event for event in site.events.values() if event["type"] == "dwell"]
    assert dwell["dwell_ms"] >= 1_000
    assert dwell["slate"] == "slate-1"


async def test_page_that_connects_again_says_what_it_shows_though_it_has_nothing_to_tell(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    await page.wait_for_timeout(300)
    told = len(site.messages)
    await page.evaluate("""() => {
      dispatchEvent(new Event("pagehide"));
      dispatchEvent(new Event("pageshow"));
    }""")
    await until(lambda: len(site.messages) > told)
    assert [(message["events"], message["surfaces"]) for message in site.messages[told:]] == [([], ["for_you"])]
