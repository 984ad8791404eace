"""How well the model predicts, what adapting to a session is worth, and how long learning takes."""

import dataclasses
from functools import cached_property
from typing import Final, NamedTuple

from recsys.aggregates.buckets import NTH_EDGES, day_of
from recsys.aggregates.increments import MOMENTS
from recsys.experiments.arms import ADAPTIVE, CONTROL
from webapp.analytics.intervals import Rate, clustered, difference
from webapp.analytics.models import NthMoments, SittingMoments
from webapp.analytics.reports.books import Books, Estimate
from webapp.analytics.reports.bucket import rate_of
from webapp.analytics.reports.counts import between, by
from webapp.analytics.reports.window import Window
from webapp.learning_lag import EDGES_MS

_NTH: Final = ("sessions", *MOMENTS)


class Version(NamedTuple):
    """A version's scores over the window."""

    version: str
    choices: int
    log_loss: Estimate
    baseline: float | None
    auc: Estimate
    calibration: Estimate
    calibration_error: float | None


def scored(books: Books) -> Version:
    """Return the scores of a version, or of several in turn."""
    loss, metrics = books.estimate("log_loss"), books.whole.metrics
    return Version(
        version=books.versions[0] if books.versions else "",
        choices=loss.choices,
        log_loss=loss,
        baseline=metrics.get("baseline_log_loss"),
        auc=books.estimate("auc", at_most=1.0),
        calibration=books.estimate("calibration"),
        calibration_error=metrics.get("calibration_error"),
    )


class Scored(NamedTuple):
    """One hour or day of a version."""

    at_ms: int
    choices: int
    log_loss: float | None
    baseline: float | None
    auc: float | None


def by_time(books: Books) -> list[Scored]:
    """Return a version's scores bucket by bucket."""
    return [
        Scored(
            page.at_ms,
            int(page.metrics.get("choices", 0)),
            page.metrics.get("log_loss"),
            page.metrics.get("baseline_log_loss"),
            page.metrics.get("auc"),
        )
        for page in books.pages
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """The n-th impressions of sessions, in both arms.

    Attributes
    ----------
    first : int
        The lowest n.
    nth : str
        Which ones, in words.
    adaptive, control : Rate
    """

    first: int
    nth: str
    adaptive: Rate
    control: Rate

    @property
    def gain(self) -> float | None:
        """How far adaptive is above control."""
        found = difference(self.adaptive, self.control)
        return None if found is None else found[0]

    @property
    def gain_low(self) -> float | None:
        """Lower end of the gain's 95 % interval."""
        found = difference(self.adaptive, self.control)
        return None if found is None else found[1].low

    @property
    def gain_high(self) -> float | None:
        """Upper end of the gain's 95 % interval."""
        found = difference(self.adaptive, self.control)
        return None if found is None else found[1].high


class ColdStart:
    """The cold-start curve: click-through by the n-th impression of a session, by arm.

    Parameters
    ----------
    window : Window
        Its arm is passed over: both are compared.
    """

    def __init__(self, window: Window) -> None:
        self.window = dataclasses.replace(window, arm=None)

    @cached_property
    def steps(self) -> list[Step]:
        """The curve, as far as anybody came."""
        reached = max((bucket for rates in self._arms.values() for bucket in rates), default=-1)
        return [
            Step(NTH_EDGES[bucket], nth_name(bucket), *(rates.get(bucket, _NONE) for rates in self._arms.values()))
            for bucket in range(reached + 1)
        ]

    @property
    def arrived(self) -> dict[str, int]:
        """By arm, how many sessions saw something of their slate at all."""
        return {arm: rates[0].sessions if 0 in rates else 0 for arm, rates in self._arms.items()}

    @cached_property
    def whole(self) -> dict[str, Rate]:
        """Click-through of whole sessions by arm, on all lists: of those that saw anything on one."""
        rows = SittingMoments.objects.filter(between(*self.window.time), self.window.visitors)
        found = by(rows, "arm", ("looked", *MOMENTS))
        return {arm: rate_of(found[arm]) for arm in (ADAPTIVE, CONTROL) if arm in found}

    @cached_property
    def _arms(self) -> dict[str, dict[int, Rate]]:
        return {arm: self._arm(arm) for arm in (ADAPTIVE, CONTROL)}

    def _arm(self, arm: str) -> dict[int, Rate]:
        rows = NthMoments.objects.filter(
            self.window.visitors,
            arm=arm,
            start_ms__gte=day_of(self.window.start_ms),
            start_ms__lt=self.window.end_ms,
        )
        return {bucket: _nth_rate(sums) for bucket, sums in by(rows, "nth", _NTH).items()}


_NONE: Final = clustered(0, 0, 0, 0, 0, 0)


def nth_name(bucket: int) -> str:
    """Return which impressions a bucket holds.

    >>> nth_name(0), nth_name(6), nth_name(len(NTH_EDGES) - 1)
    ('1', '8 to 9', '289 and later')
    """
    first = NTH_EDGES[bucket]
    if bucket + 1 == len(NTH_EDGES):
        return f"{first} and later"
    last = NTH_EDGES[bucket + 1] - 1
    return str(first) if first == last else f"{first} to {last}"


def _nth_rate(sums: dict[str, int]) -> Rate:
    return clustered(sums["sessions"], *(sums[name] for name in MOMENTS))


class LagOf(NamedTuple):
    """How long clicks took to be served by one process: their number, and below which time half and 95 % were."""

    process: str
    clicks: int
    p50_ms: int | None
    p95_ms: int | None


def lags(histogram: dict[str, list[int]]) -> list[LagOf]:
    """Return a line for each process."""
    return [
        LagOf(process, sum(counts), quantile_ms(counts, 0.5), quantile_ms(counts, 0.95))
        for process, counts in histogram.items()
    ]


def quantile_ms(counts: list[int], share: float) -> int | None:
    """Return the edge below which that share of a histogram over `EDGES_MS` lies; None above the last, or when empty.

    >>> quantile_ms([0, 3, 1, 0], 0.5), quantile_ms([0, 0], 0.5)
    (100, None)
    """
    wanted, seen = share * sum(counts), 0
    for edge, count in zip(EDGES_MS, counts, strict=False):
        seen += count
        if seen and seen >= wanted:
            return edge
    return None
