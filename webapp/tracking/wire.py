"""The browser's messages: JSON at the edge, frozen structs within.

A batch is decoded in two steps: its frame here, its events one by one in `validation`, so that one bad event does not
hold up its neighbours.
"""

from typing import Annotated, Final, Literal, TypeVar

import msgspec

from recsys.errors import UNREADABLE, InvalidEvent
from recsys.events import MAX_ID_LENGTH

#: Largest message that is looked at at all, in bytes; the browser sends at most 100 events at a time.
MAX_MESSAGE_BYTES: Final = 262_144
MAX_BATCH_EVENTS: Final = 200

EventType = Literal["impression", "click", "dwell", "dismissal", "dismissal_undone"]
Identifier = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)]
#: JavaScript's safe integers, which are also all that MessagePack and Redis take.
Whole = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]


class BrowserEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a visitor did, as the browser tells it.

    Attributes
    ----------
    type : str
        What happened; the same names as in the log.
    seq : int
        Per-session sequence number, from 1.
    item : str
        Item id.
    slate : str
        Slate id; its token travels in the batch. Empty only for what happens on an item's own page.
    age_ms : int
        How long ago it happened, at sending.
    dwell_ms : int
        Time on the item's page; dwells only.
    """

    type: EventType
    seq: Whole
    item: Identifier
    slate: Identifier = ""
    age_ms: Whole = 0
    dwell_ms: Whole = 0


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="events"):
    """Events of one session, with the tokens of the slates that they name.

    Attributes
    ----------
    id : int
        The browser's number for this message; the acknowledgement repeats it.
    session : str
        Session token.
    slates : dict of slate id to slate token
    events : list of raw JSON
        Each a `BrowserEvent` if all is well.
    surfaces : list of str
        Surfaces that the page shows and would like anew.
    """

    id: Whole
    session: str
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_BATCH_EVENTS)]
    slates: dict[str, str] = {}
    surfaces: tuple[str, ...] = ()

    def context(self) -> bytes:
        """Return what any event of this batch needs to be judged, for `of_letter`."""
        return _encoder.encode(Context(session=self.session, slates=self.slates))

    @classmethod
    def of_letter(cls, payload: bytes, context: bytes) -> "Batch":
        """Return a batch of one event that was put aside. Raises `InvalidEvent`."""
        try:
            came = msgspec.json.decode(context, type=Context)
        except UNREADABLE as error:
            raise InvalidEvent(f"expected the tokens that came with the event: {error}") from error
        return cls(id=0, session=came.session, slates=came.slates, events=[msgspec.Raw(payload)])


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The signed tokens that came with a batch."""

    session: str
    slates: dict[str, str]


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    """The first word on a connection.

    `next_seq` is the lowest sequence number that `session` has certainly not used yet: browsers that lost their counter
    go on from there. Where it is `running`, by the handshake's cookies, the visit goes on in it: a page of another
    session is over, and starts again.
    """

    session: str
    next_seq: int
    version: str
    running: bool


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ack"):
    """What became of each event of batch `id`, by sequence number; sent only after the log had what it accepted.

    An outcome is ``accepted``, ``duplicate``, ``unlogged``, ``refused:<reason>`` or ``full``. The browser forgets all
    but ``full``, which it sends again later.
    """

    id: int
    outcomes: dict[int, str]


class PushedSlate(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="slate"):
    """A slate made anew, as HTML to put in the old one's place; or, with its own surface, the lens.

    The lens follows the slate that it is about, for a page that shows it and said so among its surfaces. `laps` is how
    long each stage took on the server, in milliseconds: of a slate from the arrival of the event's message.
    """

    surface: str
    slate: str
    html: str
    lens: str = ""
    laps: dict[str, float] = {}


Shape = TypeVar("Shape", Batch, BrowserEvent)

_batch_decoder: Final = msgspec.json.Decoder(Batch)
_event_decoder: Final = msgspec.json.Decoder(BrowserEvent)
_encoder: Final = msgspec.json.Encoder()


def decode_batch(payload: bytes | str) -> Batch:
    """Read a message from the browser.

    Raises
    ------
    InvalidEvent
        When it is not a batch; the bytes belong among the dead letters.

    >>> decode_batch('{"type": "events", "id": 1, "session": "s", "events": []}').id
    1
    """
    if len(payload) > MAX_MESSAGE_BYTES:
        raise InvalidEvent(f"expected at most {MAX_MESSAGE_BYTES} bytes, received {len(payload)}")
    return _decoded(_batch_decoder, payload)


def decode_event(raw: msgspec.Raw) -> BrowserEvent:
    """Read one event of a batch. Raises `InvalidEvent`."""
    return _decoded(_event_decoder, bytes(raw))


def encode(message: Hello | Ack | PushedSlate) -> bytes:
    """Return the message as JSON."""
    return _encoder.encode(message)


def _decoded(decoder: "msgspec.json.Decoder[Shape]", payload: bytes | str) -> Shape:
    try:
        return decoder.decode(payload)
    except UNREADABLE as error:
        raise InvalidEvent(f"{error}; received {payload[:80]!r}") from error
