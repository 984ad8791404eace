"""The ASGI lifespan: prepares the process and runs the background work of the apps."""

import contextlib
import gc
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from webapp import background

Message = MutableMapping[str, Any]


class Lifespan:
    """The application for the scope ``lifespan``: one instance serves one server process."""

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            try:
                await stack.enter_async_context(background.running())
            except Exception as error:
                # Said out loud: a server takes a bare exception for "has no lifespan" and would serve unprepared.
                await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                raise
            _settle_garbage_collection()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _settle_garbage_collection() -> None:
    """Keep what is loaded out of later collections, and collect less often: the pauses would be felt in clicks."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
