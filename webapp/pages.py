"""Django's handler of requests, without what it leaves for the garbage collector, or takes in without bound."""

import asyncio
from typing import Any

import django
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse

from webapp.messages import Message, Receive, Send


class _Exchange:
    """Receives a request's messages, sends its answer, and knows how far that is: `over` by its end, or cut off."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._received_bytes = 0
        self.began = False
        self.over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        # Who says too much is hung up on: that is how Django lets go of what it has.
        return {"type": "http.disconnect"} if self.too_large else message

    @property
    def too_large(self) -> bool:
        """Whether more has come than the site takes at any address."""
        return self._received_bytes > settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    async def send(self, message: Any) -> None:
        self.began = True
        self.over |= message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class PageHandler(ASGIHandler):
    """Answers requests.

    To an application, a request that is over and a client that has gone are the same message. Django ends a task by an
    exception for either, whose traceback holds the frame that holds the task, and with it the page, HTML and all,
    until a full garbage collection, which is rare. Here only a client that has gone is an exception.

    Django writes a body of any length to the disk, on the event loop and whatever the address, before anything asks how
    large it is. Here it is refused as soon as it is too large.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; a stream that the server cuts off when it stops just ends."""
        exchange = _Exchange(receive, send)
        try:
            await super().handle(scope, exchange, exchange.send)
            if exchange.too_large and not exchange.began:
                await self._refuse(exchange)
        except asyncio.CancelledError:
            # Only a server that stops and has waited long enough cancels; it would log this as a failure of ours.
            if not exchange.began:
                raise
            exchange.over = True

    async def _refuse(self, exchange: _Exchange) -> None:
        text = f"expected a body of at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes"
        await self.send_response(HttpResponse(text, status=413, content_type="text/plain"), exchange.send)

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Raise `RequestAborted` when the client goes before the exchange is over; `receive` is the `_Exchange`."""
        try:
            await super().listen_for_disconnect(receive)
        except RequestAborted:
            if not receive.over:
                raise


def page_handler() -> PageHandler:
    """Return the handler, with all apps loaded."""
    django.setup(set_prefix=False)
    return PageHandler()
