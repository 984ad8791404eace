"""The site's processes under a process manager, watched until they are well and while they run."""

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from webapp.demo.patience import Patience, worked_s

_LOOK_EVERY_S: Final = 0.25
#: The manager forks its processes in its first moments; the watching thread sleeps until then.
_FIRST_LOOK_S: Final = 1.0

#: What a look found: None when all is well, else what is missing, in words.
Look = Callable[[], str | None]


class _PatientManager(Manager):  # type: ignore[misc]  # honcho has no types
    """Lets a signal that comes in its first moments wait until there is something to end."""

    def worked_s(self) -> float:
        """Return the processors' time that all processes took so far, in seconds."""
        return worked_s([process["pid"] for process in self._processes.values() if "pid" in process])

    def terminate(self) -> None:
        """End all processes."""
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(_LOOK_EVERY_S, self.terminate).start()


class Supervisor:
    """Runs the processes of a Procfile until a signal comes or one of them ends.

    Parameters
    ----------
    procfile : Path
    env : mapping
        The processes' environment.
    look : callable
        Whether the site is well; asked until it is for the first time.
    announce : callable
        Called once, then.
    tell : callable
        Told from time to time, until then, in a line, what is waited for.
    still_there : callable
        What the site can't do without but the manager does not run; asked all the time.
    patience_s : float
        How long it is waited for where nothing works at it (`webapp.demo.patience`).
    """

    def __init__(
        self,
        procfile: Path,
        env: Mapping[str, str],
        *,
        look: Look,
        announce: Callable[[], None],
        tell: Callable[[str], None],
        still_there: Look,
        patience_s: float,
    ) -> None:
        self._manager = _PatientManager(Printer(sys.stdout, time_format="%H:%M:%S"))
        for name, command in parse_procfile(procfile.read_text()).processes.items():
            self._manager.add_process(name, command, env=dict(env), cwd=str(procfile.parent))
        self._look, self._announce, self._still_there = look, announce, still_there
        self._patience = Patience(patience_s, self._manager.worked_s, tell)
        self._failure: str | None = None
        self._done = threading.Event()

    def run(self) -> str | None:
        """Block until everything has stopped; return what went wrong, None after Ctrl-C or SIGTERM."""
        watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)
        watcher.start()
        self._manager.loop()
        self._done.set()
        watcher.join()
        if self._failure is None and self._manager.returncode not in (130, 143):
            return f"a process ended by itself (code {self._manager.returncode}); its last lines are above"
        return self._failure

    def _watch(self) -> None:
        announced = False
        pause = _FIRST_LOOK_S
        while not self._done.wait(pause):
            pause = _LOOK_EVERY_S
            missing = self._still_there()
            if missing is None and not announced:
                wanting = self._look()
                if wanting is None:
                    announced = True
                    self._announce()
                else:
                    missing = self._patience.lost(wanting)
            if missing is not None:
                self._failure = missing
                self._manager.terminate()
                return
