"""The proxy of the container files, as it is shipped, in front of two web processes that say what they were asked."""

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError

import pytest
import uvicorn
from websockets.sync.client import connect

from tests.faults.learning import ROOT
from webapp.messages import Message, Receive, Send
from webapp.redis_server import free_port
from webapp.tracking.tokens import SessionToken, sign_session

HOST = "films.example"


class Web:
    """An ASGI application that answers every request, and greets every websocket, with its name and the headers."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        said = json.dumps({"by": self.name, "path": scope["path"], "headers": headers})
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": said})
            await send({"type": "websocket.close", "code": 1000})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": said.encode()})


class Proxied(NamedTuple):
    """A running proxy: where it listens, and its web processes by name."""

    port: int
    webs: dict[str, uvicorn.Server]

    def get(self, path: str = "/", **headers: str) -> dict[str, Any]:
        """Return what is said to a request of this host."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": HOST, **named})
        with urllib.request.urlopen(request, timeout=10) as response:
            said: dict[str, Any] = json.load(response)
        return said

    def greeting(self, cookie: str) -> dict[str, Any]:
        """Return what a websocket is greeted with."""
        with connect(f"ws://127.0.0.1:{self.port}/ws/", additional_headers={"Cookie": cookie}) as socket:
            said: dict[str, Any] = json.loads(socket.recv(10))
        return said


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    with ExitStack() as running:
        ports = {name: free_port() for name in ("one", "other")}
        webs = {name: running.enter_context(_serving(Web(name), port)) for name, port in ports.items()}
        yield Proxied(running.enter_context(_proxy(tmp_path, list(ports.values()))), webs)


@contextmanager
def _serving(web: Web, port: int) -> Iterator[uvicorn.Server]:
    config = uvicorn.Config(web, port=port, log_level="error", ws="websockets-sansio", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def _proxy(folder: Path, ports: list[int]) -> Iterator[int]:
    """Run nginx on a free port, in a folder of its own and not in a container beside a name server."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("needs nginx: apt-get install nginx-light")
    port = free_port()
    config = (ROOT / "deploy" / "nginx.conf").read_text().replace("/tmp/", f"{folder}/")
    for shipped, here in {
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "resolver 127.0.0.11 valid=5s ipv6=off;": "",
        "server web:8000 resolve;": " ".join(f"server 127.0.0.1:{each};" for each in ports),
    }.items():
        assert shipped in config
        config = config.replace(shipped, here)
    (folder / "nginx.conf").write_text(config)
    user = "user root; " if os.geteuid() == 0 else ""
    process = subprocess.Popen([nginx, "-c", folder / "nginx.conf", "-g", f"{user}daemon off;"])
    try:
        _until(lambda: _answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
    except HTTPError:
        return True
    except (URLError, HTTPException):
        return False
    return True


def _until(reached: Any) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def cookie(session: str, at_ms: int) -> str:
    return f"other=1; freshet_session={sign_session(SessionToken(session, 'off', at_ms))}"


def test_site_hears_which_host_was_asked_by_whom_and_how(proxied: Proxied) -> None:
    page = proxied.get("/films/1?q=a")["headers"]
    socket = proxied.greeting("a=b")["headers"]

    assert page["host"] == HOST
    assert socket["host"] == f"127.0.0.1:{proxied.port}"
    for headers in (page, socket):
        assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert proxied.get("/", X_Forwarded_Proto="https")["headers"]["x-forwarded-proto"] == "https"


def test_metrics_stay_inside(proxied: Proxied) -> None:
    with pytest.raises(HTTPError, match="404"):
        proxied.get("/metrics")


def test_session_stays_with_one_web_process_as_its_token_is_renewed(proxied: Proxied) -> None:
    asked = {}
    for number in range(20):
        session = f"a-session-of-{number:09d}"  # as long as one is
        cookies = [cookie(session, at_ms) for at_ms in (1, 10**12, 2 * 10**12)]
        pages = {proxied.get(Cookie=each)["by"] for each in cookies}
        asked[session] = pages | {proxied.greeting(each)["by"] for each in cookies}

    assert {len(by) for by in asked.values()} == {1}
    assert set.union(*asked.values()) == {"one", "other"}


def test_visitors_without_a_session_are_shared_out(proxied: Proxied) -> None:
    assert {proxied.get()["by"] for _ in range(40)} == {"one", "other"}


def test_sessions_of_a_web_process_that_died_go_to_another(proxied: Proxied) -> None:
    sessions = [f"a-session-of-{number:09d}" for number in range(8)]
    before = {session: proxied.get(Cookie=cookie(session, 1))["by"] for session in sessions}
    dead = before[sessions[0]]
    proxied.webs[dead].should_exit = True
    _until(lambda: proxied.get(Cookie=cookie(sessions[0], 2))["by"] != dead)

    after = {session: proxied.get(Cookie=cookie(session, 3))["by"] for session in sessions}

    assert set(after.values()) == {"one", "other"} - {dead}
    assert all(after[session] == by for session, by in before.items() if by != dead)
