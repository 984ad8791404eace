"""A log that a test writes event by event, and the learner that folds it."""

from recsys.clock import ManualClock
from recsys.config import EngineConfig
from recsys.events import Click, Event, Impression, SlateServed
from recsys.learner import Learner
from recsys.log.memory import MemoryLog
from tests.unit.streams import START_MS, film

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
WINDOW_S = CONFIG.attribution_window_s
FILMS = 6


class Site:
    """A log that a test writes event by event, and the learner that folds it."""

    def __init__(self, films: int = FILMS) -> None:
        self.clock = ManualClock(START_MS)
        self.log = MemoryLog(self.clock)
        self.learner = Learner(CONFIG)
        self.world = self.learner.world
        self.log.append([film(number) for number in range(films)])

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def happens(self, *events: Event, later_s: int = 0) -> "Site":
        self.clock.advance(later_s * 1_000)
        self.log.append(events)
        return self

    def learned(self) -> dict[str, int]:
        self.learner.fold(self.log.read(self.world.offset, 10_000))
        return self.learner.counters()

    def choices(self) -> float:
        return self.learner.metrics().get("choices", 0.0)


def slate(
    *items: str, name: str = "a", at_ms: int = START_MS, signals: bytes = b"", surface: str = "new"
) -> SlateServed:
    return SlateServed(event_time_ms=at_ms, session="s", slate=name, surface=surface, items=items, signals=signals)


def seen(item: str, position: int = 0, name: str = "a", at_ms: int = START_MS) -> Impression:
    return Impression(event_time_ms=at_ms, session="s", slate=name, item=item, position=position)


def clicked(item: str, position: int = 0, name: str = "a", at_ms: int = START_MS, session: str = "s") -> Click:
    return Click(event_time_ms=at_ms, session=session, slate=name, item=item, position=position)
