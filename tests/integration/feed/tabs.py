"""Tabs of visitors without a browser: the front page's tokens, and a websocket."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from asgiref.testing import ApplicationCommunicator
from channels.sessions import CookieMiddleware
from django.test import AsyncClient

from tests.patience import PATIENCE_S
from webapp.feed.consumers import visitor_socket
from webapp.tracking.tokens import read_session, read_slate


class Tab:
    """One tab of a visitor: the front page's tokens, and a socket."""

    def __init__(self, visitor: AsyncClient, html: str) -> None:
        self.token = re.search(r'data-token="([^"]+)"', html)[1]
        self.slate_token = re.search(r'data-slate-token="([^"]+)" data-surface="for_you"', html)[1]
        self.slate = read_slate(self.slate_token)
        self.session = read_session(self.token).session
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in visitor.cookies.items())
        scope = {"type": "websocket", "path": "/ws/", "headers": [(b"cookie", cookies.encode())]}
        self.socket = ApplicationCommunicator(CookieMiddleware(visitor_socket), scope)

    async def connect(self) -> dict[str, Any]:
        """Open the socket; return the greeting."""
        await self.socket.send_input({"type": "websocket.connect"})
        assert await self.socket.receive_output(timeout=PATIENCE_S) == {"type": "websocket.accept"}
        return await self.hear()

    async def disconnect(self) -> None:
        await self.socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.socket.wait(timeout=PATIENCE_S)

    async def say(self, text: str) -> None:
        await self.socket.send_input({"type": "websocket.receive", "text": text})

    async def send(self, seq: int, item: str, kind: str = "click", **more: Any) -> None:
        await self.say(self.message(seq, item, kind, **more))

    def message(self, seq: int, item: str, kind: str = "click", **more: Any) -> str:
        event = {"type": kind, "seq": seq, "slate": self.slate.slate, "item": item, "age_ms": 0}
        message = {
            "type": "events",
            "id": seq,
            "session": self.token,
            "slates": {self.slate.slate: self.slate_token},
            "events": [event],
            "surfaces": ["for_you"],
            **more,
        }
        return msgspec.json.encode(message).decode()

    async def hear(self) -> dict[str, Any]:
        sent = await self.socket.receive_output(timeout=PATIENCE_S)
        return msgspec.json.decode(sent["text"])


@asynccontextmanager
async def tab(visitor: AsyncClient) -> AsyncIterator[Tab]:
    response = await visitor.get("/")
    opened = Tab(visitor, response.content.decode())
    assert (await opened.connect())["type"] == "hello"
    yield opened
    await opened.disconnect()
