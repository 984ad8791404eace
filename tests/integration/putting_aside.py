"""Dead letters of each kind, as the log holds them, and what became of them."""

import msgspec

from recsys.events import Event
from recsys.log.base import DeadLetter
from tests.unit.tracking.pages import Page
from webapp import wiring


def now_ms() -> int:
    return wiring.clock().now_ms()


def page(session: str = "session-1") -> Page:
    """Return a page that somebody was served a minute ago."""
    return Page(session=session, at_ms=now_ms() - 60_000)


def logged() -> list[Event | None]:
    return [record.event for record in wiring.event_log().read("0-0", 1_000)]


def held() -> list[DeadLetter]:
    return list(wiring.event_log().dead_letters())


def put_aside(payload: bytes = b'{"seq": <script>\x00') -> DeadLetter:
    """Put a letter aside; as it comes, one that nobody can read."""
    wiring.event_log().append_dead_letter(payload, "undecodable")
    return held()[-1]


def readable(*seqs: int) -> DeadLetter:
    """Put a message aside that this code can read, with a click for each number."""
    given = page()
    message = {"type": "events", "id": 1, "session": given.token, "slates": {given.slate: given.slate_token}}
    return put_aside(msgspec.json.encode({**message, "events": [given.event(seq) for seq in seqs or (1,)]}))
