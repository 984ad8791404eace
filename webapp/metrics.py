"""Every metric, declared once; `docs/metrics.md` is made from here (``manage.py metrics_reference``).

Counters and histograms belong to the process that holds them: adding several web processes up is the scraper's work.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

Metric = TypeVar("Metric", Counter, Gauge, Histogram)

_FAST: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class Declared(NamedTuple):
    """What a metric is, for its documentation. The unit stands in the name."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


DECLARED: Final[list[Declared]] = []

_registry: Final = CollectorRegistry()
ProcessCollector(registry=_registry)


def _declare(kind: type[Metric], name: str, meaning: str, labels: Sequence[str] = (), **options: Any) -> Metric:
    DECLARED.append(Declared(name, kind.__name__.lower(), tuple(labels), meaning))
    return kind(name, meaning, labels, registry=_registry, **options)


EVENTS: Final = _declare(
    Counter,
    "freshet_events_total",
    "Browser events by outcome: accepted, duplicate, unlogged, full (the log is at its bound), rate_limited.",
    ["outcome"],
)
EVENTS_REFUSED: Final = _declare(
    Counter, "freshet_events_refused_total", "Browser events, or whole messages, refused, by reason.", ["reason"]
)
OWN_EVENTS_UNLOGGED: Final = _declare(
    Counter,
    "freshet_own_events_unlogged_total",
    "Lists shown, and beginnings of visits, that were given up as too many waited for a log that was away or at its "
    "bound. What is done on a list that it does not have is logged and adapts the session, counts apart, and teaches "
    "nobody.",
)
ACKNOWLEDGE_SECONDS: Final = _declare(
    Histogram,
    "freshet_acknowledge_seconds",
    "Time from a message's arrival to its acknowledgement, the log's write included.",
    buckets=_FAST,
)
SLATE_SECONDS: Final = _declare(
    Histogram, "freshet_slate_seconds", "Time to rank a slate anew and render it for an open page.", buckets=_FAST
)
SOCKETS: Final = _declare(Gauge, "freshet_sockets", "Open websockets.")
REPLICA_ITEMS: Final = _declare(Gauge, "freshet_replica_items", "Items that this process can recommend.")
REPLICA_BEHIND_SECONDS: Final = _declare(
    Gauge,
    "freshet_replica_behind_seconds",
    "Age of the oldest event in the live log that this process's model has not folded; 0 when it has all.",
)
REPLICA_DELTAS: Final = _declare(Counter, "freshet_replica_deltas_total", "Deltas that this process took in.")
FOLD_LAG_SECONDS: Final = _declare(
    Gauge, "freshet_fold_lag_seconds", "Age of the oldest event not folded, at the fold's last run."
)
FOLD_SILENCE_SECONDS: Final = _declare(Gauge, "freshet_fold_silence_seconds", "Time since the fold's last run.")
LOG_EVENTS: Final = _declare(Gauge, "freshet_log_events", "Events that the live log holds.")
LOG_LOSSES: Final = _declare(
    Gauge,
    "freshet_log_losses",
    "How often the worker has found, since it started, that Redis lost events, or the archive its end. Its log says "
    "which.",
)


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(_registry)
