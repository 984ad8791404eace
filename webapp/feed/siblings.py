"""A session's tabs: what is done in one shows in the others, on whichever process they are, and all end with it.

Tabs of this process are told at once. Other processes hear of it by the channel layer, where each is one member of one
group: the sessions that change while a message is under way are the next message. So what waits is bounded by what is
open here, and connections come and go without a word to the layer. A message that can't be sent is made up for by the
next: who follows takes in all that happened, and what ended is told again.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from typing import Any, Final, Protocol

import redis
import structlog
from channels.layers import get_channel_layer

from webapp.background import while_serving
from webapp.loops import one_of_each_loop
from webapp.tracking.endings import when_ended

_GROUP: Final = "freshet.sessions"
_CHANGED: Final = "sessions.changed"
#: Seconds until the layer is tried again after it was away.
RETRY_S: Final = 1.0

_logger = structlog.get_logger(__name__)


class Tab(Protocol):
    """One of a session's tabs. Neither call waits."""

    def wake(self) -> None:
        """Follow what another one did."""

    def end(self) -> None:
        """Take nothing more: the visitor has ended the session."""


class Siblings:
    """The tabs that one event loop serves, by session."""

    def __init__(self) -> None:
        self._tabs: dict[str, set[Tab]] = {}
        self._process = secrets.token_hex(8)
        self._changed: dict[str, None] = {}
        self._ended: dict[str, None] = {}
        self._telling: asyncio.Task[None] | None = None

    def join(self, session: str, tab: Tab) -> None:
        """Let a tab hear what the session's others do."""
        self._tabs.setdefault(session, set()).add(tab)

    def leave(self, session: str, tab: Tab) -> None:
        """Undo `join`."""
        tabs = self._tabs[session]
        tabs.discard(tab)
        if not tabs:
            del self._tabs[session]

    def tell(self, session: str, by: Tab | None = None) -> None:
        """Let the others know that the session has changed, all of them unless it was `by` one; does not wait."""
        self._wake(session, by)
        self._changed[session] = None
        self._tell_others()

    def end(self, session: str) -> None:
        """Let all of a session's tabs know that it has ended; does not wait."""
        self._end(session)
        self._ended[session] = None
        self._tell_others()

    async def listen(self) -> None:
        """Wake and end tabs of sessions that change and end on other processes, until cancelled."""
        layer = get_channel_layer()
        while True:
            with _layer_may_be_away():
                channel = await layer.new_channel()
                try:
                    await layer.group_add(_GROUP, channel)
                    while True:
                        self._heard(await layer.receive(channel))
                except (redis.RedisError, OSError):
                    # Not when cancelled: that the layer is away would stand in its place, and this go on without end.
                    await layer.group_discard(_GROUP, channel)
                    raise
            await asyncio.sleep(RETRY_S)

    def _heard(self, message: dict[str, Any]) -> None:
        if message["by"] != self._process:
            for session in message["sessions"]:
                self._wake(session)
            for session in message.get("ended", ()):  # older versions end none
                self._end(session)

    def _wake(self, session: str, but: Tab | None = None) -> None:
        for tab in self._tabs.get(session, ()):
            if tab is not but:
                tab.wake()

    def _end(self, session: str) -> None:
        for tab in self._tabs.get(session, ()):
            tab.end()

    def _tell_others(self) -> None:
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_processes())

    async def _tell_processes(self) -> None:
        layer = get_channel_layer()
        try:
            while self._changed or self._ended:
                changed, ended, told = list(self._changed), list(self._ended), False
                self._changed.clear()
                self._ended.clear()
                with _layer_may_be_away():
                    message = {"type": _CHANGED, "by": self._process, "sessions": changed, "ended": ended}
                    await layer.group_send(_GROUP, message)
                    told = True
                if not told:
                    self._ended.update(dict.fromkeys(ended))
                    return
        finally:
            self._telling = None


@one_of_each_loop
def siblings() -> Siblings:
    """Return those of the event loop that is running."""
    return Siblings()


@when_ended
def end_tabs(session: str) -> None:
    """Take nothing more from the tabs of a session that its visitor ended."""
    siblings().end(session)


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
