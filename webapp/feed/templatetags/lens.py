"""What the lens's templates print: ``{% load lens %}``."""

import datetime

from django import template

register = template.Library()


@register.filter
def clock(at_ms: int) -> str:
    """Return a moment as time of day, in UTC.

    >>> clock(1_700_000_000_000)
    '22:13:20 UTC'
    """
    return datetime.datetime.fromtimestamp(at_ms / 1_000, datetime.UTC).strftime("%H:%M:%S UTC")
