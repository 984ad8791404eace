"""Charts of the report: lines and intervals as SVG, each with a summary in words and its data as a table."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 640
HEIGHT: Final = 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 110, 8, 24
_LABEL: Final = 14.0
#: Length of the piece of its line that stands before a label.
_SAMPLE: Final = 18
#: Ways to draw a line, besides its label: nothing is told by colour alone.
_STROKES: Final = ("", "6 3", "2 3", "10 3 2 3", "1 5", "14 4")
#: Rows of a table; longer series are shown at equal distances.
_ROWS: Final = 60

Points = Sequence[tuple[float, float]]


class Interval(NamedTuple):
    """A figure with its interval, at a place of the horizontal axis."""

    x: float
    low: float
    value: float
    high: float


def lines(title: str, unit: str, series: Mapping[str, Points]) -> str:
    """Return a figure with one line for each series over seconds, labelled at its end."""
    drawn = {label: points for label, points in series.items() if points}
    if not drawn:
        return _figure(title, "Nothing was measured.", "", "")
    scale = _Scale(
        max(x for points in drawn.values() for x, _ in points), max(y for points in drawn.values() for _, y in points)
    )
    ends = _apart(
        [scale.y(points[-1][1]) for points in drawn.values()],
        [scale.y(sum(y for _, y in points) / len(points)) for points in drawn.values()],
    )
    parts = [scale.axes(f"{unit}")]
    for place, ((label, points), end) in enumerate(zip(drawn.items(), ends, strict=True)):
        path = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in points)
        dash = f' stroke-dasharray="{_STROKES[place % len(_STROKES)]}"' if place % len(_STROKES) else ""
        stroke, beside = f'class="line line-{place % 3}"{dash}', WIDTH - _RIGHT + 6
        parts.append(f'<polyline {stroke} points="{path}"/>')
        parts.append(f'<line {stroke} x1="{beside}" x2="{beside + _SAMPLE}" y1="{end:.1f}" y2="{end:.1f}"/>')
        parts.append(f'<text x="{beside + _SAMPLE + 5}" y="{end + 4:.1f}">{escape(label)}</text>')
    told = "; ".join(
        f"{label}: from {min(y for _, y in points):,.4g} to {max(y for _, y in points):,.4g} {unit}"
        for label, points in drawn.items()
    )
    return _figure(title, f"{told}.", _svg(title, parts), _table(drawn, unit))


def intervals(title: str, axis: str, series: Mapping[str, Sequence[Interval]]) -> str:
    """Return a figure with a point and its 95 % interval for each place of each series."""
    drawn = {label: points for label, points in series.items() if points}
    if not drawn:
        return _figure(title, "Nothing was measured.", "", "")
    scale = _Scale(max(point.x for points in drawn.values() for point in points), 1.0)
    parts = [scale.axes("share")]
    for place, (label, points) in enumerate(drawn.items()):
        aside = 4.0 * place
        for point in points:
            x = scale.x(point.x) + aside
            parts.append(
                f'<line class="line line-{place % 3}" x1="{x:.1f}" x2="{x:.1f}" y1="{scale.y(point.low):.1f}" '
                f'y2="{scale.y(point.high):.1f}"/>{_mark(place, x, scale.y(point.value))}'
            )
        end = scale.y(points[-1].value) + 14 * place
        parts.append(f'<text x="{WIDTH - _RIGHT + 14}" y="{end:.1f}">{"○●"[place % 2]} {escape(label)}</text>')
    rows = "".join(
        f"<tr><th scope='row'>{escape(label)}</th><td>{point.x:g}</td><td>{point.value:.1%}</td>"
        f"<td>{point.low:.1%} to {point.high:.1%}</td></tr>"
        for label, points in drawn.items()
        for point in points
    )
    table = f"<table><tr><th>arm</th><th>{escape(axis)}</th><th>share</th><th>95 % interval</th></tr>{rows}</table>"
    told = "; ".join(
        f"{label}: {points[0].value:.1%} at first, {points[-1].value:.1%} at last" for label, points in drawn.items()
    )
    return _figure(title, f"{told}.", _svg(title, parts), table)


class _Scale:
    """From data to the drawing: both axes begin at 0."""

    def __init__(self, last_x: float, largest_y: float) -> None:
        self._last_x = last_x or 1.0
        self._top = _round_up(largest_y)

    def x(self, value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * value / self._last_x

    def y(self, value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / self._top)

    def axes(self, unit: str) -> str:
        ticks = [0.0, self._top / 2, self._top]
        grid = "".join(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{self.y(tick):.1f}" y2="{self.y(tick):.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{self.y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
            for tick in ticks
        )
        ends = (
            f'<text x="{_LEFT}" y="{HEIGHT - 6}">0</text>'
            f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{self._last_x:g}</text>'
        )
        return f'{grid}{ends}<text x="{_LEFT + 6}" y="{_TOP + 10}" class="unit">{escape(unit)}</text>'


def _round_up(value: float) -> float:
    """Return the next of 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _apart(places: list[float], levels: list[float]) -> list[float]:
    """Return label places near the given ones that do not overlap and stay on the drawing.

    They stand one above the other as the lines do over their whole length: where lines end close together, or all at
    nothing, their last points are in no order to be relied on.

    >>> _apart([150.0, 149.0, 100.0], [120.0, 130.0, 90.0])
    [150.0, 164.0, 100.0]
    """
    order = sorted(range(len(places)), key=lambda at: levels[at])
    free, found = 0.0, list(places)
    for at in order:
        found[at] = max(places[at], free)
        free = found[at] + _LABEL
    taken = HEIGHT - 6.0
    for at in reversed(order):
        found[at] = min(found[at], taken)
        taken = found[at] - _LABEL
    return found


def _mark(place: int, x: float, y: float) -> str:
    return f'<circle class="mark mark-{place % 2}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


def _svg(title: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _table(series: Mapping[str, Points], unit: str) -> str:
    longest = max(series.values(), key=len)
    step = max(len(longest) // _ROWS, 1)
    found = {label: dict(points) for label, points in series.items()}
    heads = "".join(f"<th>{escape(label)}</th>" for label in series)
    rows = "".join(
        f"<tr><th scope='row'>{x:g}</th>"
        + "".join(f"<td>{found[label][x]:,.4g}</td>" if x in found[label] else "<td></td>" for label in series)
        + "</tr>"
        for x, _ in longest[::step]
    )
    return f"<table><caption>{escape(unit)}</caption><tr><th>second</th>{heads}</tr>{rows}</table>"


def _figure(title: str, told: str, svg: str, table: str) -> str:
    details = f"<details><summary>Data</summary>{table}</details>" if table else ""
    return f"<figure><h2>{escape(title)}</h2>{svg}<figcaption>{escape(told)}</figcaption>{details}</figure>"
