"""Redis and Celery workers as separate processes that a test can kill; the test itself plays beat."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import redis
from celery import Celery
from honcho.environ import parse_procfile

from recsys.clock import SystemClock
from recsys.config import EngineConfig
from recsys.events import Click, Event, Impression, ItemUpserted, SlateServed
from recsys.learner import Learner
from recsys.log.archive import ArchiveLog
from recsys.log.redis import RedisLog
from recsys.log.whole import WholeLog
from recsys.offsets import Offset, offset_key
from recsys.replay import replay
from recsys.store.files import FileSnapshots
from tests.patience import wait_until
from webapp import redis_server
from webapp.training.status import FoldStatus, StatusBoard

ROOT: Final = Path(__file__).parents[2]
ITEMS: Final = 30
SLATE: Final = 10
CONFIG: Final = EngineConfig(attribution_window_s=1)


class Learning:
    """The part of a site that learns, over one folder.

    Parameters
    ----------
    folder : Path
        Everything that is written.
    settings : str
        ``FRESHET_`` settings that differ from the ones for tests: small runs, many snapshots, a short lease.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.redis = redis_server.start(folder / "valkey", redis_server.free_port())
        self.client = redis.Redis.from_url(self.redis.url)
        self.log = RedisLog(self.client)
        self.status = StatusBoard(self.client)
        self.snapshots = FileSnapshots(folder / "store")
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "FRESHET_ATTRIBUTION_WINDOW_S": str(CONFIG.attribution_window_s),
            "FRESHET_FOLD_MAX_EVENTS": "400",
            "FRESHET_LEASE_MS": "1000",
            "FRESHET_LOG_KEEP_EVENTS": "500",
            "FRESHET_ARCHIVE_EVERY_S": "1",
            "FRESHET_REDIS_URL": self.redis.url,
            "FRESHET_SECRET_KEY": "a key that only this test knows, long enough to please",
            "FRESHET_SNAPSHOT_EVERY_EVENTS": "1000",
            "FRESHET_SNAPSHOT_EVERY_S": "1",
            "FRESHET_VAR": str(folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **settings,
        }
        self._beat = Celery(broker=self.redis.url)
        self._beat.conf.broker_transport_options = {"global_keyprefix": "freshet:celery:"}

    def start(self, name: str = "worker") -> "subprocess.Popen[bytes]":
        """Start a process of the Procfile; its output goes to ``<name>.log`` in the folder."""
        command = parse_procfile((ROOT / "Procfile").read_text()).processes[name]
        with (self.folder / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                command, shell=True, cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )
        self.processes.append(process)
        return process

    def restart_redis(self) -> None:
        """Kill the server as a crash would, and start it again over what it left, on the same port."""
        self.redis.kill()
        self.redis = redis_server.start(self.folder / "valkey", self.redis.port)

    def stop(self) -> None:
        """End everything."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.client.close()
        self.redis.stop()

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        """Block until `reached` is true; else fail with what the workers said."""
        try:
            wait_until(reached, what)
        except AssertionError as failed:
            failed.add_note(f"workers say: {self.told()}")
            raise

    def fold_until(self, reached: Callable[[], bool], what: str) -> None:
        """Ask for folds, as beat does, until `reached` returns True."""

        def reached_by_now() -> bool:
            if not reached():
                self._ask_for_a_fold()
                return False
            return True

        self.wait_until(reached_by_now, what)

    def _ask_for_a_fold(self) -> None:
        if self.client.llen("freshet:celery:fold") < 2:
            with self._beat.producer_or_acquire() as producer:
                self._beat.send_task("webapp.training.tasks.fold", queue="fold", producer=producer)

    def told(self) -> str:
        """Return the last that the workers said."""
        log = self.folder / "worker.log"
        return log.read_text()[-3_000:] if log.exists() else ""

    def folded(self) -> Offset:
        """Return up to where the status says that the log is folded."""
        status = self.status.read()
        return status.offset if status is not None else "0-0"

    def writer(self) -> FoldStatus:
        """Return the status of the writer."""
        status = self.status.read()
        assert status is not None
        return status

    def fold_all(self) -> str:
        """Fold until a snapshot covers the whole log, and the writer said so; return its hash."""
        end = self.log.end()

        def covered() -> bool:
            status = self.status.read()
            return status is not None and status.snapshot == end

        self.fold_until(covered, f"a snapshot at {end}")
        return self.snapshots.manifests()[0].sha256

    def archive(self) -> ArchiveLog:
        """Return what was moved out of the live log."""
        return ArchiveLog(self.folder / "archive")

    def uninterrupted(self) -> str:
        """Return the hash of the state that one fold over the whole log gives, here and now."""
        return replay(WholeLog(self.archive(), self.log), Learner(CONFIG)).state_sha256

    def browse(self, sessions: int, of: str = "s") -> None:
        """Append what so many sessions do: each sees a slate, opens two items, and leaves the second half unseen."""
        now_ms = SystemClock().now_ms()
        for number in range(sessions):
            self.log.append(list(_visit(f"{of}{number}", number, now_ms)))


def catalogue(now_ms: int) -> list[Event]:
    """Return the items' events."""
    return [
        ItemUpserted(event_time_ms=now_ms, item=f"i{number}", title=f"Item {number}", categories=(f"c{number % 3}",))
        for number in range(ITEMS)
    ]


def beyond(offset: Offset, other: Offset) -> bool:
    """Return whether `offset` comes after `other`."""
    return offset_key(offset) > offset_key(other)


@contextlib.contextmanager
def learning(folder: Path, sessions: int = 0, **settings: str) -> Iterator[Learning]:
    """Yield a part of a site whose log holds the catalogue and what `sessions` did."""
    part = Learning(folder, **settings)
    try:
        part.log.append(catalogue(SystemClock().now_ms()))
        part.browse(sessions)
        yield part
    finally:
        part.stop()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process as a crash would."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def _visit(session: str, number: int, now_ms: int) -> Iterator[Event]:
    items = tuple(f"i{(number * 7 + place) % ITEMS}" for place in range(SLATE))
    yield SlateServed(event_time_ms=now_ms, session=session, slate=f"{session}-slate", surface="for_you", items=items)
    for seq, position in enumerate(range(SLATE // 2), 1):
        seen = {"session": session, "slate": f"{session}-slate", "position": position, "item": items[position]}
        yield Impression(event_time_ms=now_ms, seq=seq * 2, **seen)
        if position in (number % 5, (number + 2) % 5):
            yield Click(event_time_ms=now_ms, seq=seq * 2 + 1, **seen)
