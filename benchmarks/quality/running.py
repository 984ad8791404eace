"""One process for each contender, one after the other: so memory and CPU-seconds are its own."""

import contextlib
import multiprocessing
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, Literal, NamedTuple, Protocol

from benchmarks.quality import registry
from benchmarks.quality.contenders import MissingLibrary
from benchmarks.quality.measuring import SINGLE_THREAD
from benchmarks.quality.outcome import Outcome
from recsys.errors import DatasetError

State = Literal["measured", "missing", "failed", "no data"]


class Task(Protocol):
    """What a contender is put through (`next_item`, `history`, `slates`)."""

    def describe(self) -> dict[str, Any]:
        """Return the task for JSON."""
        ...

    def run(self, contender: Any) -> Outcome:
        """Put a contender through it."""
        ...


class Measured(NamedTuple):
    """What became of one contender: its outcome, or why there is none."""

    name: str
    state: State
    outcome: Outcome | None = None
    reason: str = ""


def measure(task: Task, kind: str, name: str) -> Measured:
    """Make a contender, put it through the task in this process, and say what became of it."""
    try:
        contender = registry.make(kind, name)
        outcome = task.run(contender)
        outcome.figures["configuration"] = contender.configuration()
        outcome.figures["state_sha256"] = contender.state_sha256()
    except MissingLibrary as error:
        return Measured(name, "missing", reason=str(error))
    except DatasetError as error:
        return Measured(name, "no data", reason=str(error))
    return Measured(name, "measured", outcome)


def measure_apart(task: Task, kind: str, name: str) -> Measured:
    """Do `measure` in a process of its own, on one thread, with a fixed hash seed. Blocks."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(theirs, task, kind, name), daemon=True)
    with _environment(SINGLE_THREAD):
        child.start()
    theirs.close()
    with ours:
        try:
            measured: Measured = ours.recv()
        except EOFError:
            child.join()
            return Measured(name, "failed", reason=f"its process ended with code {child.exitcode}")
    child.join()
    return measured


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started inside find these variables."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _child(connection: Connection, task: Task, kind: str, name: str) -> None:
    try:
        measured = measure(task, kind, name)
    except Exception as error:  # noqa: BLE001 - one contender's failure is shown beside the others' figures
        traceback.print_exc(file=sys.stderr)
        measured = Measured(name, "failed", reason=f"{type(error).__name__}: {error}")
    connection.send(measured)
    connection.close()
