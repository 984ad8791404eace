"""One run of a scenario: its clock, its visitors' pace, and what all of its users share."""

import dataclasses
from typing import Final

from loadtest.recorder import Recorder
from loadtest.scenarios import Scenario
from recsys.simulation.market import Market

#: Visitors of a load test click more than ordinary ones, so that of 1,000 events 80 are clicks and 900 impressions,
#: also when they have looked at many lists.
EAGERNESS: Final = 2.5
#: Visitors who arrive a second at first, and in a crowd.
ARRIVE_PER_S: Final = 30.0
CROWD_S: Final = 5.0
#: Seconds for all to settle once they are there, and at the end for what is under way.
SETTLE_S: Final = 5.0
GRACE_S: Final = 8.0


@dataclasses.dataclass(slots=True)
class Run:
    """What users ask for.

    Attributes
    ----------
    scenario : Scenario
    site : str
        URL, without a slash at its end.
    sockets : int
        Visitors when all are there.
    rate : float
        Events a second when all are there.
    duration_s : float
        Of what is measured.
    lens : float
        Share of the visitors who have the lens open beside the slate.
    recorder : Recorder
    market : Market
    visitors : int
        How many there were so far.
    """

    scenario: Scenario
    site: str
    sockets: int
    rate: float
    duration_s: float
    lens: float
    recorder: Recorder
    market: Market
    visitors: int = 0

    @property
    def seconds_per_event(self) -> float:
        """Time that a visitor takes for an event."""
        return self.sockets / self.rate

    @property
    def begins_s(self) -> float:
        """When the measured part begins."""
        return self.sockets / ARRIVE_PER_S + SETTLE_S if self.scenario.settles else 0.0

    @property
    def ends_s(self) -> float:
        """When visitors stop."""
        return self.begins_s + self.duration_s

    def over(self) -> bool:
        """Return whether visitors should stop."""
        return self.recorder.now_s() >= self.ends_s

    def next_visitor(self) -> int:
        """Return the number of the next visitor, from 1."""
        self.visitors += 1
        return self.visitors

    def users(self) -> tuple[int, float] | None:
        """Return how many users there should be now and how many may arrive a second; None when all is over."""
        now_s = self.recorder.now_s()
        if now_s >= self.ends_s + GRACE_S:
            return None
        elapsed = min(max(now_s - self.begins_s, 0.0) / self.duration_s, 1.0)
        arrive_per_s = ARRIVE_PER_S if self.scenario.settles else self.sockets / CROWD_S
        return max(round(self.scenario.share(elapsed) * self.sockets), 1), max(arrive_per_s, 1.0)
