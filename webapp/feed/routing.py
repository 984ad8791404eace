"""The visitor's websocket address."""

from typing import Any, cast

from django.urls import path, re_path

from webapp.feed.consumers import visitor_socket
from webapp.messages import Message, Receive, Send


async def nothing_here(scope: Message, receive: Receive, send: Send) -> None:
    """Refuse a websocket at an address that has none."""
    await receive()
    await send({"type": "websocket.close"})


# Django types what a path leads to as a view; Channels routes ASGI applications by the same means.
websocket_urlpatterns = [path("ws/", cast(Any, visitor_socket)), re_path("", cast(Any, nothing_here))]
