"""A page's worth of signed things."""

import dataclasses
import itertools

import msgspec

from recsys.events import SlateServed
from webapp.tracking.tokens import Consent, SessionToken, sign_session, sign_slate
from webapp.tracking.wire import Batch, decode_batch

NOW_MS = 1_700_000_000_000
PAGE_MS = NOW_MS - 60_000
ITEMS = ("alien", "the-thing", "brazil")


@dataclasses.dataclass
class Page:
    """What one rendered page gave to the browser."""

    session: str = "session-1"
    consent: Consent = "session"
    slate: str = "slate-1"
    items: tuple[str, ...] = ITEMS
    at_ms: int = PAGE_MS
    _ids: "itertools.count[int]" = dataclasses.field(default_factory=lambda: itertools.count(1))

    @property
    def token(self) -> str:
        return sign_session(SessionToken(self.session, self.consent, self.at_ms))

    @property
    def slate_token(self) -> str:
        return sign_slate(
            SlateServed(
                event_time_ms=self.at_ms,
                session=self.session,
                slate=self.slate,
                surface="for_you",
                items=self.items,
                version="5-0",
            )
        )

    def event(self, seq: int, item: str = "the-thing", kind: str = "click", **more: object) -> dict[str, object]:
        return {"type": kind, "seq": seq, "slate": self.slate, "item": item, "age_ms": 250, **more}

    def batch(self, *events: object, **more: object) -> Batch:
        message = {
            "type": "events",
            "id": next(self._ids),
            "session": self.token,
            "slates": {self.slate: self.slate_token},
            "events": events,
            **more,
        }
        return decode_batch(msgspec.json.encode(message))
