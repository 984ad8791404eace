"""From what a browser claims to events that the log may hold: signatures, positions, event times."""

import dataclasses
from collections import Counter
from collections.abc import Container
from typing import Any, Final

import msgspec

from recsys.errors import UNREADABLE, InvalidEvent, RefusedEvent
from recsys.events import Click, Dismissal, DismissalUndone, Dwell, Impression, ItemEvent
from recsys.log.base import MAX_SEQ, SEEN_TTL_S
from webapp.tracking.refusals import MENDABLE, Letter
from webapp.tracking.tokens import SessionToken, SlateToken, read_session, read_slate
from webapp.tracking.wire import Batch, BrowserEvent, decode_event

#: Older than this the log has forgotten which numbers it has seen, and an event sent again would count twice.
MAX_AGE_MS: Final = SEEN_TTL_S * 1_000
#: A page left open overnight is not eight hours of interest.
MAX_DWELL_MS: Final = 3_600_000

#: What needs no slate: an item's own page can be reached without one, and only slates have impressions and clicks.
SLATELESS: Final = frozenset({"dwell", "dismissal", "dismissal_undone"})

_KINDS: Final[dict[str, type[ItemEvent]]] = {
    "impression": Impression,
    "click": Click,
    "dismissal": Dismissal,
    "dismissal_undone": DismissalUndone,
}


class _SeqOnly(msgspec.Struct):
    seq: int


@dataclasses.dataclass(slots=True)
class Validated:
    """A batch after validation.

    Attributes
    ----------
    session : SessionToken or None
        Whose batch it is; None when its token is not to be believed, and then everything is refused.
    events : list of ItemEvent
        What may be appended, in the order sent.
    refused : dict of sequence number to reason
    reasons : Counter
        How many were refused by reason, those without a readable number included.
    letters : list of Letter
        Refused events that may do later: those that could not be read, or whose item nobody knows yet.
    """

    session: SessionToken | None = None
    events: list[ItemEvent] = dataclasses.field(default_factory=list)
    refused: dict[int, str] = dataclasses.field(default_factory=dict)
    reasons: "Counter[str]" = dataclasses.field(default_factory=Counter)
    letters: list[Letter] = dataclasses.field(default_factory=list)

    def refuse(self, raw: msgspec.Raw, seq: int | None, reason: str) -> None:
        """Note one refusal; without a number it can't be answered."""
        self.reasons[reason] += 1
        if reason in MENDABLE:
            self.letters.append(Letter(bytes(raw), reason))
        if seq is not None:
            self.refused[seq] = reason


def validate(batch: Batch, now_ms: int, items: Container[str]) -> Validated:
    """Check each event of a batch against what was signed. Pure; about 10 µs and 2 µs for each event.

    Parameters
    ----------
    batch : Batch
    now_ms : int
        Receive time.
    items : container of str
        Ids of all items that are or were in the catalogue.
    """
    result = Validated()
    session_reason = ""
    try:
        result.session = _session(batch, now_ms)
    except RefusedEvent as refusal:
        session_reason = refusal.reason
    slates = _Slates(batch, result.session)
    for raw in batch.events:
        try:
            claim = decode_event(raw)
        except InvalidEvent:
            result.refuse(raw, _readable_seq(raw), "bad_event")
            continue
        if result.session is None:
            result.refuse(raw, claim.seq, session_reason)
            continue
        try:
            result.events.append(_event(claim, result.session, slates, now_ms, items))
        except RefusedEvent as refusal:
            result.refuse(raw, claim.seq, refusal.reason)
    return result


def _session(batch: Batch, now_ms: int) -> SessionToken:
    session = read_session(batch.session)
    if now_ms - session.at_ms > MAX_AGE_MS:
        raise RefusedEvent("too_old", f"expected a session of the last 7 days, received one of {session.at_ms} ms")
    return session


class _Slates:
    """The batch's slate tokens, each verified once and only when an event names it."""

    def __init__(self, batch: Batch, session: SessionToken | None) -> None:
        self._tokens = batch.slates
        self._session = session
        self._read: dict[str, SlateToken | RefusedEvent] = {}

    def position(self, slate_id: str, item: str) -> int:
        slate = self._verified(slate_id)
        if item not in slate.items:
            raise RefusedEvent("not_shown", f"slate {slate_id!r} did not show item {item!r}")
        return slate.items.index(item)

    def _verified(self, slate_id: str) -> SlateToken:
        if slate_id not in self._read:
            try:
                self._read[slate_id] = self._checked(slate_id)
            except RefusedEvent as refusal:
                self._read[slate_id] = refusal
        found = self._read[slate_id]
        if isinstance(found, RefusedEvent):
            raise found
        return found

    def _checked(self, slate_id: str) -> SlateToken:
        text = self._tokens.get(slate_id)
        if text is None:
            raise RefusedEvent("not_shown", f"expected the token of slate {slate_id!r} in the batch")
        slate = read_slate(text)
        if slate.slate != slate_id:
            raise RefusedEvent("not_shown", f"expected the token of slate {slate_id!r}, received {slate.slate!r}'s")
        if self._session is None or slate.session != self._session.session:
            raise RefusedEvent("wrong_session", f"slate {slate_id!r} was served to another session")
        return slate


def _event(
    claim: BrowserEvent, session: SessionToken, slates: _Slates, now_ms: int, items: Container[str]
) -> ItemEvent:
    if not 1 <= claim.seq <= MAX_SEQ:
        raise RefusedEvent("seq_out_of_range", f"expected 1 to {MAX_SEQ}, received {claim.seq}")
    if claim.slate:
        position = slates.position(claim.slate, claim.item)
    elif claim.type in SLATELESS:
        # A signed slate vouches for its items even where this process's catalogue is a moment behind.
        if claim.item not in items:
            raise RefusedEvent("unknown_item", f"item {claim.item!r} is not in the catalogue")
        position = 0
    else:
        raise RefusedEvent("not_shown", f"expected a slate for a {claim.type}")
    fields: dict[str, Any] = {
        "event_time_ms": now_ms - _age_ms(claim, session, now_ms),
        "session": session.session,
        "seq": claim.seq,
        "item": claim.item,
        "slate": claim.slate,
        "position": position,
        "simulated": session.simulated,
    }
    if claim.type == "dwell":
        return Dwell(**fields, dwell_ms=min(max(claim.dwell_ms, 0), MAX_DWELL_MS))
    return _KINDS[claim.type](**fields)


def _age_ms(claim: BrowserEvent, session: SessionToken, now_ms: int) -> int:
    """Return the claimed age within what is possible: not in the future, not before the page it happened on."""
    page_age_ms = min(max(now_ms - session.at_ms, 0), MAX_AGE_MS)
    return min(max(claim.age_ms, 0), page_age_ms)


def _readable_seq(raw: msgspec.Raw) -> int | None:
    try:
        return msgspec.json.decode(bytes(raw), type=_SeqOnly).seq
    except UNREADABLE:
        return None
