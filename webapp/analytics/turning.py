"""What turning the knob did: the stretches between turns, and what each cost and brought."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import redis

from webapp import wiring
from webapp.analytics import samples
from webapp.analytics.samples import Sample
from webapp.analytics.selectors import WINDOW_MS, up_to_now
from webapp.training.status import StatusBoard


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which the knob stood still.

    Attributes
    ----------
    every_ms : int
        Where it stood.
    began_ms, ended_ms : int
        From the first sample to the last.
    samples : int
        How many were taken.
    waited_samples : int
        Those of them whose run had an event to fold.
    waited_ms, waited_worst_ms : float or None
        How long the oldest event of a run had waited: mean and largest over `waited_samples`.
    cpu : float or None
        Share of one processor that the folding process used.
    events_per_s : float or None
    """

    every_ms: int
    began_ms: int
    ended_ms: int
    samples: int
    waited_samples: int
    waited_ms: float | None
    waited_worst_ms: float | None
    cpu: float | None
    events_per_s: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """One sample: where the knob stood, how long the oldest event had waited, processor time since the one before."""

    at_ms: int
    every_ms: float
    waited_ms: float | None
    cpu: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """What the knob page shows: the samples, oldest first, and the stretches, newest first."""

    every_ms: int
    moments: list[Moment]
    stretches: list[Stretch]

    @property
    def window_ms(self) -> int:
        """How far back the samples reach; 0 while there are fewer than two."""
        return self.moments[-1].at_ms - self.moments[0].at_ms if self.moments else 0

    @property
    def every(self) -> list[float | None]:
        """Where the knob stood at each sample."""
        return [moment.every_ms for moment in self.moments]

    @property
    def waited(self) -> list[float | None]:
        """How long the oldest event had waited at each."""
        return [moment.waited_ms for moment in self.moments]

    @property
    def cpu(self) -> list[float | None]:
        """The share of one processor at each."""
        return [moment.cpu for moment in self.moments]

    @property
    def now(self) -> Stretch | None:
        """The stretch that goes on."""
        return self.stretches[0] if self.stretches else None

    @property
    def before(self) -> Stretch | None:
        """The one before the last turn."""
        return self.stretches[1] if len(self.stretches) > 1 else None


def effect(client: redis.Redis, now_ms: int) -> Effect:
    """Read what the samples say of the last quarter of an hour. Raises `redis.RedisError`."""
    every_ms = wiring.knobs().fold_every_ms
    taken = up_to_now(samples.recent(client, now_ms - WINDOW_MS), StatusBoard(client).read(), every_ms)
    # Older versions of this site did not note where the knob stood.
    history = [sample for sample in taken if sample.every_ms]
    return Effect(every_ms, _moments(history), stretches(history)[::-1])


def stretches(history: Iterable[Sample]) -> list[Stretch]:
    """Return the stretches of samples, oldest first.

    >>> def at(second, every_ms, cpu_ms):
    ...     return Sample(at_ms=second * 1_000, events=second * 50, impressions=0, clicks=0, lag_ms=0,
    ...                   every_ms=every_ms, waited_ms=every_ms, cpu_ms=cpu_ms, holder="a")
    >>> found = stretches([at(0, 500, 0), at(5, 500, 1_000), at(10, 2_000, 1_400), at(15, 2_000, 1_500)])
    >>> [(each.every_ms, each.waited_ms, each.cpu, each.events_per_s) for each in found]
    [(500, 500.0, 0.2, 50.0), (2000, 2000.0, 0.02, 50.0)]
    """
    return [_stretch(list(stretch)) for _, stretch in itertools.groupby(history, key=lambda sample: sample.every_ms)]


def _moments(history: Sequence[Sample]) -> list[Moment]:
    shares = [None, *(_cpu(*pair) for pair in itertools.pairwise(history))]
    return [
        Moment(sample.at_ms, float(sample.every_ms), float(sample.waited_ms) or None, share)
        for sample, share in zip(history, shares, strict=False)
    ]


def _stretch(held: Sequence[Sample]) -> Stretch:
    waited = [float(sample.waited_ms) for sample in held if sample.waited_ms]
    shares = [share for pair in itertools.pairwise(held) if (share := _cpu(*pair)) is not None]
    passed_s = (held[-1].at_ms - held[0].at_ms) / 1_000
    grown = held[-1].events - held[0].events
    return Stretch(
        every_ms=held[0].every_ms,
        began_ms=held[0].at_ms,
        ended_ms=held[-1].at_ms,
        samples=len(held),
        waited_samples=len(waited),
        waited_ms=sum(waited) / len(waited) if waited else None,
        waited_worst_ms=max(waited, default=None),
        cpu=sum(shares) / len(shares) if shares else None,
        events_per_s=grown / passed_s if passed_s and grown >= 0 else None,
    )


def _cpu(earlier: Sample, later: Sample) -> float | None:
    """Return the share of one processor between two samples; None where another process took over."""
    if earlier.holder != later.holder or not later.cpu_ms:
        return None
    return (later.cpu_ms - earlier.cpu_ms) / (later.at_ms - earlier.at_ms)
