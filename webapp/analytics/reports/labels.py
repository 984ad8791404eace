"""What became of slates and clicks, how late clicks come, and what another attribution window would change."""

from functools import cached_property
from typing import Final, NamedTuple

from recsys.aggregates.buckets import DELAY_EDGES_S, day_of
from webapp.analytics.models import ClickDelay
from webapp.analytics.reports.books import Page
from webapp.analytics.reports.counts import Sums, by
from webapp.analytics.reports.window import Window
from webapp.analytics.selectors import LABELS
from webapp.analytics.templatetags import figures

#: Attribution windows that are compared, in minutes; each is an edge of the click delays.
WINDOWS_MIN: Final = (1, 5, 10, 30, 60)
#: Counters that have a line over time.
OUTCOMES: Final = (
    "labels_slates",
    "labels_joined",
    "labels_expired",
    "labels_left",
    "labels_late",
    "labels_duplicate",
    "labels_unknown",
    "labels_evicted",
)
_SLATES: Final = "slates whose window was opened"


class Outcome(NamedTuple):
    """How often something happened in the window, and since the version began."""

    name: str
    meaning: str
    times: int


class Delay(NamedTuple):
    """Clicks by how long after their slate they came: up to a time, None for whatever is longer."""

    up_to_ms: int | None
    below: str
    clicks: int
    first_clicks: int
    share_so_far: float


class Attribution(NamedTuple):
    """What an attribution window would make of the same clicks.

    Attributes
    ----------
    minutes : int
    joined, late : int
        Clicks within it and after it.
    share : float
        Of the clicks that are within.
    wrongly_none : int
        Slates that would be learned from as "none of these" and were clicked after all.
    change : int
        Clicks learned from, more (or fewer) than with the window that is set; 0 for that one.
    """

    minutes: int
    joined: int
    late: int
    share: float
    wrongly_none: int
    change: int


def outcomes(page: Page) -> list[Outcome]:
    """Return what became of labels in a window."""
    counters = page.counters
    return [
        Outcome(meaning_of(name), LABELS.get(name, _SLATES), counters[name]) for name in OUTCOMES if name in counters
    ]


def meaning_of(name: str) -> str:
    """Return a counter's short name."""
    return name.removeprefix("labels_").replace("_", " ")


class Delays:
    """The delays of a window's clicks.

    Parameters
    ----------
    window : Window
    attribution_s : int
        The window that is set.
    """

    def __init__(self, window: Window, attribution_s: int) -> None:
        self.window = window
        self.attribution_s = attribution_s

    @cached_property
    def clicks(self) -> int:
        """All clicks of which the delay is known."""
        return sum(sums["clicks"] for sums in self._sums.values())

    @cached_property
    def histogram(self) -> list[Delay]:
        """Clicks by delay, shortest first."""
        found, so_far = [], 0
        for place in range(len(DELAY_EDGES_S) + 1):
            sums = self._sums.get(place, _NOTHING)
            so_far += sums["clicks"]
            found.append(
                Delay(
                    _edge_ms(place),
                    edge_name(place),
                    sums["clicks"],
                    sums["first_clicks"],
                    so_far / max(self.clicks, 1),
                )
            )
        return found

    @property
    def mark(self) -> int:
        """The first bucket that the window that is set leaves out."""
        return sum(edge <= self.attribution_s for edge in DELAY_EDGES_S)

    @cached_property
    def attributions(self) -> list[Attribution]:
        """What each of `WINDOWS_MIN` would make of these clicks."""
        set_now = self._within(self.attribution_s, "clicks")
        return [
            Attribution(
                minutes,
                joined := self._within(minutes * 60, "clicks"),
                self.clicks - joined,
                joined / max(self.clicks, 1),
                self._all("first_clicks") - self._within(minutes * 60, "first_clicks"),
                joined - set_now,
            )
            for minutes in WINDOWS_MIN
        ]

    @cached_property
    def _sums(self) -> dict[int, Sums]:
        rows = ClickDelay.objects.filter(
            self.window.visitors, start_ms__gte=day_of(self.window.start_ms), start_ms__lt=self.window.end_ms
        )
        return by(rows, "delay", ("clicks", "first_clicks"))

    def _within(self, seconds: int, column: str) -> int:
        """Return how many came within a time; one that is no edge counts as the edge below it."""
        buckets = sum(edge <= seconds for edge in DELAY_EDGES_S)
        return sum(self._sums.get(place, _NOTHING)[column] for place in range(buckets))

    def _all(self, column: str) -> int:
        return sum(sums[column] for sums in self._sums.values())


_NOTHING: Final[Sums] = {"clicks": 0, "first_clicks": 0}


def edge_name(place: int) -> str:
    """Return a delay bucket's upper edge in words.

    >>> [edge_name(place).split() for place in (0, 9, len(DELAY_EDGES_S))]
    [['1', 's'], ['10', 'min'], ['more']]
    """
    edge_ms = _edge_ms(place)
    return "more" if edge_ms is None else figures.duration(edge_ms)


def _edge_ms(place: int) -> int | None:
    return DELAY_EDGES_S[place] * 1_000 if place < len(DELAY_EDGES_S) else None
