"""What the fold keeps of slates and sittings while something may still happen to them; bounded."""

from typing import Final

import msgspec

from recsys.aggregates.increments import SittingRow

#: How long after it was served a slate is remembered: a little more than the largest click delay that is told apart.
KEPT_MS: Final = 65 * 60_000
#: Slates, and sittings, that are remembered at once; beyond that the oldest is forgotten.
MAX_OPEN: Final = 100_000


class OpenSlate(msgspec.Struct):
    """A slate that was served.

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
    seen : dict of int to int
        Positions with an impression, each with its number among the sitting's impressions; 0 where those are not
        numbered.
    clicked : list of int
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
    seen: dict[int, int] = {}
    clicked: list[int] = []


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

    def row(self) -> SittingRow:
        """Return what is told of it."""
        return SittingRow(*(getattr(self, name) for name in SittingRow._fields))
