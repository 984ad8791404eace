"""What the lens's templates print: ``{% load lens %}``."""

import datetime

from django import template

from webapp.feed.lens.whys import signed

register = template.Library()


@register.filter
def clock(at_ms: int) -> str:
    """Return a moment as time of day, in UTC.

    >>> clock(1_700_000_000_000)
    '22:13:20 UTC'
    """
    return datetime.datetime.fromtimestamp(at_ms / 1_000, datetime.UTC).strftime("%H:%M:%S UTC")


@register.filter
def points(value: float) -> str:
    """Return points of log odds with their sign, as the sums of scores are written.

    >>> points(0.1234), points(-0.001)
    ('+0.12', '0.00')
    """
    return signed(round(value * 100), 2)
