"""The stack under load: its processes, and how far learning is behind, looked at while the generator runs."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import psutil
import redis

from benchmarks.running_demo import role_of
from recsys.errors import LogUnavailable
from recsys.log.archive import ArchiveLog
from recsys.log.redis import RedisLog
from recsys.log.redis_client import connect
from recsys.log.whole import WholeLog
from webapp import settings
from webapp.training.status import StatusBoard

PROCESSES_EVERY_S: Final = 1.0
LAG_EVERY_S: Final = 0.25


class Sample(NamedTuple):
    """One look: seconds of the wall clock, memory in MB and CPU in percent of a core by role, and fold lag in ms."""

    at_s: float
    rss_mb: dict[str, float]
    cpu_percent: dict[str, float]


class Stack:
    """The processes and the log of a running site on this machine.

    Parameters
    ----------
    pid : int
        Of the process that started all others.
    folder : Path
        Its `FRESHET_VAR`.
    redis_url : str
        Its `FRESHET_REDIS_URL`.
    """

    def __init__(self, pid: int, folder: Path, redis_url: str) -> None:
        self._root = psutil.Process(pid)
        self._client: redis.Redis = connect(redis_url)
        self._live = RedisLog(self._client)
        self._board = StatusBoard(self._client)
        self._archive = folder / "archive"

    def log(self) -> WholeLog:
        """Return the log, archived and live."""
        return WholeLog(ArchiveLog(self._archive), self._live)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the processes by role."""
        found: dict[str, list[psutil.Process]] = {}
        for process in (self._root, *self._root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                role = role_of(" ".join(process.cmdline()))
                if role is not None:
                    found.setdefault(role, []).append(process)
        return found

    def fold_lag_ms(self) -> float:
        """Return the age of the oldest record that no fold has taken in yet, 0 when there is none."""
        status = self._board.read()
        if status is None:
            return 0.0
        waiting = self._live.read(status.offset, 1)
        return max(time.time() * 1_000 - waiting[0].received_ms, 0.0) if waiting else 0.0


class Watch:
    """Looks at a stack and at the generator in a thread until it is stopped.

    Attributes
    ----------
    samples : list of Sample
    lag_ms : list of (seconds of the wall clock, milliseconds)
    """

    def __init__(self, stack: Stack, generator: int) -> None:
        self._stack, self._generator = stack, psutil.Process(generator)
        self.samples: list[Sample] = []
        self.lag_ms: list[tuple[float, float]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        processes = {**self._stack.processes(), "generator": [self._generator]}
        next_look_s = 0.0
        while not self._done.wait(LAG_EVERY_S):
            with suppress(redis.RedisError, LogUnavailable):
                self.lag_ms.append((time.time(), self._stack.fold_lag_ms()))
            if time.monotonic() >= next_look_s:
                next_look_s = time.monotonic() + PROCESSES_EVERY_S
                self.samples.append(_sample(processes))


def _sample(processes: dict[str, list[psutil.Process]]) -> Sample:
    memory: dict[str, float] = {}
    cpu: dict[str, float] = {}
    for role, found in processes.items():
        for process in found:
            with suppress(psutil.NoSuchProcess):
                memory[role] = memory.get(role, 0.0) + process.memory_info().rss / 2**20
                cpu[role] = cpu.get(role, 0.0) + process.cpu_percent()
    return Sample(time.time(), memory, cpu)


def stack_of(site: str) -> Stack | None:
    """Return the stack behind the site that listens on that port of this machine, None without one.

    Where it writes, and its Redis, are what its own environment says; what that leaves open is as in this process.
    """
    port = urlsplit(site).port
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            web = psutil.Process(connection.pid)
            told = web.environ()
            return Stack(
                _topmost(web.parents(), web.pid),
                Path(told.get("FRESHET_VAR", settings.FRESHET_VAR)),
                told.get("FRESHET_REDIS_URL", settings.FRESHET_REDIS_URL),
            )
    return None


def _topmost(parents: Sequence[psutil.Process], otherwise: int) -> int:
    demos = [parent.pid for parent in parents if role_of(" ".join(parent.cmdline())) == "supervisor"]
    return demos[-1] if demos else otherwise
