"""What the learner's books added in each hour or day of a window, by version."""

import dataclasses
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from django.db.models import F, Max
from django.db.models.functions import Mod

from recsys.evaluation.prequential import Prequential
from webapp.analytics.intervals import Interval, alike, reach_of_mean
from webapp.analytics.reports.window import Window
from webapp.training.models import LearnedHour

#: Buckets, were all of equal weight, that it takes to say how far a mean over them may be off.
_ENOUGH: Final = 3.0


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

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return self.interval.low if self.interval else None

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return self.interval.high if self.interval else None


class Books:
    """The books of versions over a window: where several learned from the same hours, those of the first that is named.

    Parameters
    ----------
    versions : sequence of str
        One to look at it alone; `in_turn` for what has been served.
    window : Window
    """

    def __init__(self, versions: Sequence[str], window: Window) -> None:
        self.versions = versions
        self.window = window

    @cached_property
    def pages(self) -> list[Page]:
        """What each bucket of the window added, oldest first; buckets in which nothing came in are left out."""
        rows = self._rows
        return [
            Page(
                self._bucket(later),
                Prequential.between(bytes(earlier.scores) if earlier else b"", bytes(later.scores)),
                _added(earlier, later),
            )
            for earlier, later in zip([self._earlier, *rows], rows, strict=False)
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

    def estimate(self, metric: str, *, at_most: float = math.inf) -> Estimate:
        """Return a metric over the whole window, with the interval that follows from how its buckets differ.

        No metric is below 0, and none above `at_most`.
        """
        value = self.whole.metrics.get(metric)
        known = [(page.metrics["choices"], page.metrics[metric]) for page in self.pages if metric in page.metrics]
        choices = int(self.whole.metrics.get("choices", 0))
        if value is None or alike([weight for weight, _ in known]) < _ENOUGH:
            return Estimate(value, None, choices)
        reach = reach_of_mean(known)
        return Estimate(value, Interval(max(value - reach, 0.0), min(value + reach, at_most)), choices)

    @cached_property
    def _rows(self) -> list[LearnedHour]:
        """The last row of each bucket, of the first version that has one."""
        hours = LearnedHour.objects.filter(
            version__in=self.versions, hour_ms__gte=self.window.start_ms, hour_ms__lt=self.window.end_ms, begins=False
        )
        last = (
            hours.annotate(bucket=F("hour_ms") - Mod("hour_ms", self.window.step_ms))
            .values("version", "bucket")
            .annotate(last=Max("hour_ms"))
        )
        chosen: dict[int, tuple[str, int]] = {}
        for row in sorted(last, key=lambda row: self.versions.index(row["version"])):
            chosen.setdefault(row["bucket"], (row["version"], row["last"]))
        wanted = set(chosen.values())
        found = hours.filter(hour_ms__in=[hour_ms for _, hour_ms in wanted]).order_by("hour_ms")
        return [row for row in found if (row.version, row.hour_ms) in wanted]

    @cached_property
    def _earlier(self) -> LearnedHour | None:
        """The books before the window; where there are none, what the first version in it took over."""
        rows = LearnedHour.objects.filter(version__in=self.versions)
        before = list(rows.filter(hour_ms__lt=self.window.start_ms, begins=False).order_by("-hour_ms")[:1])
        if before:
            return before[0]
        first = self._rows[0].version if self._rows else ""
        return LearnedHour.objects.filter(version=first, begins=True).first()

    def _bucket(self, row: LearnedHour) -> int:
        return row.hour_ms - row.hour_ms % self.window.step_ms


def in_turn(current: str) -> list[str]:
    """Return the versions whose books go on in each other: those of the current configuration, the newest first."""
    configuration = current.rpartition("-")[2]
    return [name for name in versions(current) if name.endswith(f"-{configuration}")]


def versions(current: str) -> list[str]:
    """Return the versions that have books: the current one, then the one that learned of the newest event."""
    rows = LearnedHour.objects.values("version").annotate(last=Max("hour_ms")).order_by("-last", "version")
    names = [row["version"] for row in rows]
    return sorted(names, key=lambda name: name != current)


def _added(earlier: LearnedHour | None, later: LearnedHour) -> dict[str, int]:
    before = earlier.counters if earlier is not None else {}
    return {name: count - before.get(name, 0) for name, count in later.counters.items()}
