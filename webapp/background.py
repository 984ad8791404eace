"""What runs beside the requests: apps register it here, the server's lifespan (`webapp.asgi`) starts and stops it.

An app registers in the module that defines the work, and imports that module in its ``AppConfig.ready``::

    @before_serving
    async def load_replica() -> None: ...

    @while_serving
    async def keep_replica_fresh() -> None: ...   # until cancelled
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

import structlog

Work = Callable[[], Coroutine[Any, Any, None]]

_preparations: Final[list[Work]] = []
_tasks: Final[list[Work]] = []
_failures: Final[dict[str, str]] = {}
_logger = structlog.get_logger(__name__)


def before_serving(work: Work) -> Work:
    """Await `work` once before the first request is taken, in the order of registration."""
    _preparations.append(work)
    return work


def while_serving(work: Work) -> Work:
    """Run `work` as a task until the server stops; then it is cancelled and awaited."""
    _tasks.append(work)
    return work


def failures() -> dict[str, str]:
    """Return the background work that ended with an error, with the error: the site is not ready then."""
    return dict(_failures)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[None]:
    """Prepare, then keep the registered tasks running inside the block."""
    _failures.clear()
    for prepare in _preparations:
        await prepare()
    tasks = [asyncio.create_task(work(), name=_name(work)) for work in _tasks]
    for task in tasks:
        task.add_done_callback(_note_failure)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _name(work: Work) -> str:
    return f"{work.__module__}.{work.__qualname__}"


def _note_failure(task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _failures[task.get_name()] = f"{type(error).__name__}: {error}"
        _logger.critical("background_task_died", task=task.get_name(), exc_info=error)
