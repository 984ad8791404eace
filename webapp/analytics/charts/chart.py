"""A chart as a template shows it, and the frame that all kinds are drawn into."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from webapp.analytics.charts.scales import Axis

if TYPE_CHECKING:
    # Tables write figures, and the figures' template tags draw.
    from webapp.analytics.tables import Listing

#: Width of every chart; height of one that stands alone.
WIDTH: Final = 360
HEIGHT: Final = 190

#: Room for a letter.
LETTER: Final = 6.4


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """A chart with what says the same in other ways.

    Attributes
    ----------
    title : str
    svg : SafeString
        Hidden from readers of the page's text: they have `summary` and `data`.
    summary : str
        What can be seen in it, in one or two sentences.
    data : Listing or None
        Its data as a table; None where a table beside it has them.
    """

    title: str
    svg: SafeString
    summary: str
    data: "Listing | None" = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """Where a drawing's field lies, and its two axes.

    Attributes
    ----------
    across, up : Axis
    left, right, top, bottom : float
        Edges of the field, in units of the drawing; the left one, unless given, leaves room for the values beside it.
    """

    across: Axis
    up: Axis
    left: float = 0.0
    right: float = WIDTH - 10
    top: float = 10
    bottom: float = HEIGHT - 26

    def __post_init__(self) -> None:
        if not self.left:
            longest = max((len(text) for _, text in self.up.ticks), default=0)
            object.__setattr__(self, "left", max(8 + longest * LETTER, 30.0))

    def x(self, value: float) -> float:
        """Return how far across a value stands."""
        return self.left + self.across.place(value) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return how far down a value stands."""
        return self.bottom - self.up.place(value) * (self.bottom - self.top)

    def axes(self) -> SafeString:
        """Return grid lines with their values at the left, and the ticks below."""
        lines = []
        for value, text in self.up.ticks:
            y, zero = self.y(value), " zero" if value == 0 > self.up.low else ""
            lines.append((zero, *_rounded(self.left, y, self.right, self.left - 5, y + 4), text))
        grid = format_html_join(
            "",
            '<path class="grid{}" d="M{} {}H{}"/><text class="tick" x="{}" y="{}" text-anchor="end">{}</text>',
            lines,
        )
        return grid + self.ticks_below()

    def ticks_below(self) -> SafeString:
        """Return the ticks of the axis across."""
        ticks = []
        for value, text in self.across.ticks:
            x = self.x(value)
            ticks.append((*_rounded(x, self.bottom, x, self.bottom + 16), self._anchor(value), text))
        return format_html_join(
            "",
            '<path class="grid" d="M{} {}v4"/><text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>',
            ticks,
        )

    def _anchor(self, value: float) -> str:
        """Return how a tick's text is set, so that it does not leave the drawing."""
        place = self.across.place(value)
        return "start" if place < 0.04 and self.left < 20 else "end" if place > 0.96 else "middle"


def _rounded(*places: float) -> tuple[str, ...]:
    return tuple(f"{place:.1f}" for place in places)


def drawing(
    parts: Sequence[SafeString], *, width: float = WIDTH, height: float = HEIGHT, kind: str = "drawing"
) -> SafeString:
    """Return the parts as one SVG image, which only those who see it are told of."""
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" aria-hidden="true" focusable="false">{}</svg>',
        kind,
        f"{width:g}",
        f"{height:g}",
        format_html_join("", "{}", ((part,) for part in parts)),
    )
