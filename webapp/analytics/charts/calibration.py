"""Calibration: what was promised across, what happened up, and the diagonal where both are the same."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.analytics.charts.chart import Frame, drawing
from webapp.analytics.charts.lines import Point
from webapp.analytics.charts.scales import Written, value_axis


def calibration(points: Sequence[Point], written: Written) -> SafeString:
    """Draw points with their intervals; `at` is what was promised, `value` what happened, both from 0 to 1."""
    highest = max((max(point.at, point.high or 0.0, point.value or 0.0) for point in points), default=1.0)
    axis = value_axis(0.0, min(highest, 1.0), written, at_most=1.0)
    frame = Frame(axis, axis)
    parts = [
        frame.axes(),
        format_html(
            '<path class="diagonal" d="M{} {}L{} {}"/>',
            *(
                f"{place:.1f}"
                for place in (frame.x(axis.low), frame.y(axis.low), frame.x(axis.high), frame.y(axis.high))
            ),
        ),
    ]
    for point in points:
        if point.value is None or point.low is None or point.high is None:
            continue
        x, low, high = frame.x(point.at), frame.y(point.low), frame.y(min(point.high, axis.high))
        parts.append(
            format_html(
                '<g class="everybody"><path class="whisker" d="M{} {}V{}"/>'
                '<circle class="dot" cx="{}" cy="{}" r="3.5"/></g>',
                f"{x:.1f}",
                f"{low:.1f}",
                f"{high:.1f}",
                f"{x:.1f}",
                f"{frame.y(point.value):.1f}",
            )
        )
    return drawing(parts)
