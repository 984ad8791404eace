"""Made-up visits, seeded: slates of both arms, real and simulated, and all that people and networks do to them."""

import random
from collections.abc import Sequence
from typing import Any

from recsys.events import (
    Click,
    Dismissal,
    Dwell,
    Event,
    Impression,
    ItemRemoved,
    ItemUpserted,
    SessionForgotten,
    SlateServed,
)
from recsys.log.base import Record

START_MS = 1_700_000_000_000
#: Those of "history" were shown elsewhere.
SURFACES = ("for_you", "for_you", "trending", "neighbours", "history")


def visits(seed: int, events: int, films: int = 30) -> list[Record]:
    """Return a log of visits over some days: repeats, clicks nobody saw coming, late ones, and lone ones included."""
    rng = random.Random(seed)
    log: list[Record] = []
    now_ms = START_MS
    slates: list[SlateServed] = []
    for number in range(films):
        append(log, now_ms, ItemUpserted(event_time_ms=now_ms, item=str(number), title=f"Film {number}"))
    for number in range(events):
        now_ms += rng.choice((0, 5, 400, 9_000, 40_000, 700_000))
        event = _event(rng, now_ms, number, films, slates)
        if isinstance(event, SlateServed):
            slates.append(event)
        append(log, now_ms, event)
    return log


def append(log: list[Record], now_ms: int, event: Event | None) -> None:
    """Append an event, received now."""
    sequence = 0 if not log or log[-1].received_ms != now_ms else int(log[-1].offset.partition("-")[2]) + 1
    log.append(Record(f"{now_ms}-{sequence}", event, b""))


def _event(rng: random.Random, now_ms: int, number: int, films: int, slates: Sequence[SlateServed]) -> Event | None:
    kind = rng.randrange(20)
    visitor = rng.randrange(6)
    session = f"g{number % 40}" if rng.random() < 0.1 else f"s{visitor}"
    about: dict[str, Any] = {"session": session, "simulated": visitor >= 3}
    if kind < 4 or not slates:
        return SlateServed(
            event_time_ms=now_ms,
            slate=f"slate-{number}",
            surface=rng.choice(SURFACES),
            items=tuple(str(film) for film in rng.sample(range(films), 6)),
            propensities=tuple(rng.random() for _ in range(6)),
            arm="control" if visitor % 3 == 0 else "adaptive",
            version="5-0" if visitor else "",
            explored=tuple(sorted(rng.sample(range(6), rng.randrange(3)))),
            **about,
        )
    if kind == 4:
        # Sessions are few: one of those that come only now and then is forgotten.
        return SessionForgotten(event_time_ms=now_ms, session=f"g{number % 40}") if rng.random() < 0.3 else None
    if kind == 5:
        return ItemRemoved(event_time_ms=now_ms, item=str(rng.randrange(films)))
    at_ms = now_ms - rng.choice((0, 0, 4_000))
    if kind == 6:
        kinds = (Click, Impression)
        return rng.choice(kinds)(event_time_ms=at_ms, item=str(rng.randrange(films)), **about)
    slate = rng.choice(slates[-8:]) if rng.random() < 0.9 else rng.choice(slates)
    position = rng.randrange(6)
    place: dict[str, Any] = {
        "event_time_ms": at_ms,
        "session": slate.session,
        "simulated": slate.simulated,
        "slate": slate.slate if rng.random() < 0.97 else "never-served",
        "item": slate.items[position],
        "position": position,
    }
    if kind < 13:
        return Impression(**place)
    if kind < 17:
        return Click(**place)
    return Dismissal(**place) if kind < 18 else Dwell(dwell_ms=900, **place)
