"""The ASGI lifespan: prepares the process and runs the background work of the apps."""

import contextlib

from webapp import background, garbage, stopping
from webapp.messages import Message, Receive, Send


class Lifespan:
    """The application for the scope ``lifespan``: one instance serves one server process."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(stopping.listening())
            await receive()
            try:
                await stack.enter_async_context(background.running())
            except Exception as error:
                # Said out loud: a server takes a bare exception for "has no lifespan" and would serve unprepared.
                await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                raise
            garbage.settle()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
