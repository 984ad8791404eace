"""A websocket on plain sockets, which gevent makes cooperative: the library's protocol without its event loop."""

import contextlib
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import parse_uri

_READ_BYTES = 65_536
_CONNECT_S = 10.0


class ConnectionLost(Exception):
    """The other side, or the network, ended the connection; `code` is the websocket's close code, 1006 without one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the connection ended with code {code}")
        self.code = code


class WebSocket:
    """An open connection.

    Parameters
    ----------
    site : str
        URL of the site, without a slash at its end.
    path : str
    headers : mapping
        Sent with the handshake.

    Raises
    ------
    ConnectionLost
        When the handshake fails.
    """

    def __init__(self, site: str, path: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(site)
        uri = parse_uri(f"{site.replace('http', 'ws', 1)}{path}")
        try:
            self._socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=_CONNECT_S)
        except OSError:
            raise ConnectionLost(1006) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._protocol = ClientProtocol(uri, origin=Origin(site), max_size=None)
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        while self._protocol.state is State.CONNECTING:
            self._read()
        if self._protocol.state is not State.OPEN:
            self.abort()
            raise ConnectionLost(1006)
        self._socket.settimeout(None)

    def send(self, text: str) -> None:
        """Send one message. Raises `ConnectionLost`."""
        if self._protocol.state is not State.OPEN:
            raise ConnectionLost(self._protocol.close_code or 1006)
        self._protocol.send_text(text.encode())
        self._flush()

    def receive(self) -> list[bytes]:
        """Wait for messages; return those that have come. Raises `ConnectionLost`."""
        while True:
            # The first word may have come together with the handshake. The site sends each message in one frame.
            found = [
                bytes(event.data)
                for event in self._protocol.events_received()
                if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY)
            ]
            if found:
                return found
            self._read()

    def close(self) -> None:
        """Say goodbye and end the connection."""
        with contextlib.suppress(ConnectionLost):
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._flush()
        self.abort()

    def abort(self) -> None:
        """End the connection without a word, as a network does that goes away."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except OSError:
            raise ConnectionLost(1006) from None
        if not data:
            raise ConnectionLost(self._protocol.close_code or 1006)
        self._protocol.receive_data(data)
        if self._protocol.state is State.CLOSING:
            self._flush()
            raise ConnectionLost(self._protocol.close_code or 1006)
        self._flush()

    def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
        except OSError:
            raise ConnectionLost(1006) from None
