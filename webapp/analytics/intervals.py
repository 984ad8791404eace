"""How sure a rate, or a mean, is."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from scipy.special import stdtrit

_Z95: Final = 1.959963984540054


class Interval(NamedTuple):
    """A 95 % interval: of a proportion, both ends within 0 to 1, or of the difference of two."""

    low: float
    high: float


def wilson(successes: float, trials: float) -> Interval:
    """Return Wilson's 95 % score interval of a proportion (Wilson 1927), which holds for few trials and rare successes.

    It takes trials as independent; impressions of one session are less than that, so read it as a lower bound of
    the uncertainty. Raises ValueError when successes are not a part of the trials.

    >>> low, high = wilson(10, 100)
    >>> round(low, 4), round(high, 4)
    (0.0552, 0.1744)
    >>> wilson(0, 0)
    Interval(low=0.0, high=1.0)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"expected successes from 0 to the {trials} trials, received {successes}")
    if trials == 0:
        return Interval(0.0, 1.0)
    share = successes / trials
    spread = _Z95 * _Z95 / trials
    center = share + spread / 2
    reach = (spread * (share * (1 - share) + spread / 4)) ** 0.5
    return Interval(max(0.0, (center - reach) / (1 + spread)), min(1.0, (center + reach) / (1 + spread)))


def student(freedom: float) -> float:
    """Return how many standard errors a 95 % interval reaches to both sides where the error is estimated itself.

    The quantile of Student's t for so many degrees of freedom, at least 1.

    >>> [round(student(freedom), 2) for freedom in (1, 4, 29, 1e9)]
    [12.71, 2.78, 2.05, 1.96]
    """
    return float(stdtrit(max(freedom, 1.0), 0.975))


def alike(weights: Sequence[float]) -> float:
    """Return how many values of equal weight tell as much as these (Kish 1965); 0 of none.

    >>> alike([2, 2, 2]), round(alike([1, 1, 98]), 2)
    (3.0, 1.04)
    """
    return _alike(sum(weights), sum(weight * weight for weight in weights))


def _alike(total: float, squared: float) -> float:
    """Return what `alike` does, of weights of which the sum and that of their squares are known."""
    return total * total / squared if squared else 0.0


def reach_of_mean(known: Sequence[tuple[float, float]]) -> float:
    """Return by how much the weighted mean of (weight, value) may be off to both sides, 95 %, as far as values tell.

    Values are taken as independent, and their error as known no better than so many of equal weight would tell it.
    Raises ValueError of fewer than two.

    >>> round(reach_of_mean([(1, 0.0), (1, 1.0), (1, 2.0)]), 2)  # 4.3 standard errors of 0.58
    2.48
    """
    if len(known) < 2:
        raise ValueError(f"expected two values or more to tell how they differ, received {len(known)}")
    total = sum(weight for weight, _ in known)
    mean = sum(weight * value for weight, value in known) / total
    worth = alike([weight for weight, _ in known])
    variance = sum((weight / total * (value - mean)) ** 2 for weight, value in known) / (1 - 1 / worth)
    return student(worth - 1) * math.sqrt(variance)


class Clicked(Protocol):
    """What has impressions, and clicks on these."""

    @property
    def impressions(self) -> int:
        """How often it was seen."""

    @property
    def clicks(self) -> int:
        """How many of these times it was clicked."""


def click_through(counted: Clicked) -> float | None:
    """Return the share of impressions that were clicked; None without any."""
    return counted.clicks / counted.impressions if counted.impressions else None


def click_through_interval(counted: Clicked) -> Interval | None:
    """Return its 95 % interval, impressions taken as independent; None without any."""
    return wilson(counted.clicks, counted.impressions) if counted.impressions else None


@dataclasses.dataclass(frozen=True, slots=True)
class Rate:
    """Clicks for impressions, with what their interval follows from.

    Attributes
    ----------
    sessions, impressions, clicks : int
    interval : Interval
        95 %, as `clustered` gives it.
    """

    sessions: int
    impressions: int
    clicks: int
    interval: Interval

    @property
    def value(self) -> float | None:
        """The share of impressions that were clicked; None without any."""
        return self.clicks / self.impressions if self.impressions else None

    @property
    def error(self) -> float:
        """Half the width of the interval."""
        return (self.interval.high - self.interval.low) / 2


def clustered(
    sessions: int,
    impressions: int,
    clicks: int,
    impressions_squared: int,
    clicks_squared: int,
    impressions_times_clicks: int,
) -> Rate:
    """Return a rate whose interval takes sessions, not impressions, as independent of each other.

    The variance of a ratio of sums over sessions (Cochran, "Sampling Techniques", 1977, equation 2.39) says how many
    independent impressions these are worth; Wilson's interval is taken with as many (Korn and Graubard 1998). Of few
    sessions, or of some that saw most of it, that variance is a guess: they are worth less by `student`. The last three
    parameters are sums over sessions of squares and of the product.

    >>> apart = clustered(100, 100, 10, 100, 10, 10).interval  # each session one impression
    >>> together = clustered(10, 100, 10, 1_000, 100, 100).interval  # one session clicked ten times, nine never
    >>> [round(end, 3) for end in (*apart, *together)]
    [0.055, 0.176, 0.013, 0.477]
    """
    if not impressions:
        return Rate(sessions, 0, clicks, wilson(0, 0))
    share = clicks / impressions
    worth = float(impressions)
    binomial = share * (1 - share) / impressions
    if sessions < 2:
        worth = 1.0
    elif binomial:
        spread = clicks_squared - 2 * share * impressions_times_clicks + share * share * impressions_squared
        variance = sessions / (sessions - 1) * max(spread, 0.0) / (impressions * impressions)
        worth = impressions / max(variance / binomial, 1.0)
        worth *= (_Z95 / student(_alike(impressions, impressions_squared) - 1)) ** 2
    return Rate(sessions, impressions, clicks, wilson(share * worth, worth))


def difference(one: Rate, other: Rate) -> tuple[float, Interval] | None:
    """Return how far one rate is above another, with its 95 % interval; None where either is not known.

    From the two intervals, each end with its own (Newcombe 1998, method 10).
    """
    if one.value is None or other.value is None:
        return None
    apart = one.value - other.value
    low = math.hypot(one.value - one.interval.low, other.interval.high - other.value)
    high = math.hypot(one.interval.high - one.value, other.value - other.interval.low)
    return apart, Interval(apart - low, apart + high)
