"""The tracker's outbox without a browser: events keep their numbers and are sent again until they are acknowledged."""

from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from webapp.visitors.pages import Shelf

#: Events in one message, as in `outbox.js`.
BATCH: Final = 100


class Waiting(NamedTuple):
    """An event that is not acknowledged yet; `made_s` is when it happened, by the caller's clock."""

    kind: str
    shelf: Shelf
    item: str
    made_s: float
    dwell_ms: int


class Ack(msgspec.Struct, tag_field="type", tag="ack"):
    """What became of each event of a message."""

    id: int
    outcomes: dict[int, str]


class Hello(msgspec.Struct, tag_field="type", tag="hello"):
    """The site's first word: numbers from `next_seq` on are free."""

    session: str
    next_seq: int


class PushedSlate(msgspec.Struct, tag_field="type", tag="slate"):
    """A list made anew."""

    surface: str
    slate: str
    html: str


Said = Ack | Hello | PushedSlate
_said: Final = msgspec.json.Decoder(Said)
_encoder: Final = msgspec.json.Encoder()


def read(message: str | bytes) -> Said:
    """Return what the site said on the websocket. Raises `msgspec.DecodeError` when that is none of the three."""
    said: Said = _said.decode(message)
    return said


class Outbox:
    """Events of one session, in the order of their numbers.

    Parameters
    ----------
    session, token : str
        Of the page.

    Attributes
    ----------
    waiting : dict of sequence number to Waiting
    """

    def __init__(self, session: str, token: str) -> None:
        self.session = session
        self.waiting: dict[int, Waiting] = {}
        self._token = token
        self._next_seq = 1
        self._messages = 0

    def hello(self, next_seq: int) -> None:
        """Use only numbers from `next_seq` on."""
        self._next_seq = max(self._next_seq, next_seq)

    def record(self, kind: str, shelf: Shelf, item: str, now_s: float, dwell_ms: int = 0) -> int:
        """Keep an event; return its number."""
        seq = self._next_seq
        self._next_seq += 1
        self.waiting[seq] = Waiting(kind, shelf, item, now_s, dwell_ms)
        return seq

    def message(self, now_s: float, surfaces: tuple[str, ...]) -> tuple[int, str]:
        """Return the number and the text of a message with the oldest events that wait.

        `surfaces` are those that the page shows and would like anew.
        """
        oldest = list(islice(self.waiting.items(), BATCH))
        self._messages += 1
        message = {
            "type": "events",
            "id": self._messages,
            "session": self._token,
            "slates": {event.shelf.slate: event.shelf.token for _, event in oldest},
            "events": [_event(seq, event, now_s) for seq, event in oldest],
            "surfaces": surfaces,
        }
        return self._messages, _encoder.encode(message).decode()

    def acknowledge(self, outcomes: dict[int, str]) -> dict[int, str]:
        """Forget what is settled; return it by number. What the log had no room for waits on."""
        settled = {seq: outcome for seq, outcome in outcomes.items() if outcome != "full" and seq in self.waiting}
        for seq in settled:
            del self.waiting[seq]
        return settled


def _event(seq: int, event: Waiting, now_s: float) -> dict[str, Any]:
    return {
        "type": event.kind,
        "seq": seq,
        "slate": event.shelf.slate,
        "item": event.item,
        "age_ms": max(int(1_000 * (now_s - event.made_s)), 0),
        "dwell_ms": event.dwell_ms,
    }
