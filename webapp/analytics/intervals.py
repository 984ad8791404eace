"""How sure a rate is."""

from typing import Final, NamedTuple

_Z95: Final = 1.959963984540054


class Interval(NamedTuple):
    """A 95 % interval of a proportion, both ends within 0 to 1."""

    low: float
    high: float


def wilson(successes: int, trials: int) -> Interval:
    """Return Wilson's 95 % score interval of a proportion (Wilson 1927), which holds for few trials and rare successes.

    It takes trials as independent; impressions of one session are less than that, so read it as a lower bound of
    the uncertainty.

    >>> low, high = wilson(10, 100)
    >>> round(low, 4), round(high, 4)
    (0.0552, 0.1744)
    >>> wilson(0, 0)
    Interval(low=0.0, high=1.0)
    """
    if trials == 0:
        return Interval(0.0, 1.0)
    share = successes / trials
    spread = _Z95 * _Z95 / trials
    center = share + spread / 2
    reach = (spread * (share * (1 - share) + spread / 4)) ** 0.5
    return Interval(max(0.0, (center - reach) / (1 + spread)), min(1.0, (center + reach) / (1 + spread)))
