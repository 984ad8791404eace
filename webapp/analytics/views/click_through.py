"""The columns of a click-through, for rows that have `impressions` and `clicks` on these: a rate never stands alone."""

from typing import Final

from webapp.analytics.intervals import Clicked, click_through, click_through_interval
from webapp.analytics.tables import Column, Kind


def _low(row: Clicked) -> float | None:
    interval = click_through_interval(row)
    return interval.low if interval else None


def _high(row: Clicked) -> float | None:
    interval = click_through_interval(row)
    return interval.high if interval else None


CLICK_THROUGH: Final = Column("click_through", "Click-through", Kind.SHARE, value=click_through)
#: Its 95 % interval.
INTERVAL: Final = (
    Column("low", "from", Kind.SHARE, value=_low),
    Column("high", "to", Kind.SHARE, value=_high),
)
