"""The columns of a click-through, for rows that have `impressions` and `clicks` on these: a rate never stands alone."""

from typing import Any, Final

from webapp.analytics.intervals import Interval, wilson
from webapp.analytics.tables import Column, Kind


def _rate(row: Any) -> float | None:
    return row.clicks / row.impressions if row.impressions else None


def _interval(row: Any) -> Interval | None:
    return wilson(row.clicks, row.impressions) if row.impressions else None


def _low(row: Any) -> float | None:
    interval = _interval(row)
    return interval.low if interval else None


def _high(row: Any) -> float | None:
    interval = _interval(row)
    return interval.high if interval else None


CLICK_THROUGH: Final = Column("click_through", "Click-through", Kind.SHARE, value=_rate)
#: Its 95 % interval.
INTERVAL: Final = (
    Column("low", "from", Kind.SHARE, value=_low),
    Column("high", "to", Kind.SHARE, value=_high),
)
