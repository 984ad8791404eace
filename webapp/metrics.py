"""Every metric, declared once; `docs/metrics.md` is made from here.

Counters and histograms belong to the process that holds them: a scrape of several web processes adds them up.
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()

EVENTS: Final = Counter(
    "freshet_events",
    "Browser events by outcome: accepted, duplicate, unlogged, full (the log is at its bound), rate_limited.",
    ["outcome"],
    registry=REGISTRY,
)
EVENTS_REFUSED: Final = Counter(
    "freshet_events_refused",
    "Browser events (or whole messages) refused, by reason.",
    ["reason"],
    registry=REGISTRY,
)
ACKNOWLEDGE_SECONDS: Final = Histogram(
    "freshet_acknowledge_seconds",
    "Time from a batch's arrival to its acknowledgement.",
    unit="seconds",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0),
    registry=REGISTRY,
)
SLATE_SECONDS: Final = Histogram(
    "freshet_slate_seconds",
    "Time to retrieve, rank and render a pushed slate.",
    unit="seconds",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0),
    registry=REGISTRY,
)
SOCKETS: Final = Gauge("freshet_sockets", "Open websockets.", registry=REGISTRY)
REPLICA_AGE_SECONDS: Final = Gauge(
    "freshet_replica_age_seconds",
    "Time since this process's replica last took in a change or learned that there was none.",
    unit="seconds",
    registry=REGISTRY,
)
