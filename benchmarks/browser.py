"""A visitor without a browser: reads a page as the tracker does, and speaks its websocket protocol."""

import asyncio
import base64
import json
import re
import time
import urllib.request
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from webapp.visitors.pages import Shelf, read_page, read_shelves


class Visitor:
    """One visitor with one page open.

    Parameters
    ----------
    url : str
        The site, without a slash at its end.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._cookies: SimpleCookie = SimpleCookie()
        self._messages = 0
        self._seq = 0
        self._socket: ClientConnection | None = None
        self.shelves: list[Shelf] = []
        self.token = ""
        self.laps: dict[str, float] = {}

    def load(self, path: str = "/") -> None:
        """Get a page and read its shelves."""
        request = urllib.request.Request(f"{self._url}{path}", headers={"Cookie": self._cookie_header()})
        with urllib.request.urlopen(request, timeout=30) as answer:
            for header in answer.headers.get_all("Set-Cookie", []):
                self._cookies.load(header)
            page = answer.read().decode()
        read = read_page(page)
        self.shelves, self.token = read.part.shelves, read.token

    def shelf(self, surface: str) -> Shelf:
        """Return the first shelf of a surface."""
        return next(shelf for shelf in self.shelves if shelf.surface == surface)

    async def __aenter__(self) -> "Visitor":
        await asyncio.to_thread(self.load)
        self._socket = await connect(
            f"{self._url.replace('http', 'ws', 1)}/ws/",
            origin=Origin(self._url),
            additional_headers={"Cookie": self._cookie_header()},
            max_size=2**22,
        )
        hello = await self._receive("hello")
        self._seq = int(hello["next_seq"]) - 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def click(self, shelf: Shelf, item: str, *, lens: bool = False) -> tuple[float, float]:
        """Click an item, having seen its whole shelf; with or without the lens open. Leaves the server's `laps`.

        Returns
        -------
        acknowledged_ms, slate_ms : float
            From sending until the acknowledgement, and until the changed slate was here.
        """
        events = [self._event("impression", shelf, seen) for seen in shelf.items] + [self._event("click", shelf, item)]
        self._messages += 1
        message = {
            "type": "events",
            "id": self._messages,
            "session": self.token,
            "slates": {shelf.slate: shelf.token},
            "events": events,
            "surfaces": ["for_you", "lens"] if lens else ["for_you"],
        }
        assert self._socket is not None
        started = time.perf_counter()
        await self._socket.send(json.dumps(message))
        ack = await self._receive("ack")
        acknowledged_ms = 1_000 * (time.perf_counter() - started)
        refused = {seq: outcome for seq, outcome in ack["outcomes"].items() if outcome != "accepted"}
        if refused:
            raise RuntimeError(f"expected every event to be accepted, received {refused}")
        pushed = await self._receive("slate")
        slate_ms = 1_000 * (time.perf_counter() - started)
        self.laps = {**pushed["laps"], **((await self._receive("slate"))["laps"] if lens else {})}
        self.shelves = [*read_shelves(pushed["html"]), *(kept for kept in self.shelves if kept.surface != "for_you")]
        return acknowledged_ms, slate_ms

    def _event(self, kind: str, shelf: Shelf, item: str) -> dict[str, Any]:
        self._seq += 1
        return {"type": kind, "seq": self._seq, "slate": shelf.slate, "item": item, "age_ms": 0}

    async def _receive(self, kind: str) -> dict[str, Any]:
        assert self._socket is not None
        while True:
            async with asyncio.timeout(30):
                said: dict[str, Any] = json.loads(await self._socket.recv())
            if said["type"] == kind:
                return said

    def _cookie_header(self) -> str:
        return "; ".join(f"{name}={morsel.value}" for name, morsel in self._cookies.items())


def version_of(token: str) -> str:
    """Return the world version inside a slate token, without checking its signature."""
    payload = token.partition(".")[0]
    decoded = msgspec.msgpack.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    found = decoded[5]
    if not re.fullmatch(r"\d+-\d+", found):
        raise ValueError(f"expected an offset, received {found!r}")
    return str(found)
