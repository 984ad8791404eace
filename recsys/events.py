"""What can happen, and its wire form.

Every event is a frozen struct; in the log it is MessagePack with the tag field ``type``, and the same structs
read and write JSON lines (recorded logs, exports). `SCHEMA_VERSION` travels with each event as ``v``;
`decode` brings older ones up to date, so that the rest of the engine sees only the newest form.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

import msgspec
import numpy as np

from recsys.errors import UNREADABLE, InvalidEvent
from recsys.packing import pack

SCHEMA_VERSION: Final = 1

#: Every list on every page is a slate with a surface of its own. `history` is for events without a page.
SURFACES: Final = ("history", "for_you", "trending", "new", "genre", "neighbours", "search", "session_history")

#: What is known of a visit when it begins, in classes that tell nobody apart; ``unknown`` stands first.
Referrer = Literal["unknown", "direct", "internal", "search", "social", "elsewhere"]
EntryPage = Literal["unknown", "home", "item", "list", "search"]
Device = Literal["unknown", "phone", "tablet", "desktop"]

MAX_ID_LENGTH: Final = 128
#: Largest size of a number about an item: its square still is a number.
MAX_NUMBER: Final = 1e30


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """Base of all events. They hold nothing that could hold them: the garbage collector need not look at them.

    Attributes
    ----------
    event_time_ms : int
        When it happened (receive time minus the age that the browser reported, clamped).
    v : int
        Schema version.
    """

    event_time_ms: int
    v: int = SCHEMA_VERSION

    @classmethod
    def tag(cls) -> str:
        """Return the event's name on the wire."""
        return str(cls.__struct_config__.tag)


def distinct_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return words as an item's `categories` and `tags` should be: without space around them, each once.

    >>> distinct_words([" Horror", "Sci-Fi", "", "Horror"])
    ('Horror', 'Sci-Fi')
    """
    return tuple(dict.fromkeys(stripped for word in words if (stripped := word.strip())))


class ItemUpserted(Event, frozen=True, kw_only=True, tag="item"):
    """An item entered the catalogue or changed.

    `categories` are few and broad (genres, departments): each is a taste that a session can have. `tags` are
    many and narrow (directors, actors, keywords) and serve similarity. `numbers` are facts by name (votes, rating,
    price), on a scale where differences mean something: the logarithm of a count rather than the count.

    Raises
    ------
    ValueError
        When a number is not finite, or larger than `MAX_NUMBER`: it would spoil every sum that it enters.
    """

    item: str
    title: str
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    year: int | None = None
    numbers: dict[str, float] = {}

    def __post_init__(self) -> None:
        for name, number in self.numbers.items():
            if not abs(number) <= MAX_NUMBER:
                raise ValueError(f"expected numbers from -{MAX_NUMBER:g} to {MAX_NUMBER:g}, received {name}={number}")

    def __hash__(self) -> int:
        """Hash what can be hashed: cards are remembered by their item."""
        return hash((self.item, self.event_time_ms, self.title))


class ItemRemoved(Event, frozen=True, kw_only=True, tag="item_removed"):
    """An item left the catalogue: never a candidate again, its statistics stay."""

    item: str


class SessionEvent(Event, frozen=True, kw_only=True):
    """Base of what happens in a session.

    Attributes
    ----------
    session : str
        Session id, shared by all tabs of a visitor's browser.
    seq : int
        Per-session sequence number from 1, drawn by the browser; the log holds each once. 0 = made by the
        server (slates, history), never deduplicated.
    simulated : bool
        Made by a simulator or load test.
    """

    session: str
    seq: int = 0
    simulated: bool = False


class SlateServed(SessionEvent, frozen=True, kw_only=True, tag="slate"):
    """An ordered list that was served, with everything needed to learn from it later.

    Attributes
    ----------
    slate : str
        Slate id, unique in the log.
    surface : str
        One of `SURFACES`.
    items : tuple of str
        Item ids in the order shown; position = index, from 0.
    propensities : tuple of float
        Probability, given the slots above, that the policy put this item into this slot. 1.0 where the
        list is fixed (trending, search ...).
    arm : str
        Experiment arm that made the slate.
    version : str
        Version of the world it was made with: the offset up to which that world had folded the log.
    signals : bytes
        The raw features as served (`recsys.features`), of shape (len(items), number of signals), packed
        (`recsys.packing`). Empty where the surface is not ranked by the model.
    visitor : str
        Visitor id where the visitor consented to being recognised, else empty.
    explored : tuple of int
        Positions that chance filled (`recsys.ranking.Slate.explored`). Empty where nothing was explored, and in slates
        logged before this was.
    unpacked : bytes
        The signals of slates that were logged before signals were packed, until they are read (`decode`).
    """

    slate: str
    surface: str
    items: tuple[str, ...]
    propensities: tuple[float, ...] = ()
    arm: str = "adaptive"
    version: str = ""
    signals: bytes = msgspec.field(default=b"", name="packed")
    visitor: str = ""
    explored: tuple[int, ...] = ()
    unpacked: bytes = msgspec.field(default=b"", name="signals")


class ItemEvent(SessionEvent, frozen=True, kw_only=True):
    """Base of what a visitor does with one item. `slate` is empty in histories without slates."""

    item: str
    slate: str = ""
    position: int = 0


class Impression(ItemEvent, frozen=True, kw_only=True, tag="impression"):
    """The item was on screen: at least half of its card for half a second."""


class Click(ItemEvent, frozen=True, kw_only=True, tag="click"):
    """The item was opened."""


class Dwell(ItemEvent, frozen=True, kw_only=True, tag="dwell"):
    """Time spent on the item's page."""

    dwell_ms: int


class Dismissal(ItemEvent, frozen=True, kw_only=True, tag="dismissal"):
    """The visitor said "not for me"."""


class DismissalUndone(ItemEvent, frozen=True, kw_only=True, tag="dismissal_undone"):
    """The visitor took a dismissal back."""


class SessionBegan(SessionEvent, frozen=True, kw_only=True, tag="session_began"):
    """A visit began: logged once, by the server, before anything else of it. Visits without it are as good.

    Attributes
    ----------
    referrer : str
        What kind of page led here; never its address.
    page : str
        What kind of page was asked for first.
    device : str
        What kind of device asked.
    """

    referrer: Referrer = "unknown"
    page: EntryPage = "unknown"
    device: Device = "unknown"


class SessionForgotten(SessionEvent, frozen=True, kw_only=True, tag="session_forgotten"):
    """The visitor wants this session forgotten: nothing of it teaches from here on.

    A tombstone: it marks what is to be taken out of the log and of what was learned, which is done elsewhere.
    """


AnyEvent = (
    ItemUpserted
    | ItemRemoved
    | SlateServed
    | Impression
    | Click
    | Dwell
    | Dismissal
    | DismissalUndone
    | SessionBegan
    | SessionForgotten
)

TYPE_NAMES: Final = tuple(kind.tag() for kind in get_args(AnyEvent))

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(AnyEvent)
_json_encoder = msgspec.json.Encoder()
_json_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """Return the event's MessagePack form, as it stands in the log."""
    return _encoder.encode(event)


def decode(payload: bytes) -> Event:
    """Read an event from its MessagePack form.

    Raises
    ------
    InvalidEvent
        When the bytes are not an event of a schema that this code knows.

    >>> click = Click(event_time_ms=5, session="s", seq=1, item="7")
    >>> decode(encode(click)) == click
    True
    """
    return _decoded(_decoder, payload, "MessagePack")


def encode_json(event: Event) -> bytes:
    """Return the event as one line of JSON, without the line end."""
    return _json_encoder.encode(event)


def decode_json(line: bytes) -> Event:
    """Read an event from one line of JSON. Raises `InvalidEvent` as `decode` does."""
    return _decoded(_json_decoder, line, "JSON")


def _decoded(decoder: Any, payload: bytes, form: str) -> Event:
    try:
        event: Event = decoder.decode(payload)
    except UNREADABLE as error:
        raise InvalidEvent(
            f"expected {form} of one of {', '.join(TYPE_NAMES)}; received {payload[:80]!r}: {error}"
        ) from error
    if event.v > SCHEMA_VERSION:
        raise InvalidEvent(f"expected schema version up to {SCHEMA_VERSION}, received {event.v}: upgrade this reader")
    if isinstance(event, SlateServed) and event.unpacked:
        return _packed(event)
    return event


def _packed(slate: SlateServed) -> SlateServed:
    """Return a slate of before signals were packed as it is logged today."""
    whole = len(slate.unpacked) % 4 == 0
    signals = pack(np.frombuffer(slate.unpacked, dtype="<f4")) if whole else b""
    return msgspec.structs.replace(slate, signals=signals, unpacked=b"")
