"""The visitor's websocket: decode, accept, acknowledge, learn, answer with the slate that follows.

A bare ASGI application instead of a Channels consumer class: on the way of a click there is no dispatch, no channel
layer and no task. One message of a socket is worked on at a time, so what a visitor can pile up is bounded by the
server's own receive buffer; a browser has one batch under way and waits for its acknowledgement.

Beside it, the session's other tabs are told that there is something new (`webapp.feed.siblings`), and the lens is drawn
when nobody waits for a slate (`webapp.feed.turns`). A session that its visitor ends has its sockets closed: what a
client goes on sending comes under what its next handshake says. Where no socket opens, browsers say and hear the same
by requests (`webapp.feed.socketless`).
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable
from typing import Final

from django.template.loader import render_to_string

from recsys.errors import LogUnavailable
from recsys.events import Click, Dismissal, DismissalUndone, ItemEvent
from webapp import metrics, wiring
from webapp.feed import shelves
from webapp.feed.coalesced import Coalesced
from webapp.feed.laps import Laps
from webapp.feed.lens import panel
from webapp.feed.own_log import own_log
from webapp.feed.presence import presence
from webapp.feed.siblings import siblings
from webapp.feed.turns import turns
from webapp.messages import Message, Receive, Send
from webapp.tracking import services, wire
from webapp.tracking.consent import Visit, visit_from
from webapp.tracking.tokens import SessionToken

#: Websocket close codes: the visitor has ended the session; the message was no batch; the log is away, come back later.
ENDED: Final = 1000
UNREADABLE: Final = 1007
TRY_AGAIN_LATER: Final = 1013


async def visitor_socket(scope: Message, receive: Receive, send: Send) -> None:
    """Serve one websocket until it closes."""
    await receive()
    visit = visit_from(scope["cookies"], wiring.clock().now_ms())
    connection = Connection(visit, send)
    with metrics.SOCKETS.track_inprogress():
        if await connection.greet():
            await connection.serve(receive)


class Connection:
    """One tab of a visitor.

    Parameters
    ----------
    visit : Visit
        Who it is, from the cookies of the handshake.
    send : callable
        Sends an ASGI message.
    """

    def __init__(self, visit: Visit, send: Send) -> None:
        self._visit = visit
        self._send = send
        self._surfaces: tuple[str, ...] = ()
        self._adopted_ms = 0
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._others = Coalesced(self._follow)
        self._lens = Coalesced(self._draw_lens)
        self._lens_laps = Laps()

    async def greet(self) -> bool:
        """Open the connection and say from which number on events may count; False when the log is away."""
        try:
            next_seq = await self._next_seq()
        except LogUnavailable:
            await self._close(TRY_AGAIN_LATER)
            return False
        await self._send({"type": "websocket.accept"})
        version = wiring.replica().version
        visit = self._visit
        await self._say(wire.Hello(session=visit.session, next_seq=next_seq, version=version, running=not visit.new))
        return True

    async def serve(self, receive: Receive) -> None:
        """Answer messages until either side closes."""
        async with self._among_others():
            while not self._closed:
                message = await receive()
                if self._closed or message["type"] != "websocket.receive":
                    return
                await self._take(message.get("text") or message.get("bytes") or b"")

    async def serve_one(self, payload: bytes) -> None:
        """Answer one message, with all that follows from it."""
        async with self._among_others():
            await self._take(payload)
            await self._lens.rest()

    def wake(self) -> None:
        """Follow what another tab did; does not wait."""
        self._others.wake()

    def end(self) -> None:
        """Take nothing more, and close: the visitor has ended the session. Does not wait."""
        if not self._closed:
            self._closed = True
            self._closing = asyncio.create_task(self._close(ENDED))

    @contextlib.asynccontextmanager
    async def _among_others(self) -> AsyncIterator[None]:
        siblings().join(self._visit.session, self)
        try:
            yield
        finally:
            siblings().leave(self._visit.session, self)
            await self._others.close()
            await self._lens.close()

    async def _take(self, payload: bytes | str) -> None:
        laps, intake = Laps(), services.intake()
        batch = await intake.decode(payload, self._visit.consent)
        if batch is None:
            await self._close(UNREADABLE)
            return
        self._surfaces = batch.surfaces
        laps.end("check")
        await own_log().catch_up()
        if self._closed:
            return
        try:
            accepted = await intake.accept(batch, self._visit.consent)
        except LogUnavailable:
            # Nothing is acknowledged: the browser keeps its events and comes back.
            await self._close(TRY_AGAIN_LATER)
            return
        await self._say(wire.Ack(id=batch.id, outcomes=accepted.outcomes))
        laps.end("log")
        metrics.ACKNOWLEDGE_SECONDS.observe((laps.ms["check"] + laps.ms["log"]) / 1_000)
        if accepted.session is not None:
            self._adopt(accepted.session)
        # What an earlier visit had left in the outbox is logged, but it is not this session's to learn from.
        if accepted.session is not None and accepted.session.session == self._visit.session:
            await self._learn(accepted, laps)

    def _adopt(self, token: SessionToken) -> None:
        """Go on with the page's session where the handshake brought none: its cookie ended with the inactivity gap.

        An outbox may hold events of several sessions; the page's own token is the youngest. A session of another
        consent is none to go on with: one of which nothing may be kept would be logged from here on.
        """
        if self._visit.new and token.consent == self._visit.consent and token.at_ms > self._adopted_ms:
            self._adopted_ms = token.at_ms
            siblings().leave(self._visit.session, self)
            siblings().join(token.session, self)
            self._visit = dataclasses.replace(
                self._visit, session=token.session, adaptive=token.adaptive, simulated=token.simulated
            )

    async def _learn(self, accepted: services.Accepted, laps: Laps) -> None:
        if self._closed or not (accepted.events or accepted.repeated):
            return
        # The slate that followed what is sent again was lost along with the acknowledgement; another process may have
        # made it, and know the event alone.
        again = _turns_the_slate(accepted.repeated)
        await presence().session(self._visit, up_to_date=again)
        presence().observe(self._visit, accepted.events)
        laps.end("learn")
        turned = _turns_the_slate(accepted.events)
        if turned or again:
            await self._push(laps)
        if turned:
            siblings().tell(self._visit.session, self)

    async def _follow(self) -> None:
        """Take in what another tab did, and show what follows from it here."""
        await presence().session(self._visit)
        await self._push(Laps())

    async def _push(self, laps: Laps) -> None:
        """Make the slate anew where the page shows it, send it and see that it is logged; the lens follows beside."""
        if self._closed:
            return
        if shelves.FOR_YOU in self._surfaces:
            async with turns().slate():
                await presence().session(self._visit, up_to_date=False)
                if self._closed:
                    return
                slate, logged = self._slate(laps)
            await self._say(slate)
            if logged is not None:
                await logged
            laps = Laps()
        if panel.LENS in self._surfaces:
            self._lens_laps = laps
            self._lens.wake()

    async def _draw_lens(self) -> None:
        """Send the lens as of now: beside the connection and after all slates, as those are what visitors wait for."""
        async with turns().lens():
            if self._closed:
                return
            self._lens.begin()
            await presence().session(self._visit, up_to_date=False)
            lens = panel.fragment(presence().here(self._visit))
        self._lens_laps.end("lens")
        await self._say(wire.PushedSlate(surface=panel.LENS, slate="", html="", lens=lens, laps=self._lens_laps.ms))

    def _slate(self, laps: Laps) -> "tuple[wire.PushedSlate, asyncio.Future[None] | None]":
        """Make the slate; return it with what ends when it is in the log, None where it is not logged."""
        session = presence().here(self._visit)
        draft = shelves.for_you(session)
        event = shelves.served(draft.slate, self._visit, session)
        presence().observe(self._visit, [event])
        # In line for the log before the browser can answer to it, but not waited for.
        logged = asyncio.ensure_future(own_log().append([event])) if self._visit.logged and event.items else None
        laps.end("slate")
        html = render_to_string("feed/shelf.html", {"shelf": shelves.shelf(draft, event, self._visit), "beside": True})
        laps.end("html")
        metrics.SLATE_SECONDS.observe((laps.ms["slate"] + laps.ms["html"]) / 1_000)
        # Sliced into a plain str: the encoder takes no subclass, and a `SafeString` is its own `str`.
        return wire.PushedSlate(surface=event.surface, slate=event.slate, html=html[:], laps=laps.ms), logged

    async def _next_seq(self) -> int:
        if not self._visit.logged:
            return presence().next_seq(self._visit.session)
        return await wiring.async_event_log().next_seq(self._visit.session)

    async def _say(self, message: wire.Hello | wire.Ack | wire.PushedSlate) -> None:
        if self._closed:
            return
        try:
            await self._send({"type": "websocket.send", "text": wire.encode(message).decode()})
        except OSError:  # how ASGI says that the visitor has left
            self._closed = True

    async def _close(self, code: int) -> None:
        self._closed = True
        with contextlib.suppress(OSError):  # as in `_say`
            await self._send({"type": "websocket.close", "code": code})


def _turns_the_slate(events: Iterable[ItemEvent]) -> bool:
    """Whether the next slate changes at once; what was only seen waits for an event that does."""
    return any(isinstance(event, Click | Dismissal | DismissalUndone) for event in events)
