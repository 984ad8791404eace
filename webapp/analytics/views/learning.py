"""The page on learning: prediction, the cold-start curve, and how long learning takes."""

import operator
from collections.abc import Sequence
from typing import Final

import redis
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recsys.aggregates.buckets import DAY_MS
from webapp import learning_lag, wiring
from webapp.analytics.models import AggregateProgress
from webapp.analytics.permissions import staff_page
from webapp.analytics.reports.books import Books, in_turn, versions
from webapp.analytics.reports.learning import ColdStart, by_time, lags, scored
from webapp.analytics.reports.learning_charts import (
    ENOUGH,
    calibration_points,
    cold_start_chart,
    gain_chart,
    lag_chart,
    nats,
    score_charts,
)
from webapp.analytics.reports.window import Window, WindowForm, window_of
from webapp.analytics.tables import (
    AT_LEAST,
    AT_MOST,
    CONTAINS,
    SINCE,
    UNTIL,
    Column,
    Kind,
    Link,
    Listing,
    Table,
    respond,
)
from webapp.training.lineage import version as current_version


def _estimated(name: str, title: str) -> tuple[Column, Column, Column]:
    """Return the columns of a score with its 95 % interval."""

    def column(column_name: str, column_title: str, end: str) -> Column:
        value = operator.attrgetter(f"{name}.{end}")
        return Column(column_name, column_title, Kind.NUMBER, value=value, cell=lambda row: nats(value(row)))

    return column(name, title, "value"), column(f"{name}_low", "from", "low"), column(f"{name}_high", "to", "high")


_VERSIONS: Final = Table(
    name="versions",
    caption="Versions of code and configuration, each scored on what it learned from in this time, before it did",
    prefix="version_",
    order="log_loss",
    per_page=10,
    empty="No version has learned anything in this time.",
    columns=(
        Column("version", "Version", Kind.CODE, link=Link(lambda row: f"?version={row.version}"), filters=(CONTAINS,)),
        Column("choices", "Choices", Kind.NUMBER),
        *_estimated("log_loss", "Log-loss"),
        Column("baseline", "of the click rate alone", Kind.NUMBER, cell=lambda row: nats(row.baseline)),
        *_estimated("auc", "AUC"),
        *_estimated("calibration", "Clicks by promised"),
        Column("calibration_error", "Calibration error", Kind.SHARE),
    ),
)
_SCORES: Final = Table(
    name="scores",
    caption="Scores by hour or day (UTC)",
    prefix="score_",
    order="-at_ms",
    per_page=31,
    empty="",
    columns=(
        Column("at_ms", "From", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("choices", "Choices", Kind.NUMBER),
        Column("log_loss", "Log-loss", Kind.NUMBER, cell=lambda row: nats(row.log_loss)),
        Column("baseline", "of the click rate alone", Kind.NUMBER, cell=lambda row: nats(row.baseline)),
        Column("auc", "AUC", Kind.NUMBER, cell=lambda row: nats(row.auc)),
    ),
)
_CALIBRATION: Final = Table(
    name="calibration",
    caption="Clicks by promised probability; each line has about as many items",
    prefix="calibration_",
    order="at",
    empty="",
    columns=(
        Column("at", "Promised", Kind.SHARE, filters=(AT_LEAST, AT_MOST)),
        Column("value", "Clicked", Kind.SHARE),
        Column("low", "from", Kind.SHARE),
        Column("high", "to", Kind.SHARE),
    ),
)
_STEPS: Final = Table(
    name="cold_start",
    caption="Click-through by which of their session's impressions they were",
    prefix="nth_",
    order="first",
    empty="",
    columns=(
        Column("first", "n-th impression", Kind.NUMBER, cell=lambda step: step.nth, filters=(AT_LEAST, AT_MOST)),
        Column("adaptive", "Adaptive", Kind.SHARE, value=lambda step: step.adaptive.value),
        Column("adaptive_low", "from", Kind.SHARE, value=lambda step: step.adaptive.interval.low),
        Column("adaptive_high", "to", Kind.SHARE, value=lambda step: step.adaptive.interval.high),
        Column("adaptive_sessions", "sessions", Kind.NUMBER, value=lambda step: step.adaptive.sessions),
        Column("control", "Control", Kind.SHARE, value=lambda step: step.control.value),
        Column("control_low", "from", Kind.SHARE, value=lambda step: step.control.interval.low),
        Column("control_high", "to", Kind.SHARE, value=lambda step: step.control.interval.high),
        Column("control_sessions", "sessions", Kind.NUMBER, value=lambda step: step.control.sessions),
        Column("gain", "Difference", Kind.SHARE),
        Column("gain_low", "from", Kind.SHARE),
        Column("gain_high", "to", Kind.SHARE),
    ),
)
_LAGS: Final = Table(
    name="lags",
    caption="Time from a click's receipt until a web process serves what it taught",
    prefix="lag_",
    order="-clicks",
    per_page=20,
    empty="",
    columns=(
        Column("process", "Process", Kind.CODE, filters=(CONTAINS,)),
        Column("clicks", "Clicks", Kind.NUMBER),
        Column("p50_ms", "Half within", Kind.DURATION),
        Column("p95_ms", "95 % within", Kind.DURATION),
    ),
)
_VERSIONS_SHOWN: Final = 20


@require_safe
@never_cache
@staff_page("analytics.view_learning")
def learning(request: HttpRequest) -> HttpResponseBase:
    """Show how well the model predicts and what adapting is worth, in the time that the query string says."""
    form = WindowForm(request.GET, by_arm=False)
    window = window_of(form, wiring.clock().now_ms())
    current = current_version(wiring.config())
    known = versions(current)
    version, unknown = _version(request, known)
    books = Books([version] if version else in_turn(current), window)
    cold_start = ColdStart(window)
    listings = [
        Listing(_VERSIONS, [scored(Books([name], window)) for name in known[:_VERSIONS_SHOWN]], request.GET),
        Listing(_SCORES, by_time(books), request.GET),
        Listing(_CALIBRATION, calibration_points(books), request.GET),
        Listing(_STEPS, cold_start.steps, request.GET),
    ]
    histogram = _histogram(window)
    lag_listing = Listing(_LAGS, lags(histogram or {}), request.GET)
    context = {
        "form": form,
        "window": window,
        "progress": AggregateProgress.so_far(),
        "version": version,
        "unknown_version": unknown,
        "score": scored(books) if books.pages else None,
        "score_charts": score_charts(books, listings[1], listings[2]),
        "curve": cold_start_chart(cold_start, listings[3]),
        "gain": gain_chart(cold_start),
        "arms": cold_start.arrived,
        "enough": ENOUGH,
        "lag_chart": lag_chart(histogram or {}, lag_listing),
        "redis_away": histogram is None,
    }
    sane = form.is_valid() and not unknown
    return respond(request, "analytics/learning.html", context, *listings, lag_listing, status=200 if sane else 400)


def _version(request: HttpRequest, known: Sequence[str]) -> tuple[str, str]:
    """Return the version to show alone, empty for all in turn; and the one that was asked for if there is none."""
    asked = request.GET.get("version", "")
    return (asked, "") if asked in known else ("", asked[:60])


def _histogram(window: Window) -> dict[str, list[int]] | None:
    """Return the learning lag of the window's length up to now; None while Redis is away."""
    days = max((window.end_ms - window.start_ms) // DAY_MS, 1)
    try:
        return learning_lag.histogram(wiring.redis_client(), wiring.clock().now_ms(), days)
    except redis.RedisError:
        return None
