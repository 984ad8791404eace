"""The tracker in a real browser against a server that can be switched off and that remembers what it was told."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import BrowserContext, Page, async_playwright

from tests.chromium import launch_options
from tests.patience import PATIENCE_S, until
from webapp.redis_server import free_port

SCRIPTS = Path(__file__).parents[2] / "webapp" / "tracking" / "static"

PAGE = """<!doctype html><meta charset="utf-8"><title>Shelf</title>
<script src="/tracking/outbox.js" defer></script>
<script src="/tracking/tracker.js" defer data-session="{session}" data-token="token-{session}" data-consent="{consent}"
  data-socket="/ws/" data-collect="/collect/"></script>
<ol data-slate="slate-1" data-slate-token="signed-1" data-surface="for_you" data-live>
  <li data-item="alien"><a href="#alien" data-track="click">Alien</a>
    <form action="/dismiss/" method="post"><button data-track="dismissal">Not for me</button></form></li>
  <li data-item="brazil"><a href="/film/" data-track="click">Brazil</a></li>
</ol>
<div style="height: 3000px"></div>
<ol data-slate="slate-2" data-slate-token="signed-2" data-surface="new"><li data-item="heat">Heat</li></ol>
<div id="panel"></div>"""


@dataclasses.dataclass
class Site:
    """A server that acknowledges like ours, deduplicates like ours, and can refuse to."""

    url: str = ""
    up: bool = True
    mute: bool = False
    close_code: int = 1001
    outcome: str = "accepted"
    next_seq: int = 1
    session: str = "s1"
    running: bool = False
    consent: str = "session"
    messages: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    beacons: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    events: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        if scope["type"] == "websocket":
            await self.socket(receive, send)
        elif scope["type"] == "http":
            await self.answer(scope["path"], receive, send)

    async def socket(self, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        async def say(message: dict[str, Any]) -> None:
            await send({"type": "websocket.send", "text": json.dumps(message)})

        await receive()
        if not self.up:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        hello = {"session": self.session, "next_seq": self.next_seq, "version": "5-0", "running": self.running}
        await say({"type": "hello", **hello})
        while (received := await receive())["type"] == "websocket.receive":
            if not self.up:
                await send({"type": "websocket.close", "code": self.close_code})
                return
            if self.mute:
                continue
            message = json.loads(received["text"])
            self.messages.append(message)
            await say({"type": "ack", "id": message["id"], "outcomes": self.take(message)})

    def take(self, message: dict[str, Any]) -> dict[int, str]:
        outcomes = {
            event["seq"]: "duplicate" if event["seq"] in self.events else self.outcome for event in message["events"]
        }
        self.events.update({event["seq"]: event for event in message["events"] if outcomes[event["seq"]] == "accepted"})
        return outcomes

    async def answer(self, path: str, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        if path == "/collect/":
            self.beacons.append(json.loads((await receive())["body"]))
        script = SCRIPTS / path[1:]
        body, kind = (script.read_bytes(), b"text/javascript") if script.is_file() else (self.page(), b"text/html")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": body})

    def page(self) -> bytes:
        return PAGE.format(consent=self.consent, session=self.session).encode()

    def of(self, kind: str) -> list[str]:
        """Return the items of all events of a type, by sequence number."""
        return [event["item"] for _, event in sorted(self.events.items()) if event["type"] == kind]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site, port = Site(), free_port()
    site.url = f"http://127.0.0.1:{port}/"
    server = uvicorn.Server(uvicorn.Config(site, port=port, log_level="error", ws="websockets-sansio", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield site
    server.should_exit = server.force_exit = True
    await serving
    assert site.errors == []


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    options = launch_options()
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(**options)
        yield await chromium.new_context()
        await chromium.close()


@pytest.fixture
async def page(site: Site, browser: BrowserContext) -> Page:
    return await opened(site, browser)


async def opened(site: Site, browser: BrowserContext) -> Page:
    """Open the shelf in a tab of its own."""
    page = await browser.new_page()
    page.on("pageerror", lambda error: site.errors.append(str(error)))
    await page.goto(site.url)
    return page


async def kept(page: Page) -> int:
    """Return how many events the browser's outbox holds."""
    return await page.evaluate(
        """() => new Promise((resolve) => {
          const opening = indexedDB.open("freshet", 1);
          opening.onsuccess = () => {
            const counting = opening.result.transaction("events").objectStore("events").count();
            counting.onsuccess = () => { opening.result.close(); resolve(counting.result); };
          };
        })"""
    )


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


async def test_click_that_leaves_the_page_is_not_lost(site: Site, page: Page):
    await page.click("text=Brazil")
    await page.wait_for_url("**/film/")
    await until(lambda: "brazil" in site.of("click"))


async def test_page_that_goes_away_hands_in_what_is_pending(site: Site, page: Page):
    site.outcome = "full"
    await page.click("text=Alien")
    await until(lambda: len(site.messages) > 0)
    await page.goto("about:blank")
    await until(lambda: len(site.beacons) == 1)
    assert "alien" in [event["item"] for event in site.beacons[0]["events"] if event["type"] == "click"]


async def test_full_log_is_tried_again_and_not_dropped(site: Site, page: Page):
    site.outcome = "full"
    await page.click("text=Alien")
    await until(lambda: len(site.messages) >= 2)
    site.outcome = "accepted"
    await until(lambda: site.of("click") == ["alien"])


async def test_batch_that_the_server_can_not_read_is_not_sent_for_ever(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    site.up, site.close_code = False, 1007
    await page.click("text=Alien")
    await page.wait_for_timeout(300)
    site.up = True
    await page.click("text=Brazil >> nth=0", modifiers=["Control"])
    await until(lambda: site.of("click") == ["brazil"])


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


async def test_without_consent_nothing_is_stored(site: Site, browser: BrowserContext):
    site.consent = "off"
    page = await opened(site, browser)
    await page.click("text=Alien")
    await until(lambda: site.of("click") == ["alien"])
    assert await page.evaluate("async () => (await indexedDB.databases()).length") == 0


async def test_other_tabs_stop_when_consent_changes(site: Site, browser: BrowserContext, page: Page):
    await until(lambda: len(site.events) == 2)
    site.consent = "off"
    await opened(site, browser)
    await page.wait_for_timeout(300)
    before = len(site.messages)
    await page.evaluate("""() => document.querySelector("[data-track]").click()""")
    await page.wait_for_timeout(500)
    assert [m for m in site.messages[before:] if any(event["type"] == "click" for event in m["events"])] == []


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


async def test_server_that_answers_no_more_and_says_no_goodbye_is_given_up(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    site.mute = True
    await page.evaluate("() => { WebSocket.prototype.close = () => {}; }")
    await page.click("text=Alien")
    await page.wait_for_timeout(1_000)
    site.mute = False
    await until(lambda: site.of("click") == ["alien"])


async def test_tab_that_was_stopped_says_so_and_nothing_else_until_it_is_come_back_to(
    site: Site, browser: BrowserContext, page: Page
):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("""() => {
      window.states = [];
      document.addEventListener("freshet:connection", ({ detail }) => window.states.push(detail.state));
    }""")
    site.consent = "off"
    await opened(site, browser)
    await page.wait_for_timeout(1_500)
    assert await page.evaluate("window.states") == ["stopped"]
    async with page.expect_navigation():
        await page.evaluate("dispatchEvent(new Event('focus'))")


async def test_page_starts_again_once_its_visit_goes_on_in_another_session(
    site: Site, browser: BrowserContext, page: Page
):
    await until(lambda: len(site.events) == 2)
    site.session, site.running = "s2", True
    async with page.expect_navigation():
        await opened(site, browser)
    assert await page.evaluate("document.querySelector('script[data-session]').dataset.session") == "s2"


async def test_pages_of_a_browser_without_cookies_each_go_on_in_their_own_session(
    site: Site, browser: BrowserContext, page: Page
):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("() => { window.stays = true; }")
    site.session = "s2"
    await opened(site, browser)
    await page.wait_for_timeout(1_500)
    await page.click("text=Alien")
    await until(lambda: site.of("click") == ["alien"])
    assert await page.evaluate("window.stays")


async def test_numbers_go_on_after_the_browser_has_lost_its_storage(site: Site, page: Page):
    await until(lambda: len(site.events) == 2)
    await page.evaluate("""() => new Promise((done) => {
      const going = indexedDB.deleteDatabase("freshet");
      going.onsuccess = done;
    })""")
    for _ in range(40):
        await page.evaluate("""() => document.querySelector("[data-track]").click()""")
    await until(lambda: len(site.of("click")) == 40)
