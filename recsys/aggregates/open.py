"""What the fold keeps of slates and sittings while something may still happen to them; bounded."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from recsys.aggregates.buckets import hour_of
from recsys.aggregates.increments import SittingRow
from recsys.events import ItemEvent
from recsys.spilling import SpillingMap

T = TypeVar("T")

#: How long after it was served a slate is remembered: a little more than the largest click delay that is told apart.
KEPT_MS: Final = 65 * 60_000
#: Slates, and sittings, that are remembered at once; beyond that the oldest is forgotten.
MAX_OPEN: Final = 100_000
#: Of these, those that stand in memory: some 350 bytes for a slate, 2 kB for a sitting.
SLATES_IN_MEMORY: Final = 16_384
SITTINGS_IN_MEMORY: Final = 4_096

#: What is remembered of a slot.
UNSEEN: Final = 0
UNNUMBERED: Final = 1
NUMBERED: Final = 2


class OpenSlate(msgspec.Struct, gc=False):
    """A slate that was served: nothing that the garbage collector would have to look at.

    Attributes
    ----------
    session, surface, arm, simulated, explored
        As logged.
    served_ms : int
        Event time.
    received_ms : int
        Log time.
    size : int
        Slots.
    seen : bytes
        A byte for each slot: `UNSEEN`, `UNNUMBERED` where it was seen but the sitting's impressions are not numbered
        there, else `NUMBERED` and the bucket of its number (`nth_bucket`).
    seen_later : dict of int to int
        Of those that were seen in another hour or sitting than the slate was served in, when: few; None without any.
    clicked : tuple of int
        Positions.
    """

    session: str
    surface: str
    arm: str
    simulated: bool
    served_ms: int
    received_ms: int
    size: int
    explored: tuple[int, ...]
    seen: bytes = b""
    seen_later: dict[int, int] | None = None
    clicked: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.seen = self.seen or bytes(self.size)

    def note_seen(self, position: int, bucket: int | None, now_ms: int, sitting: "Sitting") -> None:
        """Remember an impression: its bucket if it is numbered; when it was, if not in the slate's hour and sitting."""
        mark = UNNUMBERED if bucket is None else NUMBERED + bucket
        self.seen = self.seen[:position] + bytes((mark,)) + self.seen[position + 1 :]
        if hour_of(now_ms) != hour_of(self.received_ms) or not sitting.has(self.received_ms):
            self.seen_later = (self.seen_later or {}) | {position: now_ms}

    def was_seen(self, position: int) -> bool:
        """Return whether a slot had an impression."""
        return self.seen[position] != UNSEEN

    def bucket(self, position: int) -> int | None:
        """Return the bucket of a slot's number among the sitting's impressions, None where it has none."""
        mark = self.seen[position]
        return mark - NUMBERED if mark >= NUMBERED else None

    def seen_ms(self, position: int) -> int:
        """Return a moment of the hour and sitting in which a slot was seen."""
        return (self.seen_later or {}).get(position, self.received_ms)


class Sitting(msgspec.Struct):
    """A sitting that has not ended: the counts of `SittingRow`, and its impressions and clicks by n-th bucket."""

    first_offset: str
    session: str
    last_offset: str
    started_ms: int
    ended_ms: int
    arm: str
    simulated: bool
    hour_ms: int
    day_ms: int
    events: int = 0
    slates: int = 0
    impressions: int = 0
    clicks: int = 0
    explored_impressions: int = 0
    explored_clicks: int = 0
    dismissals: int = 0
    last_surface: str = ""
    last_action: str = ""
    numbered: int = 0
    nth: dict[int, list[int]] = {}

    def has(self, at_ms: int) -> bool:
        """Return whether what the session did at that time, up to now, belongs to this sitting."""
        return at_ms >= self.started_ms

    def row(self) -> SittingRow:
        """Return what is told of it."""
        return SittingRow(*(getattr(self, name) for name in SittingRow._fields))


class OpenSlates:
    """Slates by id, the one served first in front.

    Attributes
    ----------
    held : SpillingMap of OpenSlate
    """

    def __init__(self, max_open: int) -> None:
        unpack = msgspec.msgpack.Decoder(OpenSlate).decode
        self.held: SpillingMap[OpenSlate] = SpillingMap(SLATES_IN_MEMORY, msgspec.msgpack.encode, unpack)
        self._max_open = max_open

    def add(self, key: str, slate: OpenSlate) -> bool:
        """Take a slate in, unless there is one of that id; return whether it was news.

        The oldest two go if their time is over, and one more where there are too many.
        """
        if key in self.held:
            return False
        self.held.put(key, slate)
        _let_go(self.held, self._max_open, lambda oldest: slate.received_ms - oldest.received_ms >= KEPT_MS)
        return True

    def find(self, event: ItemEvent, now_ms: int) -> OpenSlate | None:
        """Return the slate that an event is about; None where its time is over, or it has no such place."""
        slate = self.held.get(event.slate) if event.slate else None
        if (
            slate is None
            or slate.session != event.session
            or not 0 <= event.position < slate.size
            or now_ms - slate.received_ms > KEPT_MS
        ):
            return None
        return slate


class OpenSittings:
    """Sittings by session, the one longest idle in front.

    Attributes
    ----------
    held : SpillingMap of Sitting
    """

    def __init__(self, gap_ms: int, max_open: int) -> None:
        unpack = msgspec.msgpack.Decoder(Sitting).decode
        self.held: SpillingMap[Sitting] = SpillingMap(SITTINGS_IN_MEMORY, msgspec.msgpack.encode, unpack)
        self._gap_ms = gap_ms
        self._max_open = max_open

    def running(self, session: str, now_ms: int) -> Sitting | None:
        """Return the session's sitting if its gap has not passed."""
        sitting = self.held.get(session)
        return sitting if sitting is not None and now_ms - sitting.ended_ms <= self._gap_ms else None

    def put(self, sitting: Sitting) -> None:
        """Take a sitting in, after something happened in it.

        With a new one, those two longest idle go if their gap has passed, and one more where there are too many.
        """
        is_new = self.held.pop(sitting.session) is not sitting
        self.held.put(sitting.session, sitting)
        if is_new:
            _let_go(self.held, self._max_open, lambda oldest: sitting.ended_ms - oldest.ended_ms > self._gap_ms)


def _let_go(held: SpillingMap[T], most: int, is_over: Callable[[T], bool]) -> None:
    """Forget the oldest two if their time is over, and one more where there are too many."""
    for _ in range(2):
        oldest = held.oldest()
        if oldest is None or (len(held) <= most and not is_over(oldest[1])):
            return
        held.pop(oldest[0])
