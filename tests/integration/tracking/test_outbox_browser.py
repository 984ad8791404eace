"""What waits in the outbox is sent once and in the end, whatever goes away meanwhile."""

import asyncio

from playwright.async_api import BrowserContext, Page

from tests.integration.tracking.conftest import Site, kept, opened
from tests.patience import PATIENCE_S, until


async def test_click_that_leaves_the_page_is_not_lost(site: Site, page: Page):
    await page.click("text=Brazil")
    await page.wait_for_url("**/film/")
    await until(lambda: "brazil" in site.of("click"))


async def test_fifty_offline_clicks_arrive_once(site: Site, page: Page):
    site.up = False
    for _ in range(50):
        await page.click("text=Alien")
    await page.wait_for_timeout(300)
    site.up = True
    await until(lambda: len(site.of("click")) == 50)
    sent = [event["seq"] for message in site.messages for event in message["events"] if event["type"] == "click"]
    assert sorted(sent) == sorted(set(sent))


async def test_events_of_a_closed_tab_are_sent_by_the_next_visit(site: Site, browser: BrowserContext, page: Page):
    await until(lambda: len(site.events) == 2)
    site.up = False
    await page.click("text=Alien")
    await page.wait_for_timeout(300)
    await page.close()
    assert site.of("click") == []
    site.up = True
    await opened(site, browser)
    await until(lambda: site.of("click") == ["alien"])


async def click_on_twenty_lists(page: Page, token: str) -> None:
    """Click on one film as if it stood on lists that each have such a token."""
    await page.evaluate(
        """(token) => {
          const list = document.querySelector("ol");
          for (let number = 0; number < 20; number++) {
            Object.assign(list.dataset, { slate: `long-${number}`, slateToken: token });
            list.querySelector("a").click();
          }
        }""",
        token,
    )


async def test_page_that_goes_away_hands_in_what_is_pending(site: Site, page: Page):
    site.outcome = "full"
    await page.click("text=Alien")
    await until(lambda: len(site.messages) > 0)
    await page.goto("about:blank")
    await until(lambda: len(site.posts) == 1)
    assert "alien" in [event["item"] for event in site.posts[0]["events"] if event["type"] == "click"]


async def test_page_that_goes_away_hands_in_as_much_as_the_browser_takes_and_the_next_one_the_rest(
    site: Site, browser: BrowserContext
):
    site.outcome = "full"
    page = await opened(site, browser)
    await click_on_twenty_lists(page, "x" * 5_000)
    await until(lambda: len(site.messages) > 0)
    async with asyncio.timeout(PATIENCE_S):
        while await kept(page) < 22:  # two impressions as well
            await asyncio.sleep(0.02)
    await page.goto("about:blank")
    await until(lambda: len(site.posts) == 1)
    handed_in = [event["slate"] for event in site.posts[0]["events"] if event["type"] == "click"]
    assert handed_in == [f"long-{number}" for number in range(len(handed_in))]
    assert 5 <= len(handed_in) < 20
    site.outcome = "accepted"
    await opened(site, browser)
    await until(lambda: len(site.of("click")) == 20)


async def test_full_log_is_tried_again_and_not_dropped(site: Site, page: Page):
    site.outcome = "full"
    await page.click("text=Alien")
    await until(lambda: len(site.messages) >= 2)
    site.outcome = "accepted"
    await until(lambda: site.of("click") == ["alien"])


async def opened_without_sockets(site: Site, browser: BrowserContext) -> Page:
    """Return a page whose socket is refused, once it has said by requests what it showed."""
    site.sockets = False
    page = await opened(site, browser)
    await until(lambda: len(site.of("impression")) == 2)
    return page


async def test_what_is_done_goes_by_requests_while_no_socket_opens_and_is_forgotten_here(
    site: Site, browser: BrowserContext
):
    site.sockets = False
    page = await opened(site, browser)
    for _ in range(150):
        await page.evaluate("""() => document.querySelector("[data-track]").click()""")
    await until(lambda: len(site.of("click")) == 150 and len(site.of("impression")) == 2)
    assert site.messages == []
    await page.wait_for_timeout(300)
    assert await kept(page) == 0
    site.sockets = True
    await page.evaluate("dispatchEvent(new Event('online'))")
    await until(lambda: len(site.messages) > 0)
    before = len(site.posts)
    await page.click("text=Alien")
    await until(lambda: len(site.of("click")) == 151)
    assert len(site.posts) == before


async def test_what_has_more_bytes_than_a_leaving_page_may_send_goes_by_requests_all_the_same(
    site: Site, browser: BrowserContext
):
    page = await opened_without_sockets(site, browser)
    await click_on_twenty_lists(page, "水" * 2_000)
    await until(lambda: len(site.of("click")) == 20)


async def test_what_a_request_has_under_way_goes_again_by_the_socket_that_opens_meanwhile(
    site: Site, browser: BrowserContext
):
    page = await opened_without_sockets(site, browser)
    asked = asyncio.Event()
    await page.route("**/collect/", lambda _: asked.set())  # never answered
    await page.click("text=Alien")
    await asked.wait()
    site.sockets = True
    await page.evaluate("dispatchEvent(new Event('online'))")
    async with asyncio.timeout(8):  # sooner than the request is given up
        await until(lambda: site.of("click") == ["alien"])


async def test_click_that_leaves_the_page_goes_by_request_before_the_next_page_is_there(
    site: Site, browser: BrowserContext
):
    page = await opened_without_sockets(site, browser)
    asked = asyncio.Event()
    await page.route("**/film/", lambda _: asked.set())  # never answered
    await page.click("text=Brazil", no_wait_after=True)
    await asked.wait()
    await until(lambda: site.of("click") == ["brazil"])
    assert page.url == site.url


async def test_batch_that_the_server_can_not_read_is_not_sent_for_ever(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    site.up, site.close_code = False, 1007
    await page.click("text=Alien")
    await page.wait_for_timeout(300)
    site.up = True
    await page.click("text=Brazil >> nth=0", modifiers=["Control"])
    await until(lambda: site.of("click") == ["brazil"])


async def test_server_that_answers_no_more_and_says_no_goodbye_is_given_up(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    site.mute = True
    await page.evaluate("() => { WebSocket.prototype.close = () => {}; }")
    await page.click("text=Alien")
    await page.wait_for_timeout(1_000)
    site.mute = False
    await until(lambda: site.of("click") == ["alien"])


async def test_tabs_never_draw_the_same_number(site: Site, browser: BrowserContext, page: Page):
    other = await opened(site, browser)
    for _ in range(20):
        await asyncio.gather(*(tab.evaluate("document.querySelector('a').click()") for tab in (page, other)))
    await until(lambda: len(site.of("click")) == 40)


async def test_tabs_whose_storage_is_blocked_lose_nothing_though_they_draw_the_same_numbers(
    site: Site, browser: BrowserContext
):
    await browser.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); }")
    one, other = await opened(site, browser), await opened(site, browser)
    for _ in range(20):
        await asyncio.gather(*(tab.evaluate("document.querySelector('a').click()") for tab in (one, other)))
    await until(lambda: (len(site.of("click")), len(site.of("impression"))) == (40, 4))
    await one.wait_for_timeout(500)
    assert len(site.events) == 44


async def test_browser_that_lost_its_counter_goes_on_where_the_server_says(site: Site, browser: BrowserContext):
    site.next_seq = 700
    page = await opened(site, browser)
    await page.wait_for_timeout(300)
    await page.click("text=Alien")
    await until(lambda: site.of("click") == ["alien"])
    assert min(site.events) >= 700


async def test_numbers_go_on_after_the_browser_has_lost_its_storage(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("""() => new Promise((done) => {
      const going = indexedDB.deleteDatabase("freshet");
      going.onsuccess = done;
    })""")
    for _ in range(40):
        await page.evaluate("""() => document.querySelector("[data-track]").click()""")
    await until(lambda: len(site.of("click")) == 40)


async def test_without_consent_nothing_is_stored(site: Site, browser: BrowserContext):
    site.consent = "off"
    page = await opened(site, browser)
    await page.click("text=Alien")
    await until(lambda: site.of("click") == ["alien"])
    assert await page.evaluate("async () => (await indexedDB.databases()).length") == 0
