"""Bars beside names, and columns of a histogram."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.analytics.charts.chart import WIDTH, Frame, drawing
from webapp.analytics.charts.scales import Axis, ordinal_axis

_ROW: Final = 30
_MARK_WIDTH: Final = 70


class Bar(NamedTuple):
    """A quantity with its name, and how it is written."""

    name: str
    value: float
    written: str
    tone: str = "everybody"


def bars(quantities: Sequence[Bar]) -> SafeString:
    """Draw a bar for each quantity, its name above it and the figure behind it."""
    top = max((bar.value for bar in quantities), default=0.0) or 1.0
    parts = [
        format_html(
            '<g class="{}"><text class="tick" x="0" y="{}">{}</text>'
            '<rect class="bar" x="0" y="{}" width="{}" height="9"/><text class="tick" x="{}" y="{}">{}</text></g>',
            bar.tone,
            place * _ROW + 12,
            bar.name,
            place * _ROW + 17,
            f"{max(bar.value / top * (WIDTH - 110), 0.5):.1f}",
            f"{bar.value / top * (WIDTH - 110) + 6:.1f}",
            place * _ROW + 25.5,
            bar.written,
        )
        for place, bar in enumerate(quantities)
    ]
    return drawing(parts, height=len(quantities) * _ROW + 4)


def columns(
    quantities: Sequence[Bar], up: Axis, *, mark: int | None = None, marked: str = "", ticks: int = 7
) -> SafeString:
    """Draw a histogram; `mark` is the column before which a line with a word stands."""
    names = [bar.name for bar in quantities]
    across = ordinal_axis(names, ticks=ticks)
    frame = Frame(Axis(-0.6, len(names) - 0.4, across.ticks), up, top=22 if marked else 10)
    half = (frame.x(1) - frame.x(0)) * 0.42
    parts = [frame.axes()]
    parts += [
        format_html(
            '<rect class="bar {}" x="{}" y="{}" width="{}" height="{}"/>',
            bar.tone,
            f"{frame.x(place) - half:.1f}",
            f"{frame.y(bar.value):.1f}",
            f"{2 * half:.1f}",
            f"{frame.bottom - frame.y(bar.value):.1f}",
        )
        for place, bar in enumerate(quantities)
    ]
    if mark is not None:
        x = frame.x(mark - 0.5)
        at_end = x > WIDTH - _MARK_WIDTH
        parts.append(
            format_html(
                '<path class="mark" d="M{} {}V{}"/><text class="tick" x="{}" y="12" text-anchor="{}">{}</text>',
                f"{x:.1f}",
                16,
                f"{frame.bottom:.1f}",
                f"{x:.1f}",
                "end" if at_end else "middle",
                marked,
            )
        )
    return drawing(parts)
