"""`make demo` as a person uses it: one command, one line when something is wrong, and nothing forgotten."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from recsys.events import ItemUpserted
from recsys.log.redis import RedisLog
from tests.faults.learning import ROOT
from tests.patience import PROCESS_PATIENCE_S, wait_until
from webapp import redis_server

STOPPED_S = 20.0


class Demo:
    """A running demo over one folder, and what it said."""

    def __init__(self, folder: Path, dataset: str, **settings: str) -> None:
        self.port = redis_server.free_port()
        self._output = folder.parent / f"demo-{self.port}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "webapp.demo", "--dataset", dataset],
                cwd=ROOT,
                env={**environment, "FRESHET_PORT": str(self.port), "FRESHET_VAR": str(folder), **settings},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        return self._output.read_text()

    def wait_until_ready(self) -> None:
        wait_until(lambda: "freshet: ready" in self.said() or self.process.poll() is not None, "the demo to be ready")
        assert "freshet: ready" in self.said(), self.said()

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            body: bytes = response.read()
        return body

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, signum: signal.Signals) -> int:
        self.process.send_signal(signum)
        return self.process.wait(STOPPED_S)


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    items = [{"item": f"i{number}", "title": f"Item {number}", "categories": ["c"]} for number in range(12)]
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return folder


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[list[Demo]]:
    """Demos to end when a test fails half-way."""
    demos: list[Demo] = []
    yield demos
    for demo in demos:
        if demo.process.poll() is None:
            demo.stop(signal.SIGTERM)


def fails_with(folder: Path, dataset: str, **settings: str) -> str:
    """Return the one line of a demo that can't start."""
    demo = Demo(folder, dataset, **settings)
    assert demo.process.wait(PROCESS_PATIENCE_S) not in (0, None)
    (line,) = demo.said().splitlines()
    return line


def test_second_start_has_forgotten_nothing_and_keeps_the_password_to_itself(
    tmp_path: Path, own_data: Path, starting: list[Demo]
) -> None:
    folder = tmp_path / "var"
    first = Demo(folder, str(own_data))
    starting.append(first)
    first.wait_until_ready()
    assert b"Item" in first.get("/")
    assert re.search(r"user staff, password \S{12,}, shown only this once", first.said())
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    running = first.children()
    with redis.Redis(port=int((folder / "valkey" / "port").read_text())) as client:
        (receipt,) = RedisLog(client).append(
            [ItemUpserted(event_time_ms=time.time_ns() // 1_000_000, item="later", title="Came later")]
        )
    assert first.stop(signal.SIGINT) == 0
    assert not [process for process in running if process.is_running()]

    second = Demo(folder, str(own_data))
    starting.append(second)
    second.wait_until_ready()
    assert "shown only this once" not in second.said()
    with redis.Redis(port=int((folder / "valkey" / "port").read_text())) as client:
        assert RedisLog(client).end() == receipt.offset
        appendfsync = client.config_get("appendfsync")
    assert appendfsync == {"appendfsync": "always"}
    assert second.stop(signal.SIGTERM) == 0


def test_demo_without_a_data_set_says_how_to_fill_it_and_one_line_when_redis_dies(
    tmp_path: Path, starting: list[Demo]
) -> None:
    demo = Demo(tmp_path / "var", "none")
    starting.append(demo)
    demo.wait_until_ready()
    assert b"Nothing here yet" in demo.get("/")
    with redis.Redis(port=int((tmp_path / "var" / "valkey" / "port").read_text())) as client:
        server = client.info("server")["process_id"]

    os.kill(server, signal.SIGKILL)

    assert demo.process.wait(STOPPED_S) == 1
    assert demo.said().splitlines()[-1].startswith("freshet: Redis ended")


def test_taken_port_gets_one_line(tmp_path: Path, own_data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = fails_with(tmp_path / "var", str(own_data), FRESHET_PORT=str(port))

    assert str(port) in line
    assert "FRESHET_PORT" in line
    assert not (tmp_path / "var" / "valkey").exists()


def test_host_that_is_none_gets_one_line(tmp_path: Path, own_data: Path) -> None:
    line = fails_with(tmp_path / "var", str(own_data), FRESHET_HOST="nowhere.invalid")

    assert "FRESHET_HOST: expected an address of this machine, received 'nowhere.invalid'" in line


def test_folder_that_can_not_be_written_gets_one_line(tmp_path: Path, own_data: Path) -> None:
    (tmp_path / "var" / "secret_key.new").mkdir(parents=True)

    assert "set FRESHET_VAR to a folder of yours" in fails_with(tmp_path / "var", str(own_data))


def test_dead_redis_gets_one_line(tmp_path: Path, own_data: Path) -> None:
    url = f"redis://127.0.0.1:{redis_server.free_port()}/0"

    assert "FRESHET_REDIS_URL" in fails_with(tmp_path / "var", str(own_data), FRESHET_REDIS_URL=url)


def test_what_can_not_be_prepared_gets_one_line(tmp_path: Path) -> None:
    assert "does not exist" in fails_with(tmp_path / "var", str(tmp_path / "nothing"))


def test_setting_that_can_not_be_used_gets_one_line(tmp_path: Path, own_data: Path) -> None:
    assert "FRESHET_PORT: expected whole number" in fails_with(tmp_path / "var", str(own_data), FRESHET_PORT="http")
