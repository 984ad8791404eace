"""Lines over time or over an order, with intervals as bands and names at their ends."""

import dataclasses
from collections.abc import Sequence
from typing import Final, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from webapp.analytics.charts import paths
from webapp.analytics.charts.chart import HEIGHT, LETTER, WIDTH, Frame, drawing
from webapp.analytics.charts.scales import Axis

#: The least distance between two names.
_LINE: Final = 13.0
#: Size of one of many: it has a quarter of a desk's width, or a phone's.
SMALL_WIDTH: Final = 250
SMALL_HEIGHT: Final = 74


class Point(NamedTuple):
    """One value, None where it is not known, and its interval where it has one."""

    at: float
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """A line.

    Attributes
    ----------
    name : str
        Stands at its end.
    points : sequence of Point
    tone : str
        ``you``, ``everybody`` or ``explored``.
    dashed : bool
        Tells it from another one without color.
    """

    name: str
    points: Sequence[Point]
    tone: str = "everybody"
    dashed: bool = False

    @property
    def last(self) -> Point | None:
        """The newest value that is known."""
        return next((point for point in reversed(self.points) if point.value is not None), None)


def lines(series: Sequence[Series], across: Axis, up: Axis, *, named: bool = True) -> SafeString:
    """Draw lines on common axes."""
    longest = max((len(each.name) for each in series), default=0) if named else 0
    frame = Frame(across, up, right=WIDTH - 10 - longest * LETTER)
    parts = [frame.axes(), *(_drawn(each, frame) for each in series)]
    if named:
        parts += _names(series, frame)
    return drawing(parts)


def small(series: Series, across: Axis, high: float, *, is_open: bool = False) -> SafeString:
    """Draw one line as one of many that share their axis across: no values at the left, ticks below.

    The last value of one that `is_open` is not whole yet: the way to it is dashed. An only value stands on the
    floor like a pin, so that it is seen as the first of a line to come.
    """
    frame = Frame(across, Axis(0.0, high or 1.0, ()), left=4, right=SMALL_WIDTH - 4, top=4, bottom=SMALL_HEIGHT - 20)
    floor = format_html('<path class="grid" d="M4 {}H{}"/>', f"{frame.bottom:.1f}", SMALL_WIDTH - 4)
    parts = [floor, frame.ticks_below()]
    known = [point for point in series.points if point.value is not None]
    if len(known) == 1:
        parts.append(_pin(known[0], series.tone, frame))
    if is_open and len(series.points) > 1:
        parts += [
            _drawn(dataclasses.replace(series, points=series.points[:-1]), frame),
            _drawn(dataclasses.replace(series, points=series.points[-2:], dashed=True), frame),
        ]
    else:
        parts.append(_drawn(series, frame))
    return drawing(parts, width=SMALL_WIDTH, height=SMALL_HEIGHT, kind="drawing small")


def _pin(point: Point, tone: str, frame: Frame) -> SafeString:
    return format_html(
        '<g class="{}"><path class="line" d="M{} {}V{}"/></g>',
        tone,
        f"{frame.x(point.at):.1f}",
        f"{frame.bottom:.1f}",
        f"{frame.y(point.value or 0.0):.1f}",
    )


def _drawn(series: Series, frame: Frame) -> SafeString:
    def place(at: float, value: float | None) -> paths.Place:
        if value is None:
            return None
        inside = min(max(value, frame.up.low), frame.up.high)
        return frame.x(at), frame.y(inside)

    banded = [point for point in series.points if point.low is not None]
    area = paths.band(
        [place(point.at, point.low) for point in series.points],
        [place(point.at, point.high) for point in series.points],
    ) if banded else ""  # fmt: skip
    places = [place(point.at, point.value) for point in series.points]
    dots = ((f"{x:.1f}", f"{y:.1f}") for x, y in paths.lone(places))
    return format_html(
        '<g class="{}"><path class="band" d="{}"/><path class="line{}" d="{}" fill="none"/>{}</g>',
        series.tone,
        area,
        " dashed" if series.dashed else "",
        paths.line(places),
        format_html_join("", '<circle class="dot" cx="{}" cy="{}" r="3"/>', dots),
    )


def _names(series: Sequence[Series], frame: Frame) -> list[SafeString]:
    """Write each name beside the end of its line, apart from the others."""
    ends = [(each, each.last.value) for each in series if each.last is not None and each.last.value is not None]
    wanted = [(frame.y(min(max(value, frame.up.low), frame.up.high)), each) for each, value in ends]
    wanted.sort(key=lambda pair: pair[0])
    written: list[SafeString] = []
    above = 0.0
    for at, each in wanted:
        above = min(max(at + 4, above + _LINE), HEIGHT - 4)
        written.append(
            format_html(
                '<text class="name {}" x="{}" y="{}">{}</text>',
                each.tone,
                f"{frame.right + 5:.1f}",
                f"{above:.1f}",
                each.name,
            )
        )
    return written
