"""What the live page shows, read from the fold's status, its samples, and the replicas' heartbeats."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Final

import redis
from django.conf import settings

from webapp import replication, wiring
from webapp.analytics import samples
from webapp.analytics.conservation import Conservation, NamedCount, conservation
from webapp.analytics.intervals import Interval, wilson
from webapp.analytics.samples import Sample, per_second
from webapp.tracking import edge, refusals
from webapp.training.status import FoldStatus, StatusBoard

#: What becomes of labels, in the order of their life, with what each count means.
LABELS: Final = {
    "labels_pending": "slates whose window is open",
    "labels_joined": "clicks that became examples",
    "labels_expired": "slates left without a click: “none of these”",
    "labels_left": "slates that ended with a click, or unseen",
    "labels_late": "events after their slate's window",
    "labels_duplicate": "events that said what was known",
    "labels_unknown": "events whose slate the log does not have",
    "labels_evicted": "windows closed early because too many were open",
    "labels_forgotten": "windows that went with a session which its visitor had forgotten",
    "undecodable": "records that are not events of a known schema",
    "unknown_item": "events about items that the catalogue does not have",
    "items_evicted": "items that a full catalogue let go of",
}

WINDOW_MS: Final = samples.SAMPLES * samples.SAMPLE_EVERY_S * 1_000
_MINUTE_MS: Final = 60_000
#: The worker and beat are missed after this many intervals of the fold, and never sooner than this.
_MISSED_RUNS: Final = 4
_MISSED_MS: Final = 5_000


@dataclasses.dataclass(frozen=True, slots=True)
class Trend:
    """One quantity over the window that the page looks at.

    Attributes
    ----------
    series : list of float or None
        Oldest first, for the sparkline.
    now, before : float or None
        Mean over the last minute and the one before; None without two samples in it.
    """

    series: list[float | None]
    now: float | None
    before: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class ClickThrough:
    """Clicks on lists for impressions on them, within one window.

    A click belongs to the moment at which it came, its impression to an earlier one: of what fell into a short or quiet
    window there may be more clicks than impressions, and that is no rate.
    """

    clicks: int
    impressions: int

    @property
    def rate(self) -> float | None:
        """The share of impressions that were clicked; None where there is none to be told."""
        return self.clicks / self.impressions if self.interval else None

    @property
    def interval(self) -> Interval | None:
        """Its 95 % interval; None without a rate."""
        return wilson(self.clicks, self.impressions) if self.impressions >= max(self.clicks, 1) else None


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A process that should be at work. `seen_ms` is when it last was, 0 for never."""

    name: str
    seen_ms: int
    alive: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Live:
    """Everything on the live page.

    Attributes
    ----------
    now_ms : int
        When this was read.
    status : FoldStatus or None
        None before the first fold.
    window_ms : int
        How far back the samples reach; 0 while there are fewer than two.
    samples : list of Sample
        Oldest first; the newest is the status itself.
    open_sessions : int or None
        Sessions that the fold holds open.
    conservation : Conservation
        What browsers sent and what became of it.
    """

    now_ms: int
    fold_every_ms: int
    status: FoldStatus | None
    window_ms: int
    samples: list[Sample]
    events: Trend
    impressions: Trend
    clicks: Trend
    lag: Trend
    click_through: ClickThrough
    open_sessions: int | None
    labels: list[NamedCount]
    refused: list[NamedCount]
    replicas: list[replication.Heartbeat]
    stale_after_ms: int
    parts: list[Part]
    conservation: Conservation


def live(client: redis.Redis, now_ms: int) -> Live:
    """Read the whole page in a few round trips. Raises `redis.RedisError`."""
    board = StatusBoard(client)
    status, fold_every_ms = board.read(), wiring.knobs().fold_every_ms
    history = up_to_now(samples.recent(client, now_ms - WINDOW_MS), status, fold_every_ms)
    return Live(
        now_ms=now_ms,
        fold_every_ms=fold_every_ms,
        status=status,
        window_ms=history[-1].at_ms - history[0].at_ms if len(history) > 1 else 0,
        samples=history,
        events=_rate(history, "events"),
        impressions=_rate(history, "impressions"),
        clicks=_rate(history, "clicks"),
        lag=_lag(history),
        click_through=_click_through(history),
        open_sessions=status.counters.get("sessions_open") if status is not None else None,
        labels=_labels(status),
        refused=_refused(client),
        replicas=replication.heartbeats(client, now_ms),
        stale_after_ms=settings.FRESHET_STALE_AFTER_S * 1_000,
        conservation=conservation(edge.accounts(client, now_ms)),
        parts=[
            _part("Worker", status.ran_ms if status else 0, fold_every_ms, now_ms),
            _part("Beat", board.beat_ms(), fold_every_ms, now_ms),
        ],
    )


def up_to_now(history: list[Sample], status: FoldStatus | None, every_ms: int) -> list[Sample]:
    """Let the newest sample be the status itself, in place of one just taken: a rate over an instant means nothing."""
    if status is None:
        return history
    settled = [sample for sample in history if status.ran_ms - sample.at_ms > samples.SAMPLE_EVERY_S * 500]
    return [*settled, samples.sample_of(status, every_ms)]


def _rate(history: Sequence[Sample], field: str) -> Trend:
    newest_ms = history[-1].at_ms if history else 0
    return Trend(
        series=per_second(history, field),
        now=_mean_rate(history, field, newest_ms - _MINUTE_MS, newest_ms),
        before=_mean_rate(history, field, newest_ms - 2 * _MINUTE_MS, newest_ms - _MINUTE_MS),
    )


def _mean_rate(history: Sequence[Sample], field: str, after_ms: int, until_ms: int) -> float | None:
    """Return the mean rate between the last samples at or before the two times."""
    ends = [_at(history, after_ms), _at(history, until_ms)]
    known = [sample for sample in ends if sample is not None]
    return per_second(known, field)[0] if len(known) == 2 and known[0] != known[1] else None


def _at(history: Sequence[Sample], at_ms: int) -> Sample | None:
    return next((sample for sample in reversed(history) if sample.at_ms <= at_ms), None)


def _lag(history: Sequence[Sample]) -> Trend:
    newest_ms = history[-1].at_ms if history else 0
    earlier = _at(history, newest_ms - _MINUTE_MS)
    return Trend(
        series=[float(sample.lag_ms) for sample in history],
        now=float(history[-1].lag_ms) if history else None,
        before=float(earlier.lag_ms) if earlier is not None else None,
    )


def _click_through(history: Sequence[Sample]) -> ClickThrough:
    clicks = impressions = 0
    for earlier, later in itertools.pairwise(history):
        # A fold of new configuration counts from 0 again; one of older code did not count clicks on lists apart.
        if earlier.listed_clicks is not None and later.listed_clicks is not None and later.events >= earlier.events:
            clicks += later.listed_clicks - earlier.listed_clicks
            impressions += later.impressions - earlier.impressions
    return ClickThrough(clicks, impressions)


def _labels(status: FoldStatus | None) -> list[NamedCount]:
    counters = status.counters if status is not None else {}
    return [
        NamedCount(name.removeprefix("labels_").replace("_", " "), meaning, counters[name])
        for name, meaning in LABELS.items()
        if name in counters
    ]


def _refused(client: redis.Redis) -> list[NamedCount]:
    return [
        NamedCount(reason, refusals.REASONS.get(reason, "counted by another version of this site"), count)
        for reason, count in refusals.counts(client).items()
    ]


def _part(name: str, seen_ms: int, every_ms: int, now_ms: int) -> Part:
    return Part(name, seen_ms, at_work(seen_ms, every_ms, now_ms))


def at_work(seen_ms: int, every_ms: int, now_ms: int) -> bool:
    """Return whether who shows up at every fold was seen lately enough to be at work."""
    return now_ms - seen_ms <= max(_MISSED_RUNS * every_ms, _MISSED_MS)
