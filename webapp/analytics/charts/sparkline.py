"""Figures the size of a word, drawn by the server."""

from collections.abc import Sequence
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

WIDTH: Final = 160
HEIGHT: Final = 32
_MARGIN: Final = 2


def sparkline(values: Sequence[float | None], label: str) -> SafeString:
    """Return inline SVG: the values from left (oldest) to right, from 0 at the foot; None leaves a gap.

    The scale starts at 0, so that two lines of one kind can be compared by eye. `label` is read out in its place.
    """
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<path d="{}" fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg>',
        WIDTH,
        HEIGHT,
        WIDTH,
        HEIGHT,
        label,
        path(values),
    )


def band(low: float, middle: float, high: float, label: str) -> SafeString:
    """Return inline SVG of an interval: a band from `low` to `high` with a mark at `middle`, on an axis from 0."""
    scale = (WIDTH - 2 * _MARGIN) / max(high * 1.25, 1e-9)
    left, mark, right = (_MARGIN + value * scale for value in (low, middle, high))
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<path d="M{} {}H{}" stroke="currentColor" stroke-opacity="0.4"/>'
        '<rect x="{}" y="10" width="{}" height="12" fill="currentColor" fill-opacity="0.25"/>'
        '<path d="M{} 6V26" stroke="currentColor" stroke-width="2"/></svg>',
        *(WIDTH, HEIGHT, WIDTH, HEIGHT, label),
        *(_MARGIN, HEIGHT / 2, WIDTH - _MARGIN),
        *(f"{left:.1f}", f"{right - left:.1f}", f"{mark:.1f}"),
    )


def path(values: Sequence[float | None]) -> str:
    """Return the line as an SVG path; a value between two gaps is a dot.

    >>> path([0.0, 1.0, None, 1.0])
    'M2.0 30.0L54.0 2.0M158.0 2.0h0.1'
    """
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    step = (WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)
    parts: list[str] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        x, y = _MARGIN + place * step, HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * value / top
        joined = place > 0 and values[place - 1] is not None
        parts.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}")
        alone = not joined and (place + 1 == len(values) or values[place + 1] is None)
        if alone:
            parts.append("h0.1")
    return "".join(parts)
