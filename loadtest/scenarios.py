"""Scenarios by name: how many visitors there are when, and what they are like."""

from collections.abc import Callable
from typing import Final, NamedTuple


class Scenario(NamedTuple):
    """One kind of load.

    Attributes
    ----------
    name, meaning : str
    share : callable
        Share of all visitors who are there, by the elapsed share of the run; both from 0 to 1.
    rate : float
        Events a second when all are there, by default.
    duration_s : float
        By default.
    settles : bool
        What happens before all visitors have arrived is not measured.
    visit_s : float
        Mean length of a visit; then the page is closed, and somebody else opens one.
    drop_every_s : float
        Mean time between two lost connections of a visitor; 0 = none is lost.
    bots : float
        Share of the visitors who send what no browser would.
    """

    name: str
    meaning: str
    share: Callable[[float], float]
    rate: float = 1_000.0
    duration_s: float = 600.0
    settles: bool = True
    visit_s: float = 300.0
    drop_every_s: float = 0.0
    bots: float = 0.0


def _everybody(elapsed: float) -> float:
    return 1.0


def _stairs(elapsed: float) -> float:
    """Ten steps up."""
    return min(int(elapsed * 10) + 1, 10) / 10


def _crowd(elapsed: float) -> float:
    """A fifth of the visitors; in the middle third everybody at once."""
    return 1.0 if 1 / 3 <= elapsed < 2 / 3 else 0.2


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("steady", "everybody, all the time", _everybody),
        Scenario("ramp", "ten steps, from a tenth of the visitors to all of them", _stairs, settles=False),
        Scenario("flash", "a fifth of the visitors, and in the middle third all at once", _crowd, settles=False),
        Scenario(
            "mobile", "connections are lost every half minute, and events sent again", _everybody, drop_every_s=30.0
        ),
        Scenario("bots", "one visitor in twenty sends what no browser would", _everybody, bots=0.05),
        Scenario("soak", "half the rate for an hour", _everybody, rate=500.0, duration_s=3_600.0),
    )
}
