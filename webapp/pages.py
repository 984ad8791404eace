"""Django's handler of requests, without what it leaves for the garbage collector."""

import asyncio
from typing import Any

import django
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler

from webapp.messages import Message, Receive, Send


class _Exchange:
    """Receives a request's messages, sends its answer, and knows how far that is."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.began = False
        self.answered = False

    async def __call__(self) -> Message:
        return await self._receive()

    async def send(self, message: Any) -> None:
        self.began = True
        self.answered = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


class PageHandler(ASGIHandler):
    """Answers requests.

    To an application, a request that is over and a client that has gone are the same message. Django ends a task by an
    exception for either, whose traceback holds the frame that holds the task, and with it the page, HTML and all,
    until a full garbage collection, which is rare. Here only a client that has gone is an exception.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; a stream that the server cuts off when it stops just ends."""
        exchange = _Exchange(receive, send)
        try:
            await super().handle(scope, exchange, exchange.send)
        except asyncio.CancelledError:
            # Only a server that stops and has waited long enough cancels; it would log this as a failure of ours.
            if not exchange.began:
                raise

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Raise `RequestAborted` when the client goes before it has its answer; `receive` is the `_Exchange`."""
        try:
            await super().listen_for_disconnect(receive)
        except RequestAborted:
            if not receive.answered:
                raise


def page_handler() -> PageHandler:
    """Return the handler, with all apps loaded."""
    django.setup(set_prefix=False)
    return PageHandler()
