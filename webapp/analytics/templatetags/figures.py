"""How staff pages write numbers: ``{% load figures %}``."""

import datetime
from collections.abc import Sequence
from typing import Final

from django import template
from django.utils.safestring import SafeString

from webapp.analytics.charts import sparkline as drawing

register = template.Library()

NOTHING: Final = "—"
#: Between a number and its unit, which stay on one line.
_SPACE: Final = "\N{NO-BREAK SPACE}"
_STEPS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


@register.filter
def duration(milliseconds: float | None) -> str:
    """Write a time span with its unit, in two or three digits.

    >>> " ".join(duration(ms) for ms in (None, 0, 340.2, 1_900, 75_000, 7_200_000)).replace(_SPACE, "_")
    '— 0_ms 340_ms 1.9_s 1.2_min 2_h'
    """
    if milliseconds is None:
        return NOTHING
    for step, unit in _STEPS:
        if milliseconds >= step:
            return f"{_short(milliseconds / step)}{_SPACE}{unit}"
    return f"{milliseconds:.0f}{_SPACE}ms"


@register.filter
def quantity(value: float | None) -> str:
    """Write a number for reading: grouped, with as many digits as it is worth.

    >>> [quantity(value) for value in (None, 0.0, 0.214, 12.34, 4_321.5, 1_250_000)]
    ['—', '0', '0.21', '12.3', '4,322', '1,250,000']
    """
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else _short(value)


@register.filter
def counted(count: float, noun: str) -> str:
    """Write how many there are of something that an s makes many, as `quantity` does.

    >>> counted(0, "click"), counted(1, "click"), counted(0.998, "click"), counted(12.34, "click")
    ('0 clicks', '1 click', '1 click', '12.3 clicks')
    """
    told = quantity(count)
    return f"{told} {noun}{'' if told == '1' else 's'}"


@register.filter
def percent(share: float | None) -> str:
    """Write a share as a percentage.

    >>> " ".join(percent(share) for share in (None, 0.0, 0.0712, 1.0)).replace(_SPACE, "_")
    '— 0.0_% 7.1_% 100.0_%'
    """
    return NOTHING if share is None else f"{share * 100:.1f}{_SPACE}%"


@register.filter
def signed(value: float) -> str:
    """Write a number that may go either way.

    >>> signed(0.1234)
    '+0.12'
    >>> signed(-2.0) == "\N{MINUS SIGN}2.00"
    True
    """
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def change(now: float | None, before: float | None) -> str:
    """Write how a value stands to the one before.

    >>> pairs = ((2.0, 2.0), (1.0, 0.0), (None, 1.0), (999.0, 1_000.0))
    >>> [change(*pair) for pair in pairs]
    ['unchanged', 'up from 0', '—', 'about the same']
    >>> [change(*pair).replace(_SPACE, "_") for pair in ((3.0, 2.0), (1.0, 4.0), (507.0, 10.0))]
    ['up 50_%', 'down 75_%', 'up 4,970_%']
    """
    if now is None or before is None:
        return NOTHING
    if now == before:
        return "unchanged"
    if before == 0:
        return "up from 0"
    share = f"{abs(now / before - 1):,.0%}".replace("%", f"{_SPACE}%")
    return "about the same" if share == f"0{_SPACE}%" else f"{'up' if now > before else 'down'} {share}"


@register.filter
def points(share: float | None) -> str:
    """Write the difference of two shares in percentage points.

    >>> [points(apart) for apart in (None, 0.0312, -0.0001, 0.0)]
    ['—', '+3.1', '+0.0', '+0.0']
    >>> points(-0.0312) == "\N{MINUS SIGN}3.1"
    True
    """
    if share is None:
        return NOTHING
    rounded = round(share * 100, 1) + 0.0
    return f"{rounded or 0.0:+.1f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def clock_time(at_ms: int) -> datetime.datetime:
    """Return a wall-clock time for the `date` filter."""
    return datetime.datetime.fromtimestamp(at_ms / 1_000, tz=datetime.UTC)


@register.filter
def since(now_ms: int, then_ms: int) -> int:
    """Return how long ago `then_ms` was, milliseconds."""
    return max(now_ms - then_ms, 0)


@register.simple_tag
def sparkline(values: Sequence[float | None], label: str) -> SafeString:
    """Draw a sparkline."""
    return drawing.sparkline(values, label)


@register.simple_tag
def band(low: float, middle: float, high: float, label: str) -> SafeString:
    """Draw an interval."""
    return drawing.band(low, middle, high, label)


def _short(value: float) -> str:
    text = f"{value:.1f}" if value >= 1 else f"{value:.2f}"
    return text.removesuffix(".00").removesuffix(".0")
