"""What must be there before any process starts: a free port, the folder, a secret key, and Redis."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import redis

from recsys.errors import FreshetError
from webapp import redis_server

_REDIS_TIMEOUT_S: Final = 3.0


class DemoFailed(FreshetError):
    """The demo can't go on; the message is one line that says why and what to do."""


def check_port(host: str, port: int) -> None:
    """Raise `DemoFailed` when something listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the web server does: a port that was just given back counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except socket.gaierror as error:
            raise DemoFailed(
                f"FRESHET_HOST: expected an address of this machine, received {host!r} ({error.strerror})"
            ) from None
        except OSError as error:
            raise DemoFailed(
                f"port {port} on {host} can't be used ({os.strerror(error.errno or 0)}): "
                "stop what holds it, or choose another with FRESHET_PORT"
            ) from None


def make_folder(folder: Path) -> None:
    """Make the folder of everything that is written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoFailed(f"can't make {folder} ({error.strerror}): set FRESHET_VAR to a folder of yours") from None


def keep_secret_key(path: Path) -> None:
    """Draw the secret key on the first start; only this user may read it."""
    if path.is_file() and path.stat().st_size:
        return
    draft = path.with_suffix(".new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        draft.rename(path)
    except OSError as error:
        raise DemoFailed(
            f"can't write {path} ({error.strerror}): make room, or set FRESHET_VAR to a folder of yours"
        ) from None


@contextmanager
def redis_running(
    url: str | None, folder: Path, appendfsync: str
) -> Iterator[tuple[str, redis_server.RunningServer | None]]:
    """Yield the URL of a server that answers: the one given, else one of our own, stopped at the end.

    Parameters
    ----------
    url : str or None
        A server that somebody else keeps; it is left running.
    folder : Path
        Where our own keeps its data, and its port for processes started by hand.
    appendfsync : str
        When our own writes to disk.
    """
    if url is not None:
        _ping(url)
        yield url, None
        return
    try:
        server = redis_server.start(folder, _port(folder / "port"), cast(redis_server.AppendFsync, appendfsync))
    except redis_server.ServerFailed as error:
        raise DemoFailed(str(error)) from None
    try:
        (folder / "port").write_text(f"{server.port}\n")
        yield server.url, server
    finally:
        server.stop()


def _ping(url: str) -> None:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
        ) as client:
            client.ping()
    except redis.RedisError as error:
        raise DemoFailed(
            f"no answer from FRESHET_REDIS_URL ({error}): start that server, or unset it to let the demo start its own"
        ) from None


def _port(file: Path) -> int:
    """Return the port of the last time if it is still free: what was configured with it goes on working."""
    noted = file.read_text().strip() if file.is_file() else ""
    if noted.isdecimal():  # a start that was cut short may have left it empty
        port = int(noted)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return redis_server.free_port()
