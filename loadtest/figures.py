"""The report's figures: pure functions of what was measured."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from loadtest.conservation import Conservation
from loadtest.recorder import Measured
from loadtest.stack import Sample
from webapp.analytics.intervals import wilson


class Watched(NamedTuple):
    """What was seen of the stack while the generator ran; empty where it runs elsewhere."""

    samples: Sequence[Sample] = ()
    lag_ms: Sequence[tuple[float, float]] = ()


def figures(measured: Measured, watched: Watched, conservation: Conservation | None) -> dict[str, Any]:
    """Return the report as it stands in ``report.json``; None where something could not be looked at."""
    first_s, last_s = measured.measured_from_s, measured.ended_s
    clicks = [click for click in measured.clicks if click[0] >= first_s]
    seconds = _busy_seconds(measured)
    lag = _within([(at - measured.began_s, lag) for at, lag in watched.lag_ms], first_s, last_s)
    samples = [sample for sample in watched.samples if sample.at_s - measured.began_s >= first_s]
    return {
        "scenario": measured.scenario,
        "known_items": measured.known_items,
        "seconds": round(seconds, 1),
        "sockets": max((sockets for at, sockets in measured.sockets if at >= first_s), default=0),
        "events_per_s": round(sum(measured.kinds.values()) / seconds, 1) if seconds else 0.0,
        "mix_per_s": {kind: round(count / seconds, 1) for kind, count in sorted(measured.kinds.items())},
        "clicks": len(clicks),
        "ack_ms": percentiles([click[1] for click in clicks]),
        "slate_ms": percentiles([click[2] for click in clicks if click[2] is not None]),
        "page_ms": percentiles(measured.pages_ms),
        "fold_lag_ms_p99": percentiles(lag)["p99"] if lag else None,
        "errors": sum(measured.errors.values()),
        "errors_by_kind": measured.errors,
        "outcomes": measured.outcomes,
        "acknowledged": sum(measured.acknowledged) if conservation is None else conservation.acknowledged,
        "logged_once": None if conservation is None else conservation.logged - conservation.doubled,
        "conservation": None
        if conservation is None
        else {"lost": conservation.lost, "doubled": conservation.doubled, "examples": conservation.examples},
        "rss_mb": _by_role([sample.rss_mb for sample in samples], max),
        "rss_growth_mb": _by_role([sample.rss_mb for sample in samples], _growth),
        "rss_growth_late_mb": _by_role([sample.rss_mb for sample in samples[len(samples) // 2 :]], _growth),
        "cpu_percent": _by_role([sample.cpu_percent for sample in samples], _mean),
        "generator_late_ms": percentiles(_within(measured.late_ms, first_s, last_s)),
        "click_through": {arm: click_through(looks) for arm, looks in measured.looks.items() if looks},
    }


def percentiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """Return p50, p95, p99, the largest and the number of values.

    >>> percentiles([3.0, 1.0, 2.0])["p50"]
    2.0
    """
    ranked = sorted(values)
    if not ranked:
        return {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}

    def at(share: float) -> float:
        return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 2)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": round(ranked[-1], 2), "n": len(ranked)}


def click_through(looks: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    """Return an arm's share of "for you" slates that were clicked, in all and by how many clicks came before.

    Intervals are Wilson's, of 95 %; what stands beyond ten clicks is put together.
    """
    by_nth: dict[int, list[int]] = {}
    for nth, slates, clicked in looks:
        found = by_nth.setdefault(min(nth, 10), [0, 0])
        found[0] += slates
        found[1] += clicked
    total = [sum(found[place] for found in by_nth.values()) for place in (0, 1)]
    return {
        **_rate(*total),
        "by_clicks_before": [{"clicks_before": nth, **_rate(*found)} for nth, found in sorted(by_nth.items())],
    }


def _rate(slates: int, clicked: int) -> dict[str, Any]:
    low, high = wilson(clicked, slates)
    rate = round(clicked / slates, 4) if slates else None
    return {"slates": slates, "clicked": clicked, "rate": rate, "low": round(low, 4), "high": round(high, 4)}


def _busy_seconds(measured: Measured) -> float:
    """Return the time from where measuring began to the last second in which something was acknowledged."""
    last = max((second for second, count in enumerate(measured.acknowledged) if count), default=0)
    return max(last + 1 - measured.measured_from_s, 0.0)


def _within(series: Sequence[tuple[float, float]], first_s: float, last_s: float) -> list[float]:
    return [value for at, value in series if first_s <= at <= last_s]


def _by_role(looks: Sequence[dict[str, float]], summed: Callable[[Sequence[float]], float]) -> dict[str, float]:
    roles = sorted({role for look in looks for role in look})
    return {role: round(summed([look[role] for look in looks if role in look]), 1) for role in roles}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _growth(values: Sequence[float]) -> float:
    return values[-1] - values[0]
