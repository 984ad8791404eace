"""How long tests wait for what must come: long, as machines may be busy; only what never comes costs that time."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

#: What this process or a browser does.
PATIENCE_S: Final = 30.0
#: What another process does, which may have the engine to compile first.
PROCESS_PATIENCE_S: Final = 180.0


async def until(reached: Callable[[], bool]) -> None:
    """Return once `reached` is true; it is asked every 20 ms.

    Raises
    ------
    TimeoutError
        After `PATIENCE_S` seconds.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not reached():
            await asyncio.sleep(0.02)


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Block until `reached`, which other processes bring about, is true; it is asked every 20 ms.

    Raises
    ------
    AssertionError
        After `PROCESS_PATIENCE_S` seconds; it says `what` was awaited.
    """
    deadline = time.monotonic() + PROCESS_PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"waited {PROCESS_PATIENCE_S:.0f} s for {what}"
        time.sleep(0.02)
