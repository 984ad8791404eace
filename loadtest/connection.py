"""A visitor's connection: sends what waits, one message under way at a time, and again after it was lost."""

import base64
import time
from collections.abc import Mapping

import gevent
import msgspec
from gevent.event import Event

from loadtest.recorder import Recorder
from loadtest.websocket import ConnectionLost, WebSocket
from webapp.visitors.outbox import Ack, Hello, Outbox, PushedSlate, Said, read
from webapp.visitors.pages import FOR_YOU, Shelf, read_shelves

#: What a page asks for anew after each click, with the lens beside the slate and without it.
WITH_LENS = (FOR_YOU, "lens")
WITHOUT_LENS = (FOR_YOU,)
_ANSWER_S = 10.0


class Connection:
    """One open page, as its tracker sees it.

    Parameters
    ----------
    site : str
    headers : mapping
        Of the handshake: the page's cookies.
    outbox : Outbox
    recorder : Recorder
    surfaces : tuple of str
        What the page shows and would like anew.

    Attributes
    ----------
    acknowledged : list of int
        Numbers of the events that the log has.
    slate : Shelf or None
        The newest "for you" slate that was pushed.
    """

    def __init__(
        self, site: str, headers: Mapping[str, str], outbox: Outbox, recorder: Recorder, surfaces: tuple[str, ...]
    ) -> None:
        self._site, self._headers, self._outbox, self._recorder = site, headers, outbox, recorder
        self._surfaces = surfaces
        self._socket: WebSocket | None = None
        self._greeted = False
        self._under_way: tuple[int, float] | None = None
        self._clicked: tuple[int, float] | None = None
        self._click_acked_ms: float | None = None
        self._changed = Event()
        self._settled = Event()
        self.acknowledged: list[int] = []
        self.slate: Shelf | None = None

    # -- connecting ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect, and wait until the site has greeted. Raises `ConnectionLost`."""
        self._greeted, self._under_way = False, None
        self._socket = WebSocket(self._site, "/ws/", self._headers)
        self._recorder.open_sockets += 1
        self._reader = gevent.spawn(self._listen, self._socket)
        self._settled.clear()
        if not self._settled.wait(_ANSWER_S) or not self._greeted:
            self.drop()
            raise ConnectionLost(1006)

    def drop(self) -> None:
        """Lose the connection as a network does; what waits goes on waiting."""
        self._leave(abort=True)

    def close(self) -> None:
        """Close the page, when what waits is acknowledged or nobody answers."""
        deadline_s = time.perf_counter() + _ANSWER_S
        while self._outbox.waiting and self._socket is not None and time.perf_counter() < deadline_s:
            self._settled.clear()
            self._settled.wait(1.0)
        self._leave(abort=False)
        if self._outbox.waiting:
            self._recorder.errors["unacknowledged at the end"] += len(self._outbox.waiting)
        self._recorder.visit_ended(self._outbox.session, self.acknowledged)

    @property
    def lost(self) -> bool:
        """Whether there is no connection."""
        return self._socket is None

    def _leave(self, *, abort: bool) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            self._recorder.open_sockets -= 1
            if abort:
                socket.abort()
            else:
                socket.close()

    # -- sending ---------------------------------------------------------------------------------------------------

    def record(self, kind: str, shelf: Shelf, item: str, dwell_ms: int = 0) -> None:
        """Keep an event for the site; nothing is sent yet."""
        seq = self._outbox.record(kind, shelf, item, time.perf_counter(), dwell_ms)
        if kind == "click":
            self._clicked, self._click_acked_ms = (seq, time.perf_counter()), None
            self._changed.clear()

    def flush(self) -> None:
        """Send the oldest of what waits, unless a message is under way."""
        if self._socket is None or not self._greeted or self._under_way or not self._outbox.waiting:
            return
        now_s = time.perf_counter()
        number, text = self._outbox.message(now_s, self._surfaces)
        self._under_way = (number, now_s)
        try:
            self._socket.send(text)
        except ConnectionLost:
            self._leave(abort=True)

    def wait_for_slate(self) -> None:
        """Wait until the last click has changed the slate; not for ever."""
        if self._socket is not None and not self._changed.wait(_ANSWER_S):
            self._recorder.errors["no slate after a click"] += 1
            self._take_down(None)

    def silent_s(self) -> float:
        """Return how long an acknowledgement has been missing."""
        return 0.0 if self._under_way is None else time.perf_counter() - self._under_way[1]

    # -- hearing ---------------------------------------------------------------------------------------------------

    def _listen(self, socket: WebSocket) -> None:
        try:
            while True:
                for message in socket.receive():
                    self._hear(read(message), time.perf_counter())
        except ConnectionLost as lost:
            if self._socket is socket:
                self._recorder.errors[f"connection lost ({lost.code})"] += 1
                self._leave(abort=True)
        except msgspec.DecodeError:
            self._recorder.errors["unreadable message"] += 1
            self._leave(abort=True)
        finally:
            self._settled.set()
            self._changed.set()

    def _hear(self, said: Said, now_s: float) -> None:
        if isinstance(said, Hello):
            self._outbox.hello(said.next_seq)
            self._greeted = True
            self._settled.set()
            self.flush()
        elif isinstance(said, Ack):
            self._acknowledge(said, now_s)
        elif isinstance(said, PushedSlate) and said.surface == FOR_YOU:
            self._take_slate(said, now_s)

    def _acknowledge(self, ack: Ack, now_s: float) -> None:
        if self._under_way is None or self._under_way[0] != ack.id:
            return
        self._under_way = None
        if self._clicked is not None and self._clicked[0] in ack.outcomes and self._click_acked_ms is None:
            self._click_acked_ms = 1_000 * (now_s - self._clicked[1])
        kinds = {seq: self._outbox.waiting[seq].kind for seq in ack.outcomes if seq in self._outbox.waiting}
        self._outbox.acknowledge(ack.outcomes)
        outcomes = [ack.outcomes[seq] for seq in kinds]
        self._recorder.settled(kinds.values(), outcomes)
        self.acknowledged += [seq for seq in kinds if ack.outcomes[seq] in ("accepted", "duplicate")]
        self._settled.set()
        if "full" not in outcomes:
            self.flush()

    def _take_slate(self, said: PushedSlate, now_s: float) -> None:
        shelves = read_shelves(said.html)
        if not shelves:
            return  # the lens, after its slate
        self.slate = shelves[0]
        if self._click_acked_ms is not None and self._clicked is not None:
            self._take_down(1_000 * (now_s - self._clicked[1]))

    def _take_down(self, slate_ms: float | None) -> None:
        if self._click_acked_ms is not None and self._clicked is not None:
            self._recorder.click(self._recorder.now_s(), self._click_acked_ms, slate_ms)
        self._clicked = self._click_acked_ms = None
        self._changed.set()


def arm_of(shelf: Shelf) -> str:
    """Return the arm that made a slate, as its token says."""
    payload = shelf.token.partition(".")[0]
    arm: str = msgspec.msgpack.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))[4]
    return arm
