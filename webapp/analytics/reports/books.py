"""What the learner's books added in each hour or day of a window, by version."""

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from django.db.models import F, Max
from django.db.models.functions import Mod

from recsys.evaluation.prequential import Prequential
from webapp.analytics.intervals import Interval
from webapp.analytics.reports.window import Window
from webapp.training.models import LearnedHour

#: Buckets that it takes to say how far a mean over them may be off.
_ENOUGH: Final = 5
_Z95: Final = 1.96


@dataclasses.dataclass(frozen=True)
class Page:
    """What one hour or day added.

    Attributes
    ----------
    at_ms : int
        Its start.
    scores : Prequential
    counters : dict of str to int
        Differences of `recsys.learner.Learner.counters`.
    """

    at_ms: int
    scores: Prequential
    counters: dict[str, int]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The scores' metrics, empty where nothing was learned."""
        return self.scores.metrics()


@dataclasses.dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over a window, its interval where there are enough buckets, and the choices that it stands on."""

    value: float | None
    interval: Interval | None
    choices: int


class Books:
    """One version's books over a window.

    Parameters
    ----------
    version : str
    window : Window
    """

    def __init__(self, version: str, window: Window) -> None:
        self.version = version
        self.window = window

    @cached_property
    def pages(self) -> list[Page]:
        """What each bucket of the window added, oldest first; buckets in which nothing came in are left out."""
        rows = self._rows
        return [
            Page(
                later.hour_ms - later.hour_ms % self.window.step_ms,
                Prequential.between(bytes(earlier.scores) if earlier else b"", bytes(later.scores)),
                _added(earlier, later),
            )
            for earlier, later in zip([self._earlier, *rows], rows, strict=False)
            if not later.begins
        ]

    @cached_property
    def whole(self) -> Page:
        """What the whole window added."""
        scores, counters = Prequential(), dict[str, int]()
        for page in self.pages:
            scores.merge(page.scores)
            for name, count in page.counters.items():
                counters[name] = counters.get(name, 0) + count
        return Page(self.window.start_ms, scores, counters)

    def estimate(self, metric: str) -> Estimate:
        """Return a metric over the whole window, with the interval that follows from how its buckets differ."""
        value = self.whole.metrics.get(metric)
        known = [(page.metrics["choices"], page.metrics[metric]) for page in self.pages if metric in page.metrics]
        choices = int(self.whole.metrics.get("choices", 0))
        if value is None or len(known) < _ENOUGH:
            return Estimate(value, None, choices)
        reach = _Z95 * math.sqrt(_variance_of_mean(known))
        return Estimate(value, Interval(value - reach, value + reach), choices)

    @cached_property
    def _rows(self) -> list[LearnedHour]:
        """The last row of each bucket."""
        hours = LearnedHour.objects.filter(
            version=self.version, hour_ms__gte=self.window.start_ms, hour_ms__lt=self.window.end_ms
        )
        last = (
            hours.annotate(bucket=F("hour_ms") - Mod("hour_ms", self.window.step_ms))
            .values("bucket")
            .annotate(last=Max("hour_ms"))
            .values("last")
        )
        return list(hours.filter(hour_ms__in=last).order_by("hour_ms"))

    @cached_property
    def _earlier(self) -> LearnedHour | None:
        """The last row before the window; where there is none, what the version took over."""
        rows = LearnedHour.objects.filter(version=self.version)
        before = rows.filter(hour_ms__lt=self.window.start_ms).order_by("-hour_ms").first()
        return before or rows.filter(begins=True).first()


def versions() -> list[str]:
    """Return the versions that have books, the one that learned of the newest event first."""
    rows = LearnedHour.objects.values("version").annotate(last=Max("hour_ms")).order_by("-last", "version")
    return [row["version"] for row in rows]


def _added(earlier: LearnedHour | None, later: LearnedHour) -> dict[str, int]:
    before = earlier.counters if earlier is not None else {}
    return {name: count - before.get(name, 0) for name, count in later.counters.items()}


def _variance_of_mean(known: Sequence[tuple[float, float]]) -> float:
    """Return the variance of a weighted mean of (weight, value) whose values are independent of each other."""
    total = sum(weight for weight, _ in known)
    mean = sum(weight * value for weight, value in known) / total
    count = len(known)
    return count / (count - 1) * sum((weight / total * (value - mean)) ** 2 for weight, value in known)
