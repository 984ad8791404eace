"""Lets what has no end of its own know that the server is told to stop.

A server first waits for the answers under way and then tells its application, by the lifespan: of a stream it would
wait in vain. So the signals are heard here as well.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_told: asyncio.Event | None = None


def told() -> bool:
    """Return whether this server is told to stop."""
    return _told is not None and _told.is_set()


async def pause(seconds: float) -> None:
    """Sleep so long, but not on once the server is told to stop."""
    if _told is None:
        await asyncio.sleep(seconds)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_told.wait(), seconds)


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Hear of it inside the block, which runs in the server's loop; the server's own handlers are called as before.

    Only a process's main thread can hear signals: a server in another one, as in tests, stops without.
    """
    global _told
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, _told = asyncio.get_running_loop(), (event := asyncio.Event())
    servers = {each: handler for each in _SIGNALS if callable(handler := signal.getsignal(each))}

    def hear(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(event.set)
        servers[signal.Signals(number)](number, frame)

    for each in servers:
        signal.signal(each, hear)
    try:
        yield
    finally:
        for each, handler in servers.items():
            signal.signal(each, handler)
        _told = None
