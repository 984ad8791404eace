"""The proxy of the container files, as it is shipped, in front of two web processes that say what they were asked."""

import json
import os
import re
import shutil
import subprocess
import threading
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
from tests.patience import wait_until
from webapp.messages import Message, Receive, Send
from webapp.redis_server import free_port

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


class Answer(NamedTuple):
    """What is said to a request, and which cookie the proxy sets with it."""

    said: dict[str, Any]
    set_cookie: str | None

    @property
    def way(self) -> str:
        """The cookie as a browser sends it back."""
        assert self.set_cookie is not None
        return self.set_cookie.split(";")[0]


class Proxied(NamedTuple):
    """A running proxy: where it listens, and its web processes by name."""

    port: int
    webs: dict[str, uvicorn.Server]

    def answer(self, path: str = "/", **headers: str) -> Answer:
        """Ask this host."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Host": HOST, **named})
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(json.load(response), response.headers["Set-Cookie"])

    def get(self, path: str = "/", **headers: str) -> dict[str, Any]:
        """Return what is said to a request of this host."""
        return self.answer(path, **headers).said

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
        wait_until(lambda: server.started, "the site to start")
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
        wait_until(lambda: _answers(port), "nginx to answer")
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


def test_visitor_stays_with_the_web_process_of_their_first_page(proxied: Proxied) -> None:
    firsts = [proxied.answer() for _ in range(20)]
    assert {first.said["by"] for first in firsts} == {"one", "other"}

    for first in firsts:
        ways = f"freshet_session=begins-meanwhile; {first.way}"
        again = [proxied.answer(Cookie=ways) for _ in range(3)]
        assert {each.said["by"] for each in again} == {first.said["by"]} == {proxied.greeting(ways)["by"]}
        assert {each.set_cookie for each in again} == {None}, "it is said once"


def test_way_tells_nobody_apart_and_ends_with_the_visit(proxied: Proxied) -> None:
    plain, secure = (proxied.answer(X_Forwarded_Proto=proto).set_cookie for proto in ("http", "https"))
    assert re.fullmatch(r"freshet_way=[0-9a-f]{2}; Path=/; HttpOnly; SameSite=Lax", plain or "")
    assert re.fullmatch(r"freshet_way=[0-9a-f]{2}; Path=/; HttpOnly; SameSite=Lax; Secure", secure or "")


def test_way_that_the_proxy_never_gave_is_drawn_anew(proxied: Proxied) -> None:
    assert proxied.answer(Cookie="freshet_way=elsewhere").set_cookie is not None


def test_visitors_of_a_web_process_that_died_go_to_another(proxied: Proxied) -> None:
    before = {way: proxied.get(Cookie=way)["by"] for way in (f"freshet_way={number:02x}" for number in range(16))}
    assert set(before.values()) == {"one", "other"}
    dead = proxied.get(Cookie="freshet_way=00")["by"]
    proxied.webs[dead].should_exit = True
    wait_until(lambda: proxied.get(Cookie="freshet_way=00")["by"] != dead, "another process to answer")

    after = {way: proxied.get(Cookie=way)["by"] for way in before}

    assert set(after.values()) == {"one", "other"} - {dead}
    assert all(after[way] == by for way, by in before.items() if by != dead)
