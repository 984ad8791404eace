"""Simulated visitors on an event loop: for a demo's desk, where the load test would be too much.

They do what the load test's visitors do, one after the other and without measuring: get a page, connect, tell what they
see and click in batches, and wait for each acknowledgement and slate before they go on.
"""

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookies import SimpleCookie
from itertools import groupby
from typing import Final, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from recsys.simulation.market import Market
from recsys.simulation.visitors import Action, SimulatedVisit
from webapp.tracking.middleware import SIMULATED_HEADER
from webapp.visitors.outbox import Ack, Hello, Outbox, PushedSlate, read
from webapp.visitors.pages import (
    FOLLOWING,
    FOR_YOU,
    Page,
    Part,
    Shelf,
    UnreadablePage,
    read_page,
    read_part,
    read_shelves,
)

#: Cards that come on screen together.
ROW: Final = 6
_ANSWER_S: Final = 10.0
_CONSENT: Final = "freshet_consent=session"
_PAUSE_S: Final = 2.0
#: A site that fails so often in a row is not there.
_PATIENCE: Final = 5

Word = TypeVar("Word", Ack, Hello, PushedSlate)

_Failures = (OSError, WebSocketException, TimeoutError, UnreadablePage, msgspec.DecodeError)


class SiteGone(Exception):
    """The site does not answer, or refuses simulated visitors."""


class Crowd:
    """Visitors at a site, together at a rate.

    Parameters
    ----------
    site : str
        URL, without a slash at its end.
    market : callable returning Market
        Called in a thread before anybody comes; may take a while.
    rate : float
        Events a second of all together.
    size : int, optional
        Visitors at a time; one for each event a second unless given.
    as_by_https : bool
        Say what a proxy with TLS before the site would say: without it a site that insists on HTTPS sends them away.

    Attributes
    ----------
    visitors : int
        Who are connected now.
    events, clicks, visits : int
        Events acknowledged, clicks among them, and visits begun.
    """

    def __init__(
        self,
        site: str,
        market: Callable[[], Market],
        rate: float,
        size: int | None = None,
        *,
        as_by_https: bool = False,
    ) -> None:
        self._headers = {SIMULATED_HEADER: "1"} | ({"X-Forwarded-Proto": "https"} if as_by_https else {})
        self._site, self._make_market, self._rate = site, market, rate
        self._number = 0
        self._failed_in_a_row = 0
        self._size = size or max(round(rate), 1)
        self._over = asyncio.Event()
        self.visitors = self.events = self.clicks = self.visits = 0

    async def run(self, ends_s: float) -> None:
        """Visit until `ends_s` of the monotonic clock, or until told to leave. Raises `SiteGone`, in a group."""
        self._market = await asyncio.to_thread(self._make_market)
        closing = asyncio.get_running_loop().call_later(max(ends_s - time.monotonic(), 0.0), self.leave)
        try:
            async with asyncio.TaskGroup() as visitors:
                for place in range(self._size):
                    visitors.create_task(self._visitor(place / max(self._rate, 1.0)))
        finally:
            closing.cancel()

    def leave(self) -> None:
        """Let nobody begin anything more: `run` returns once the site has answered what it was told."""
        self._over.set()

    @property
    def is_leaving(self) -> bool:
        """Whether their time is over."""
        return self._over.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than they stay."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    async def _visitor(self, after_s: float) -> None:
        await self.pause(after_s)
        while not self.is_leaving:
            try:
                await self._visit()
                self._failed_in_a_row = 0
            except _Failures as error:
                self._failed_in_a_row += 1
                if self._failed_in_a_row >= _PATIENCE:
                    raise SiteGone(f"{self._site}: {error}") from error
                await self.pause(_PAUSE_S)

    async def _visit(self) -> None:
        self._number += 1
        visit = SimulatedVisit(self._market, self._number)
        text, cookies = await asyncio.to_thread(self._get, "/", {"Cookie": _CONSENT})
        page = read_page(text)
        self.visits += 1
        address = f"{self._site.replace('http', 'ws', 1)}/ws/"
        headers = {"Cookie": cookies}
        async with connect(address, origin=Origin(self._site), additional_headers=headers, max_size=None) as socket:
            self.visitors += 1
            try:
                await _Tab(self, socket, Outbox(page.session, page.token), cookies).browse(page, visit)
            finally:
                self.visitors -= 1

    async def more(self, path: str, cookies: str) -> Part:
        """Get what follows on a page."""
        text, _ = await asyncio.to_thread(self._get, path, {"Cookie": cookies, **FOLLOWING})
        return read_part(text)

    def _get(self, path: str, headers: dict[str, str]) -> tuple[str, str]:
        """Get a page or a part of one; return it with the cookies that go on from there. Blocks."""
        request = urllib.request.Request(f"{self._site}{path}", headers=self._headers | headers)
        cookies: SimpleCookie = SimpleCookie()
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
                for header in answer.headers.get_all("Set-Cookie", []):
                    cookies.load(header)
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            error.close()
            raise OSError(f"the page answered {error.code}") from None
        found = [f"{name}={morsel.value}" for name, morsel in cookies.items()]
        return text, "; ".join([_CONSENT, *found])

    @property
    def seconds_per_event(self) -> float:
        """Time that each visitor takes for an event."""
        return self._size / self._rate


class _Tab:
    """One page of a visitor, with its connection."""

    def __init__(self, crowd: Crowd, socket: ClientConnection, outbox: Outbox, cookies: str) -> None:
        self._crowd, self._socket, self._outbox, self._cookies = crowd, socket, outbox, cookies

    async def browse(self, page: Page, visit: SimulatedVisit) -> None:
        """Look at the slate and what becomes of it; while it stays, at the other lists of the page in turn."""
        hello = await self._hear(Hello)
        self._outbox.hello(hello.next_seq)
        part, shelf = page.part, page.own
        others = iter([one for one in part.shelves if one.surface != FOR_YOU])
        while not self._crowd.is_leaving:
            slate = await self._act(shelf, visit.look(shelf.items))
            if visit.leaves():
                return
            following = slate or next(others, None)
            if following is None and part.more:
                part = await self._crowd.more(part.more, self._cookies)
                others = iter(part.shelves)
                following = next(others, None)
            if following is None:
                return
            shelf = following

    async def _act(self, shelf: Shelf, actions: list[Action]) -> Shelf | None:
        """Do it at the crowd's pace; return the slate that followed, None when none did."""
        slate: Shelf | None = None
        natural_ms = sum(action.after_ms for action in actions) or 1
        stretch = len(actions) * self._crowd.seconds_per_event / natural_ms
        for (kind, _), group in groupby(actions, key=lambda action: (action.kind, action.position // ROW)):
            together = list(group)
            await self._crowd.pause(stretch * sum(action.after_ms for action in together))
            if self._crowd.is_leaving:
                return None
            for action in together:
                item = shelf.items[action.position]
                self._outbox.record(kind, shelf, item, time.monotonic(), action.dwell_ms)
            slate = await self._tell(turns=kind in ("click", "dismissal", "dismissal_undone")) or slate
        return slate

    async def _tell(self, *, turns: bool) -> Shelf | None:
        _, message = self._outbox.message(time.monotonic(), (FOR_YOU,))
        await self._socket.send(message)
        ack = await self._hear(Ack)
        clicks = sum(event.kind == "click" for event in self._outbox.waiting.values())
        self._crowd.events += len(self._outbox.acknowledge(ack.outcomes))
        self._crowd.clicks += clicks
        if not turns or set(ack.outcomes.values()) != {"accepted"}:
            return None
        pushed = await self._hear(PushedSlate)
        found = read_shelves(pushed.html)
        return found[0] if found and found[0].items else None

    async def _hear(self, kind: type[Word]) -> Word:
        async with asyncio.timeout(_ANSWER_S):
            while True:
                said = read(await self._socket.recv())
                if isinstance(said, kind):
                    return said
