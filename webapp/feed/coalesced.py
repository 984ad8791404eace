"""Work that is done beside a connection, once for all that asked for it meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_logger = structlog.get_logger(__name__)


class Coalesced:
    """Work that any number of events ask for: while it is under way it is done once more, not once for each.

    Parameters
    ----------
    work : callable
        Awaited; what it raises is noted, and the next one who asks has it done again.
    """

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work: Callable[[], Awaitable[None]] | None = work
        self._working: asyncio.Task[None] | None = None
        self._again = False

    def wake(self) -> None:
        """Have it done; does not wait."""
        self._again = True
        if self._working is None:
            self._working = asyncio.create_task(self._catch_up())

    def begin(self) -> None:
        """Say that the work looks at things only now, where it waited first: whoever asked until now needs no more."""
        self._again = False

    async def rest(self) -> None:
        """Wait until all that was asked for is done."""
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)

    async def close(self) -> None:
        """Stop, for good."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        # Who asks holds this, and a task where it was cancelled: else all would wait for the garbage collector.
        self._work = self._working = None

    async def _catch_up(self) -> None:
        try:
            while self._again and self._work is not None:
                self._again = False
                await self._work()
        except Exception as error:  # noqa: BLE001 - the connection itself is served all the same
            _logger.warning("tab_did_not_follow", error=f"{type(error).__name__}: {error}")
        finally:
            self._working = None
