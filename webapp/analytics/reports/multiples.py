"""Small multiples: for each quantity of the overview a line, the figure, its change, and what it stands on."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from django.utils.safestring import SafeString

from webapp.analytics.charts import Point, Series, small, time_axis
from webapp.analytics.intervals import difference
from webapp.analytics.reports.bucket import Bucket
from webapp.analytics.reports.overview import Overview
from webapp.analytics.templatetags import figures

Value = Callable[[Bucket], float | None]
Written = Callable[[float | None], str]

_NOTHING_BEFORE: Final = "nothing before to compare with"


class Multiple(NamedTuple):
    """One quantity, as it stands on the page.

    Attributes
    ----------
    title : str
    svg : SafeString
        Its line over the window; empty where it is not counted by the hour, though for the whole.
    figure, change : str
        Over the whole window, and how that stands to the time before.
    base : str
        What the figure stands on: sessions, days.
    """

    title: str
    svg: SafeString
    figure: str
    change: str
    base: str


class _Quantity(NamedTuple):
    title: str
    value: Value
    written: Written
    base: Callable[[Bucket], str]
    tone: str = "everybody"
    adds_up: bool = False


def _bits(value: float | None) -> str:
    return figures.NOTHING if value is None else f"{value:.2f} bits"


def _sessions(bucket: Bucket) -> str:
    return f"in {figures.counted(bucket.looked, 'session')} that saw any"


def _impressions(bucket: Bucket) -> str:
    return f"of {figures.counted(bucket.impressions, 'impression')} in {figures.counted(bucket.looked, 'session')}"


def _explored(bucket: Bucket) -> str:
    rate = bucket.explored_rate
    if rate.value is None:
        return _impressions(bucket)
    low, high = (figures.percent(end) for end in rate.interval)
    return f"{_impressions(bucket)}; {figures.percent(rate.value)} of these clicked ({low} to {high})"


def _catalogue(bucket: Bucket) -> str:
    if bucket.items_shown is None or bucket.catalogue is None:
        return "nothing was shown"
    return f"{bucket.items_shown:,.0f} of {bucket.catalogue:,.0f} items seen on a day, in the mean"


_QUANTITIES: Final = (
    _Quantity(
        "Sessions", lambda bucket: float(bucket.sessions), figures.quantity, lambda bucket: "that began", adds_up=True
    ),
    _Quantity("Impressions", lambda bucket: float(bucket.impressions), figures.quantity, _sessions, adds_up=True),
    _Quantity("Clicks", lambda bucket: float(bucket.clicks), figures.quantity, _sessions, adds_up=True),
    _Quantity("Click-through", lambda bucket: bucket.click_through, figures.percent, _sessions),
    _Quantity("Coverage", lambda bucket: bucket.coverage, figures.percent, _catalogue),
    _Quantity(
        "Concentration",
        lambda bucket: bucket.top_tenth,
        figures.percent,
        lambda bucket: "of a day's impressions were of the most shown tenth; 10 % if all were alike",
    ),
    _Quantity(
        "Novelty",
        lambda bucket: bucket.novelty,
        _bits,
        lambda bucket: f"a shown item's share of clicks as bits; mean {_impressions(bucket)}",
    ),
    _Quantity("Explored", lambda bucket: bucket.explored, figures.percent, _explored, "explored"),
)


def multiples(overview: Overview) -> list[Multiple]:
    """Return the overview's quantities in order, on one axis of time."""
    return [_multiple(quantity, overview) for quantity in _QUANTITIES]


def _multiple(quantity: _Quantity, overview: Overview) -> Multiple:
    window, now, before = overview.window, overview.now, overview.before
    is_rate = quantity.title == "Click-through"
    values = quantity.value(now), quantity.value(before)
    points = [_point(quantity, bucket, with_interval=is_rate) for bucket in overview.buckets]
    across = time_axis(window.start_ms, window.end_ms - window.step_ms, ticks=4)
    return Multiple(
        title=quantity.title,
        svg=small(
            Series(quantity.title, points, quantity.tone),
            across,
            _highest(points),
            is_open=quantity.adds_up and window.is_under_way,
        )
        if values[0] is None or any(point.value is not None for point in points)
        else SafeString(),
        figure=quantity.written(values[0]),
        change=_rate_change(now, before) if is_rate else _change(*values),
        base=f"{_interval(now)}{quantity.base(now)}" if is_rate else quantity.base(now),
    )


def _point(quantity: _Quantity, bucket: Bucket, *, with_interval: bool) -> Point:
    value = quantity.value(bucket)
    return Point(bucket.at_ms, value, bucket.low, bucket.high) if with_interval else Point(bucket.at_ms, value)


def _highest(points: Sequence[Point]) -> float:
    """Return the top of the axis: the largest value, and its interval unless that is far wider than any value."""
    values = max((point.value for point in points if point.value is not None), default=0.0)
    ends = max((point.high for point in points if point.high is not None), default=0.0)
    return max(values, min(ends, 2 * values)) * 1.05


def _interval(bucket: Bucket) -> str:
    if bucket.low is None or bucket.high is None:
        return ""
    return f"95 % interval {figures.percent(bucket.low)} to {figures.percent(bucket.high)}; "


def _change(now: float | None, before: float | None) -> str:
    return _NOTHING_BEFORE if before is None and now is not None else figures.change(now, before)


def _rate_change(now: Bucket, before: Bucket) -> str:
    found = difference(now.rate, before.rate)
    if found is None:
        return _change(now.click_through, None)
    apart, (low, high) = found
    return f"{figures.points(apart)} points ({figures.points(low)} to {figures.points(high)})"
