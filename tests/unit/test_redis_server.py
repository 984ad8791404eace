"""Starting a server: found, healthy, alone in its folder; one clear line when it can't be."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.log.redis_client import connect
from webapp import redis_server as server_process
from webapp.redis_server import RunningServer, ServerFailed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    server = server_process.start(tmp_path / "data", server_process.free_port())
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def executable(path: Path, text: str = "#!/bin/sh\nexit 3\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_server_on_the_path_is_taken_before_the_packaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    packaged = server_process.find_server()
    assert packaged.name == "valkey-server" and os.access(packaged, os.X_OK)

    on_path = executable(tmp_path / "redis-server")
    assert server_process.find_server() == on_path


def test_started_server_answers_on_loopback_with_what_was_asked_for(server: RunningServer) -> None:
    with connect(server.url) as client:
        found = client.config_get("bind", "appendonly", "appendfsync", "maxmemory-policy")
        assert client.info("server")["process_id"] == server.process.pid
    assert found == {
        "bind": "127.0.0.1",
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
    }


def test_stopped_server_keeps_its_data(server: RunningServer, tmp_path: Path) -> None:
    with connect(server.url) as client:
        client.set("kept", "1")
    server.stop()
    assert server.process.returncode == 0

    again = server_process.start(tmp_path / "data", server.port)
    try:
        with connect(again.url) as client:
            assert client.get("kept") == b"1"
    finally:
        again.stop()


def test_folder_of_a_running_server_is_refused(server: RunningServer, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=rf"pid {server.process.pid}, port {server.port}\) already keeps its data"):
        server_process.start(tmp_path / "data", server_process.free_port())


def test_taken_port_gets_one_line_that_says_so(server: RunningServer, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed) as failure:
        server_process.start(tmp_path / "other", server.port)
    assert f"port {server.port}" in str(failure.value) and "Address already in use" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_server_that_ends_at_once_gets_one_line(tmp_path: Path) -> None:
    broken = executable(tmp_path / "broken-server")
    with pytest.raises(ServerFailed, match="ended with code 3"):
        server_process.start(tmp_path / "data", server_process.free_port(), executable=broken)


def test_server_that_stays_silent_is_ended_and_reported(tmp_path: Path) -> None:
    silent = executable(tmp_path / "silent-server", "#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ServerFailed, match="did not answer in time"):
        server_process.start(tmp_path / "data", server_process.free_port(), executable=silent, timeout_s=0.2)
    server_process.start(tmp_path / "data", server_process.free_port()).stop()
