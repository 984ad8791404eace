"""The demo as a child process, in a folder and on a port of its own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

import psutil

from webapp.redis_server import free_port

ROOT: Final = Path(__file__).parents[1]
_PATIENCE_S: Final = 600.0


class RunningDemo:
    """`make demo` on a free loopback port, stopped by Ctrl-C's signal at the end.

    Attributes
    ----------
    url : str
    ready_s : float
        From start until it said that it was ready.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.ready_s = 0.0

    def __enter__(self) -> "RunningDemo":
        self._output = tempfile.TemporaryFile("w+")
        started = time.monotonic()
        environment = {
            **os.environ,
            "FRESHET_VAR": str(self.folder),
            "FRESHET_PORT": self.url.rpartition(":")[2],
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        environment.pop("FRESHET_REDIS_URL", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "webapp.demo"], cwd=ROOT, env=environment, stdout=self._output, stderr=self._output
        )
        try:
            self._wait_until_ready(started)
        except BaseException:
            self._stop()
            raise
        self.ready_s = time.monotonic() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _wait_until_ready(self, started: float) -> None:
        while "ready:" not in self.output():
            if self._process.poll() is not None or time.monotonic() - started > _PATIENCE_S:
                raise RuntimeError(f"expected the demo to become ready; it said: {self.output()[-2_000:]}")
            time.sleep(0.1)

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._output.close()

    @property
    def pid(self) -> int:
        """Process id of the supervisor, which started all others."""
        return self._process.pid

    def output(self) -> str:
        """Return everything that it printed so far."""
        self._output.flush()
        return Path(f"/proc/self/fd/{self._output.fileno()}").read_text(errors="replace")

    @property
    def password(self) -> str:
        """The password of the user ``staff``, which a first start says once."""
        found = re.search(r"user staff, password (\S+),", self.output())
        if found is None:
            raise RuntimeError(f"expected the demo to say a password, received: {self.output()[-500:]}")
        return found[1]

    def resident_mb(self) -> dict[str, float]:
        """Return the resident memory of each process by role, in MB."""
        found: dict[str, float] = {}
        for process in (psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)):
            try:
                command, rss = " ".join(process.cmdline()), process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            role = role_of(command)
            if role is not None:
                found[role] = round(found.get(role, 0.0) + rss / 2**20, 1)
        return found


@contextmanager
def temporary_demo(prefix: str) -> Iterator[RunningDemo]:
    """Start the demo in a temporary folder, with the data that were fetched before, and remove all of it afterwards."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        fetched = Path(os.environ.get("FRESHET_VAR") or ROOT / "var") / "data"
        if fetched.is_dir():
            shutil.copytree(fetched, Path(folder) / "data", ignore=shutil.ignore_patterns("*.json*"))
        with RunningDemo(Path(folder)) as demo:
            yield demo


def role_of(command: str) -> str | None:
    """Return what a process is for; None for shells that only wait for it."""
    roles = {
        r"uvicorn": "web",
        r"celery .*worker": "worker",
        r"celery .*beat": "beat",
        r"(valkey|redis)-server": "redis",
        r"webapp\.demo": "supervisor",
    }
    if command.startswith(("/bin/sh", "sh ")):
        return None
    return next((role for pattern, role in roles.items() if re.search(pattern, command)), None)
