"""A small history whose structure is known: each session likes one genre of three, and sees films at random."""

import numpy as np

from recsys.events import Click, Event, Impression, ItemUpserted, encode
from recsys.log.base import Record
from recsys.simulation.factors import fit
from recsys.simulation.market import Market
from tests.unit.streams import GENRES, START_MS, film

FILMS = 60
SEEN = 24


def genre_of(item: str) -> int:
    return int(item) % len(GENRES)


def catalogue() -> list[ItemUpserted]:
    return [film(number, START_MS + number) for number in range(FILMS)]


def history(sessions: int = 90, seed: int = 5) -> list[Event]:
    """Return what sessions saw, and the click on each film of the genre that the session likes (and some others)."""
    random = np.random.default_rng(seed)
    events: list[Event] = []
    at_ms = START_MS + 1_000
    for number in range(sessions):
        for item in random.choice(FILMS, SEEN, replace=False).tolist():
            at_ms += 1_000
            place = {"event_time_ms": at_ms, "session": f"h{number}", "item": str(item)}
            events.append(Impression(**place))
            if random.random() < (0.7 if genre_of(str(item)) == number % len(GENRES) else 0.1):
                events.append(Click(**place))
    return events


def market(seed: int = 1) -> Market:
    return Market(fit(history(), k=3), seed)


def as_records(events: list[Event]) -> list[Record]:
    return [Record(f"{START_MS + place}-0", event, encode(event)) for place, event in enumerate(events)]
