"""Axes: from values to places, and where ticks stand."""

import dataclasses
import datetime
import math
from collections.abc import Callable, Sequence
from typing import Final

Written = Callable[[float], str]

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
#: Widths of a step between ticks in time.
_TIME_STEPS_MS: Final = (_HOUR_MS, 3 * _HOUR_MS, 6 * _HOUR_MS, 12 * _HOUR_MS, _DAY_MS, 2 * _DAY_MS, 7 * _DAY_MS,
    14 * _DAY_MS, 28 * _DAY_MS, 91 * _DAY_MS)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Axis:
    """A range of values with its ticks.

    Attributes
    ----------
    low, high : float
    ticks : sequence of (value, text)
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def place(self, value: float) -> float:
        """Return where a value stands, 0 for `low` and 1 for `high`."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5


def value_axis(
    low: float,
    high: float,
    written: Written,
    *,
    ticks: int = 4,
    from_zero: bool = True,
    at_most: float = math.inf,
    whole: bool = False,
) -> Axis:
    """Return an axis over a range with round ticks, widened to the tick above (and below, unless from 0).

    Ticks of a `whole` one, for counts, are whole numbers.

    >>> axis = value_axis(0, 0.13, lambda share: f"{share:.0%}")
    >>> axis.high, [text for _, text in axis.ticks]
    (0.15, ['0%', '5%', '10%', '15%'])
    >>> [value for value, _ in value_axis(0, 2, str, whole=True).ticks]
    [0.0, 1.0, 2.0]
    """
    low = min(low, 0.0) if from_zero else low
    span = high - low
    if span <= 0:
        span = abs(high) or 1.0
    step = _round_step(span / ticks)
    step = float(math.ceil(step)) if whole else step
    first = math.floor(low / step + 1e-9) * step
    last = round(max(math.ceil(high / step - 1e-9) * step, first + step), 12)
    last = min(last, at_most) if last > at_most else last
    count = round((last - first) / step)
    values = [round(first + number * step, 12) for number in range(count + 1)]
    return Axis(values[0], max(values[-1], last), [(value, written(value)) for value in values])


def time_axis(start_ms: int, end_ms: int, *, ticks: int = 5, least_step_ms: int = 0) -> Axis:
    """Return an axis over a time (UTC), ticks at whole hours, days or weeks, none closer than `least_step_ms`."""
    span = max(end_ms - start_ms, 1)
    steps = [step for step in _TIME_STEPS_MS if step >= least_step_ms]
    step = next((step for step in steps if span / step <= ticks), steps[-1])
    form = "%H:%M" if step < _DAY_MS else "%-d %b"
    first = math.ceil(start_ms / step) * step
    return Axis(start_ms, end_ms, [(at_ms, _at(at_ms, form)) for at_ms in range(first, end_ms + 1, step)])


def ordinal_axis(names: Sequence[str], *, ticks: int = 12) -> Axis:
    """Return an axis over things in an order, each at its number from 0; where there are many, some are named."""
    every = math.ceil(len(names) / ticks) if names else 1
    named = [(float(place), name) for place, name in enumerate(names) if place % every == 0]
    return Axis(0.0, float(max(len(names) - 1, 1)), named)


def _at(at_ms: int, form: str) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1_000, tz=datetime.UTC).strftime(form)


def _round_step(step: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 and 10 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * times for times in (1, 2, 2.5, 5, 10) if power * times >= step * (1 - 1e-9))
