"""Who is next where one event loop makes something for many: slates, then lenses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from webapp.loops import one_of_each_loop


class Turns:
    """Whose slate is made next, one between two looks of the event loop at its sockets; lenses when no slate waits.

    Else those that one answer of the log let go on would be made in a row, while acknowledgements and new events wait.
    While it is their turn nobody waits for anything, but to read a session anew whose world went meanwhile.
    """

    def __init__(self) -> None:
        self._slates, self._lenses = asyncio.Lock(), asyncio.Lock()
        self._awaited = 0
        self._none_awaited = asyncio.Event()
        self._none_awaited.set()

    @contextlib.asynccontextmanager
    async def slate(self) -> AsyncIterator[None]:
        """Wait for the turn to make a slate."""
        self._awaited += 1
        self._none_awaited.clear()
        try:
            async with self._slates:
                yield
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._none_awaited.set()

    @contextlib.asynccontextmanager
    async def lens(self) -> AsyncIterator[None]:
        """Wait for the turn to draw a lens."""
        async with self._lenses:
            while self._awaited:
                await self._none_awaited.wait()
            yield


@one_of_each_loop
def turns() -> Turns:
    """Return the turns of the event loop that is running."""
    return Turns()
