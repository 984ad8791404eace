"""A session's tabs: what is done in one shows in the others, on whichever process they are.

Tabs of this process are told at once. Other processes hear of it by the channel layer, where each is one member of one
group: the sessions that change while a message is under way are the next message. So what waits is bounded by what is
open here, and connections come and go without a word to the layer. A message that is lost is made up for by the next.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from typing import Any, Final

import redis
import structlog
from channels.layers import get_channel_layer

from webapp.background import while_serving
from webapp.feed.coalesced import Coalesced
from webapp.loops import one_of_each_loop

_GROUP: Final = "freshet.sessions"
_CHANGED: Final = "sessions.changed"
#: Seconds until the layer is tried again after it was away.
RETRY_S: Final = 1.0

_logger = structlog.get_logger(__name__)


class Siblings:
    """The tabs that one event loop serves, by session: what each does to follow the others."""

    def __init__(self) -> None:
        self._tabs: dict[str, set[Coalesced]] = {}
        self._process = secrets.token_hex(8)
        self._changed: dict[str, None] = {}
        self._telling: asyncio.Task[None] | None = None

    def join(self, session: str, tab: Coalesced) -> None:
        """Let a tab hear what the session's others do."""
        self._tabs.setdefault(session, set()).add(tab)

    def leave(self, session: str, tab: Coalesced) -> None:
        """Undo `join`."""
        tabs = self._tabs[session]
        tabs.discard(tab)
        if not tabs:
            del self._tabs[session]

    def tell(self, session: str, by: Coalesced | None = None) -> None:
        """Let the others know that the session has changed, all of them unless it was `by` one; does not wait."""
        self._wake(session, by)
        self._changed[session] = None
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_processes())

    async def listen(self) -> None:
        """Wake tabs of sessions that change on other processes, until cancelled."""
        layer = get_channel_layer()
        while True:
            with _layer_may_be_away():
                channel = await layer.new_channel()
                try:
                    await layer.group_add(_GROUP, channel)
                    while True:
                        self._heard(await layer.receive(channel))
                finally:
                    await layer.group_discard(_GROUP, channel)
            await asyncio.sleep(RETRY_S)

    def _heard(self, message: dict[str, Any]) -> None:
        if message["by"] != self._process:
            for session in message["sessions"]:
                self._wake(session)

    def _wake(self, session: str, but: Coalesced | None = None) -> None:
        for tab in self._tabs.get(session, ()):
            if tab is not but:
                tab.wake()

    async def _tell_processes(self) -> None:
        layer = get_channel_layer()
        try:
            while self._changed:
                message = {"type": _CHANGED, "by": self._process, "sessions": list(self._changed)}
                self._changed.clear()
                with _layer_may_be_away():
                    await layer.group_send(_GROUP, message)
        finally:
            self._telling = None


@one_of_each_loop
def siblings() -> Siblings:
    """Return those of the event loop that is running."""
    return Siblings()


@while_serving
async def hear_other_processes() -> None:
    """Follow what happens on other processes."""
    await siblings().listen()


@contextlib.contextmanager
def _layer_may_be_away() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        _logger.warning("channel_layer_away", error=str(error))
