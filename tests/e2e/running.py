"""A whole site as separate processes, each of which a test can kill and start again."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import psutil
import redis
from honcho.environ import parse_procfile

from recsys.events import SessionEvent
from recsys.log.base import records
from recsys.log.redis import RedisLog
from recsys.offsets import Offset, offset_key
from tests.patience import wait_until
from webapp import redis_server
from webapp.replication import heartbeats

ROOT: Final = Path(__file__).parents[2]


class RunningSite:
    """Redis, web, worker and beat over one folder, on free loopback ports.

    Parameters
    ----------
    folder : Path
        Everything that the site writes.
    dataset : str
        As FRESHET_DATASET.
    data : Path, optional
        Folder of fetched data sets to start with.
    **settings : str
        More of the environment.
    """

    def __init__(self, folder: Path, dataset: str, data: Path | None = None, **settings: str) -> None:
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        if data is not None and data.is_dir():
            shutil.copytree(data, folder / "data", ignore=shutil.ignore_patterns("*.json*"))
        self._redis = redis_server.start(folder / "valkey", redis_server.free_port())
        port = redis_server.free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "FRESHET_CONSENT_DEFAULT": "session",
            "FRESHET_HOST": "127.0.0.1",
            "FRESHET_PORT": str(port),
            "FRESHET_REDIS_URL": self._redis.url,
            "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please",
            "FRESHET_VAR": str(folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **settings,
        }
        self.client = redis.Redis.from_url(self._redis.url)
        self.log = RedisLog(self.client)
        self.manage("prepare", "--dataset", dataset)
        for name in ("web", "worker", "beat"):
            self.start(name)
        wait_until(self.is_ready, "the site to be ready")

    def manage(self, *arguments: str) -> str:
        """Run a management command; return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self._environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        return done.stdout

    def start(self, name: str) -> None:
        """Start a process of the Procfile; its output goes to ``<name>.log`` in the folder."""
        command = parse_procfile((ROOT / "Procfile").read_text()).processes[name]
        with (self._folder / f"{name}.log").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                command, shell=True, cwd=ROOT, env=self._environment, stdout=output, stderr=output
            )

    def kill(self, name: str) -> None:
        """End a process as a crash would: SIGKILL, no goodbye."""
        self._processes[name].send_signal(signal.SIGKILL)
        self._processes[name].wait()

    def resident_mb(self, name: str) -> float:
        """Return the resident memory of a process, in MB."""
        return float(psutil.Process(self._processes[name].pid).memory_info().rss) / 2**20

    def stop(self) -> None:
        """End everything."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self.client.close()
        self._redis.stop()

    def is_ready(self) -> bool:
        """Whether /readyz says that visitors are served well."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def events(self, kind: type[SessionEvent], session: str) -> list[SessionEvent]:
        """Return a session's events of one kind as they stand in the log."""
        found = (record.event for record in records(self.log))
        return [event for event in found if isinstance(event, kind) and event.session == session]

    def wait_until_learned(self, offset: Offset) -> None:
        """Block until every replica has folded the log up to `offset`."""

        def covered() -> bool:
            replicas = heartbeats(self.client, int(time.time() * 1_000))
            return bool(replicas) and all(offset_key(each.version) >= offset_key(offset) for each in replicas)

        wait_until(covered, f"the replica to have learned up to {offset}")
