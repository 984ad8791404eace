"""Small worlds: a catalogue of genres, and what a few thousand simulated visitors taught about it."""

import functools
from collections.abc import Iterator
from typing import Final

import numpy as np

from recsys import copying
from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Impression,
    ItemEvent,
    ItemUpserted,
    SessionEvent,
    SlateServed,
)
from recsys.fold import Fold
from recsys.ranking import Slate
from recsys.recommender import Recommender
from recsys.sessions import Session
from recsys.world import World

GENRES: Final = ("Action", "Animation", "Comedy", "Drama", "Horror", "Romance", "Sci-Fi", "Western")
FILMS_PER_GENRE: Final = 30
START_MS: Final = 1_700_000_000_000
CONFIG: Final = EngineConfig()

_SLATE: Final = 8
_STEP_MS: Final = 20_000


def film(number: int) -> ItemUpserted:
    """Return a film whose genre goes round; every third has a second genre."""
    genre = GENRES[number % len(GENRES)]
    second = (GENRES[(number + 3) % len(GENRES)],) if number % 3 == 0 else ()
    return ItemUpserted(
        event_time_ms=START_MS + number,
        item=f"film-{number}",
        title=f"{genre} {number}",
        categories=(genre, *second),
        tags=(f"director-{number % 17}",),
        year=1950 + number % 50,
    )


def empty_world(films: int = 0, config: EngineConfig = CONFIG) -> World:
    """Return a world with a catalogue and no history."""
    world = World(config)
    for number in range(films):
        world.upsert_item(film(number))
    return world


@functools.cache
def trained_world() -> World:
    """Return a world that learned from 600 visitors, most of whom have no love for horror. Not to be written to."""
    fold, films = Fold(CONFIG), FILMS_PER_GENRE * len(GENRES)
    for number in range(films):
        fold.take(film(number), START_MS + number)
    world, random = fold.world, np.random.default_rng(7)
    quality = random.normal(size=films) - 0.8 * world.contents["taste"][:, world.tastes.index("Horror")]
    now_ms = START_MS
    for visitor in range(600):
        favourite = world.contents["taste"][:, world.tastes.index(random.choice(GENRES))]
        for number in range(6):
            now_ms += _STEP_MS
            for event in _visit(f"visitor-{visitor}", number, quality + 4.0 * favourite, now_ms, random):
                fold.take(event, now_ms)
    world.offset = f"{now_ms}-0"
    copying.settle(world)
    return world


def _visit(
    session: str, number: int, utility: np.ndarray, now_ms: int, random: np.random.Generator
) -> Iterator[SessionEvent]:
    """Show a random slate, and let the visitor look at all of it and choose by `utility`."""
    rows = random.choice(len(utility), size=_SLATE, replace=False)
    weights = np.exp(np.append(utility[rows] - 1.5, 0.0))
    chosen = int(random.choice(_SLATE + 1, p=weights / weights.sum()))
    items = tuple(f"film-{row}" for row in rows)
    place = {"event_time_ms": now_ms, "session": session, "slate": f"{session} {number}"}
    yield SlateServed(surface="for_you", items=items, **place)
    for position, item in enumerate(items):
        yield Impression(item=item, position=position, **place)
    if chosen < _SLATE:
        yield Click(item=items[chosen], position=chosen, **place)


class Visit:
    """A visitor in front of a recommender: is shown slates, looks, clicks."""

    def __init__(self, world: World, session: str = "visitor", *, config: EngineConfig = CONFIG, adaptive: bool = True):
        self.world = world
        self.clock = ManualClock(world.now_ms + 60_000)
        self.recommender = Recommender(config, lambda: world, self.clock)
        self.session: Session = self.recommender.new_session(session, adaptive=adaptive)
        self.log: list[SlateServed | ItemEvent] = []

    def show(self, slate: Slate, seen: int | None = None) -> SlateServed:
        """Serve a slate, of which the first `seen` items are looked at (all by default)."""
        event = slate.event(f"slate-{len(self.log)}", self.session.id, self.clock.now_ms())
        self._observe(event)
        for position, item in enumerate(event.items[:seen]):
            self._observe(self._event(Impression, item, event.slate, position))
        return event

    def click(self, item: str, slate: str = "", position: int = 0) -> bool:
        """Open an item."""
        return self._observe(self._event(Click, item, slate, position))

    def dismiss(self, item: str, slate: str = "", position: int = 0) -> bool:
        """Say "not for me"."""
        return self._observe(self._event(Dismissal, item, slate, position))

    def undo(self, item: str, slate: str = "", position: int = 0) -> bool:
        """Take that back."""
        return self._observe(self._event(DismissalUndone, item, slate, position))

    def for_you(self) -> Slate:
        """Return the session's slate."""
        return self.recommender.for_you(self.session)

    def share(self, category: str, slate: Slate | None = None) -> float:
        """Return the share of a category in a slate (the "for you" slate by default)."""
        rows = (slate or self.for_you()).rows
        return sum(category in self.world.catalogue[row].categories for row in rows) / len(rows)

    def _event(self, kind: type[ItemEvent], item: str, slate: str, position: int) -> ItemEvent:
        self.clock.advance(1_000)
        return kind(
            event_time_ms=self.clock.now_ms(), session=self.session.id, item=item, slate=slate, position=position
        )

    def _observe(self, event: SlateServed | ItemEvent) -> bool:
        self.log.append(event)
        return self.recommender.observe(self.session, event)


def two_horror_clicks(visit: Visit) -> None:
    """Look at the home page, then open two films of its horror row."""
    visit.show(visit.for_you(), seen=6)
    row = visit.show(visit.recommender.category(visit.session, "Horror"), seen=6)
    for position in (1, 3):
        visit.click(row.items[position], row.slate, position)
