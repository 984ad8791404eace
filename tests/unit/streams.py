"""Small made-up logs: deterministic, with everything that can happen in them."""

import random
from typing import Any, get_args

import msgspec

from recsys import copying
from recsys.clock import ManualClock
from recsys.events import (
    Click,
    Device,
    Dismissal,
    DismissalUndone,
    Dwell,
    EntryPage,
    Event,
    Impression,
    ItemRemoved,
    ItemUpserted,
    Referrer,
    SessionBegan,
    SlateServed,
)
from recsys.log.base import Record
from recsys.log.memory import MemoryLog
from recsys.offsets import ORIGIN
from recsys.store import codec
from recsys.world import World

GENRES = ("Horror", "Comedy", "Western")
START_MS = 1_700_000_000_000


def world_bytes(world: World) -> bytes:
    """Return all of a world, to compare two."""
    meta, arrays = copying.state(world)
    return codec.encode({"meta": msgspec.msgpack.encode(meta)}, arrays)


def film(number: int, at_ms: int = START_MS) -> ItemUpserted:
    """Return film `number`; its genre follows from the number."""
    return ItemUpserted(
        event_time_ms=at_ms,
        item=str(number),
        title=f"Film {number}",
        categories=(GENRES[number % len(GENRES)],),
        tags=(f"director {number % 5}",),
        year=1960 + number,
    )


def stream(seed: int, events: int, films: int = 20) -> list[Record]:
    """Return the records of `recorded`."""
    return list(recorded(seed, events, films).read(ORIGIN, 1_000_000))


def recorded(seed: int, events: int, films: int = 20) -> MemoryLog:
    """Return a log of a few sessions doing everything at random, including what makes no sense, and of histories.

    A history is a session of bare clicks, of which most go on to the next film or two.
    """
    rng = random.Random(seed)
    clock = ManualClock(START_MS)
    log = MemoryLog(clock, max_length=1_000_000)
    log.append([film(number) for number in range(films)])
    slates: list[SlateServed] = []
    for number in range(events):
        clock.advance(rng.choice((0, 10, 1_000, 60_000, 400_000)))
        event = _event(rng, clock.now_ms(), number, films, slates)
        if isinstance(event, SlateServed):
            slates.append(event)
        log.append([event])
    return log


def _event(rng: random.Random, now_ms: int, number: int, films: int, slates: list[SlateServed]) -> Event:
    session, item = f"s{rng.randrange(4)}", str(rng.randrange(films + 1))
    kind = rng.randrange(16)
    at_ms = now_ms - rng.choice((0, 0, 5_000))
    if kind >= 12:
        walked = (number // 4 + rng.choice((0, 1, 1, 2, 7))) % films
        return Click(event_time_ms=at_ms, session=f"h{number // 20}", item=str(walked))
    if kind < 2 or not slates:
        shown = tuple(str(row) for row in rng.sample(range(films), 5))
        return SlateServed(event_time_ms=now_ms, session=session, slate=f"slate-{number}", surface="new", items=shown)
    if kind == 2:
        return film(rng.randrange(films), now_ms) if rng.random() < 0.8 else ItemRemoved(event_time_ms=at_ms, item=item)
    if kind in (3, 4):
        if rng.random() < 0.2:
            return SessionBegan(
                event_time_ms=at_ms,
                session=session,
                referrer=rng.choice(get_args(Referrer)),
                page=rng.choice(get_args(EntryPage)),
                device=rng.choice(get_args(Device)),
            )
        kind_without_slate = Click if rng.random() < 0.4 else Impression
        return kind_without_slate(event_time_ms=at_ms, session=session, item=item)
    slate = rng.choice(slates[-6:])
    position = rng.randrange(5)
    place: dict[str, Any] = {
        "session": slate.session,
        "slate": slate.slate,
        "item": slate.items[position],
        "position": position,
    }
    if kind < 8:
        return Impression(event_time_ms=at_ms, **place)
    if kind < 10:
        return Click(event_time_ms=at_ms, **place)
    if kind == 10:
        return Dwell(event_time_ms=at_ms, dwell_ms=3_000, **place)
    return (Dismissal if rng.random() < 0.7 else DismissalUndone)(event_time_ms=at_ms, **place)
