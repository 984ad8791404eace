"""The server's process: background work starts and stops with it, and every answer carries the site's headers."""

import asyncio
import gc
import importlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from tests.patience import PATIENCE_S
from webapp import background, checks, stopping
from webapp.environment import Environment
from webapp.lifespan import Lifespan
from webapp.pages import page_handler


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Register nothing but what the test registers; yield what happened, in order."""
    monkeypatch.setattr(background, "_preparations", [])
    monkeypatch.setattr(background, "_tasks", [])
    yield []
    background._failures.clear()


async def serve() -> list[dict[str, Any]]:
    """Run a lifespan; return what it sent."""
    messages: list[dict[str, Any]] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if len(messages) == 1:
            for _ in range(3):
                await asyncio.sleep(0)
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await Lifespan()({"type": "lifespan"}, receive, send)
    return sent


async def test_work_is_prepared_before_and_cancelled_after(registered: list[str]) -> None:
    @background.before_serving
    async def prepare() -> None:
        registered.append("prepared")

    @background.while_serving
    async def work() -> None:
        registered.append("working")
        try:
            await asyncio.Event().wait()
        finally:
            registered.append("stopped")

    sent = await serve()
    assert registered == ["prepared", "working", "stopped"]
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert background.failures() == {}


async def test_streams_hear_that_the_server_is_told_to_stop_and_so_does_the_server() -> None:
    heard, said, sent = list[int](), asyncio.Queue[Any](), asyncio.Queue[Any]()
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    server = signal.getsignal(signal.SIGTERM)
    try:
        lifespan = asyncio.ensure_future(Lifespan()({"type": "lifespan"}, said.get, sent.put))
        await said.put({"type": "lifespan.startup"})
        await sent.get()
        assert not stopping.told()
        pausing = asyncio.ensure_future(stopping.pause(10 * PATIENCE_S))
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(pausing, timeout=PATIENCE_S)
        assert stopping.told()
        await said.put({"type": "lifespan.shutdown"})
        await lifespan
        assert signal.getsignal(signal.SIGTERM) is server
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


async def test_server_is_told_when_preparing_fails() -> None:
    @background.before_serving
    async def prepare() -> None:
        raise ConnectionError("no Redis")

    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message)

    with pytest.raises(ConnectionError):
        await Lifespan()({"type": "lifespan"}, receive, send)
    assert sent == [{"type": "lifespan.startup.failed", "message": "ConnectionError: no Redis"}]


async def test_work_that_dies_is_remembered() -> None:
    @background.while_serving
    async def work() -> None:
        raise ValueError("unforeseen")

    await serve()
    assert list(background.failures().values()) == ["ValueError: unforeseen"]


@pytest.mark.django_db
async def test_pages_carry_the_security_headers() -> None:
    response = await AsyncClient().get("/admin/login/")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


async def test_static_files_are_served_from_where_they_lie() -> None:
    response = await AsyncClient().get("/static/admin/css/base.css")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/css")
    again = await AsyncClient().get("/static/admin/css/base.css", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_plain_http_is_redirected_where_visitors_come_over_https() -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        assert Client().get("/admin/login/").status_code == 301


async def test_websocket_from_another_site_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    # Importing the application runs the startup checks, which would look at this machine's environment.
    monkeypatch.setattr(checks, "environment", Environment({}))
    application = importlib.import_module("webapp.asgi").application
    scope = {"type": "websocket", "path": "/ws/", "headers": [(b"origin", b"https://evil.example")]}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output())["type"] == "websocket.close"
    await socket.wait()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what Django held open goes with the process
async def test_stream_that_a_stopping_server_cuts_off_just_ends() -> None:
    started, closed, complaints = asyncio.Event(), asyncio.Event(), list[Any]()
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    messages = [{"type": "http.request"}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await closed.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body") == b"first":
            started.set()

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await closed.wait()

    async def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(parts())

    urls = type("Urls", (), {"urlpatterns": [path("stream/", stream)]})
    scope = {"type": "http", "method": "GET", "path": "/stream/", "query_string": b"", "headers": []}
    with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=[]):
        answering = asyncio.ensure_future(page_handler()(scope, receive, send))
        await asyncio.wait_for(started.wait(), timeout=PATIENCE_S)
        answering.cancel()
        await answering
        closed.set()
        await asyncio.sleep(0.1)
        gc.collect()
    assert complaints == []


async def test_body_too_large_for_any_address_is_refused_before_all_of_it_has_come(settings: Any) -> None:
    asked, sent = 0, list[Any]()

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked > 100:
            raise AssertionError("the whole of it was taken in")
        return {"type": "http.request", "body": b"a" * 65_536, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/nowhere/", "query_string": b"", "headers": []}
    await page_handler()(scope, receive, send)
    assert asked == settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 65_536 + 1
    assert sent[0]["status"] == 413
