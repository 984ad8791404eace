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
from webapp.redis_server import free_port

SCRIPTS = Path(__file__).parents[3] / "webapp" / "tracking" / "static"

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
    sockets: bool = True
    mute: bool = False
    close_code: int = 1001
    outcome: str = "accepted"
    next_seq: int = 1
    session: str = "s1"
    running: bool = False
    consent: str = "session"
    messages: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    posts: list[dict[str, Any]] = dataclasses.field(default_factory=list)
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
        if not (self.up and self.sockets):
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        await say(self.hello())
        while (received := await receive())["type"] == "websocket.receive":
            if not self.up:
                await send({"type": "websocket.close", "code": self.close_code})
                return
            if self.mute:
                continue
            message = json.loads(received["text"])
            self.messages.append(message)
            await say(self.ack(message))

    def hello(self) -> dict[str, Any]:
        hello = {"session": self.session, "next_seq": self.next_seq, "version": "5-0", "running": self.running}
        return {"type": "hello", **hello}

    def ack(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"type": "ack", "id": message["id"], "outcomes": self.take(message)}

    def take(self, message: dict[str, Any]) -> dict[int, str]:
        outcomes = {
            event["seq"]: "duplicate" if event["seq"] in self.events else self.outcome for event in message["events"]
        }
        self.events.update({event["seq"]: event for event in message["events"] if outcomes[event["seq"]] == "accepted"})
        return outcomes

    async def answer(self, path: str, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        script, status = SCRIPTS / path[1:], 200
        body, kind = (script.read_bytes(), b"text/javascript") if script.is_file() else (self.page(), b"text/html")
        if path == "/collect/":
            said, more = b"", True
            while more:
                message = await receive()
                said, more = said + message["body"], message["more_body"]
            body, kind, status = self.collected(said), b"application/x-ndjson", 200 if self.up else 503
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": body})

    def collected(self, said: bytes) -> bytes:
        if not self.up:
            return b""
        if not said:
            return json.dumps(self.hello()).encode()
        message = json.loads(said)
        self.posts.append(message)
        # A beacon's are left to the next page, to be sent again.
        return json.dumps(self.ack(message)).encode() if message["surfaces"] else b""

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
