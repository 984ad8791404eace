"""The page on learning: prediction, the cold-start curve, and how long learning takes."""

from collections.abc import Sequence
from typing import Final

import redis
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp import learning_lag, wiring
from webapp.analytics.charts import (
    Bar,
    Chart,
    Point,
    Series,
    calibration,
    columns,
    lines,
    ordinal_axis,
    time_axis,
    value_axis,
)
from webapp.analytics.intervals import Rate, difference, wilson
from webapp.analytics.models import AggregateProgress
from webapp.analytics.permissions import staff_page
from webapp.analytics.reports.books import Books, in_turn, versions
from webapp.analytics.reports.learning import ColdStart, Step, Version, by_time, lags, quantile_ms, scored
from webapp.analytics.reports.window import Window, WindowForm, window_of
from webapp.analytics.tables import Column, Kind, Listing, Table, respond
from webapp.analytics.templatetags import figures
from webapp.training.lineage import version as current_version

_VERSIONS: Final = Table(
    name="versions",
    caption="Versions of code and configuration, each scored on what it learned from in this time, before it did",
    prefix="version_",
    order="log_loss",
    per_page=10,
    empty="No version has learned anything in this time.",
    columns=(
        Column("version", "Version", Kind.CODE, link=lambda row: f"?version={row.version}"),
        Column("choices", "Choices", Kind.NUMBER),
        Column("log_loss", "Log-loss", Kind.NUMBER, cell=lambda row: _nats(row.log_loss)),
        Column("low", "from", Kind.NUMBER, cell=lambda row: _nats(row.low)),
        Column("high", "to", Kind.NUMBER, cell=lambda row: _nats(row.high)),
        Column("baseline", "of the click rate alone", Kind.NUMBER, cell=lambda row: _nats(row.baseline)),
        Column("auc", "AUC", Kind.NUMBER, cell=lambda row: _nats(row.auc)),
        Column("calibration", "Clicks by promised", Kind.NUMBER, cell=lambda row: _nats(row.calibration)),
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
        Column("at_ms", "From", Kind.TIME),
        Column("choices", "Choices", Kind.NUMBER),
        Column("log_loss", "Log-loss", Kind.NUMBER, cell=lambda row: _nats(row.log_loss)),
        Column("baseline", "of the click rate alone", Kind.NUMBER, cell=lambda row: _nats(row.baseline)),
        Column("auc", "AUC", Kind.NUMBER, cell=lambda row: _nats(row.auc)),
    ),
)
_CALIBRATION: Final = Table(
    name="calibration",
    caption="Clicks by promised probability; each line has about as many items",
    prefix="calibration_",
    order="at",
    empty="",
    columns=(
        Column("at", "Promised", Kind.SHARE),
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
        Column("first", "n-th impression", Kind.NUMBER, cell=lambda step: step.nth),
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
        Column("process", "Process", Kind.CODE),
        Column("clicks", "Clicks", Kind.NUMBER),
        Column("p50_ms", "Half within", Kind.DURATION),
        Column("p95_ms", "95 % within", Kind.DURATION),
    ),
)
_CALIBRATION_BINS: Final = 10
_VERSIONS_SHOWN: Final = 20
#: Sessions in each arm that a comparison is put into words from.
_ENOUGH: Final = 30


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
        Listing(_CALIBRATION, _calibration_points(books), request.GET),
        Listing(_STEPS, cold_start.steps, request.GET),
    ]
    lag_listing, lag_chart, redis_away = _lag(request, window)
    context = {
        "form": form,
        "window": window,
        "progress": AggregateProgress.objects.defer("state").first(),
        "version": version,
        "unknown_version": unknown,
        "score": scored(books) if books.pages else None,
        "score_charts": _score_charts(books, listings[1], listings[2]),
        "curve": _cold_start_chart(cold_start, listings[3]),
        "gain": _gain_chart(cold_start),
        "lag_chart": lag_chart,
        "redis_away": redis_away,
    }
    sane = form.is_valid() and not unknown
    return respond(request, "analytics/learning.html", context, *listings, lag_listing, status=200 if sane else 400)


def _version(request: HttpRequest, known: Sequence[str]) -> tuple[str, str]:
    """Return the version to show alone, empty for all in turn; and the one that was asked for if there is none."""
    asked = request.GET.get("version", "")
    return (asked, "") if asked in known else ("", asked[:60])


# -- prediction ------------------------------------------------------------------------------------------------------


def _score_charts(books: Books, data: Listing, calibration_data: Listing) -> list[Chart]:
    score = scored(books)
    if score.log_loss is None:
        return []
    window, rows = books.window, by_time(books)
    across = time_axis(window.start_ms, window.end_ms - window.step_ms, ticks=4)
    losses = [value for row in rows for value in (row.log_loss, row.baseline) if value is not None]
    loss = lines(
        [
            Series("model", [Point(row.at_ms, row.log_loss) for row in rows], "you"),
            Series("rate alone", [Point(row.at_ms, row.baseline) for row in rows], dashed=True),
        ],
        across,
        value_axis(min(losses), max(losses), lambda value: f"{value:.2g}", from_zero=False),
    )
    aucs = [row.auc for row in rows if row.auc is not None]
    charts = [Chart("Log-loss", loss, _loss_words(score), data)]
    if aucs:
        up = value_axis(min(0.5, *aucs), max(aucs), lambda value: f"{value:.2g}", from_zero=False, at_most=1.0)
        area = lines([Series("", [Point(row.at_ms, row.auc) for row in rows], "you")], across, up, named=False)
        words = (
            f"A clicked item had a higher probability than one that was not in {figures.percent(score.auc)} of pairs; "
            "50 % is chance. The table beside has it by time."
        )
        charts.append(Chart("AUC", area, words))
    points = _calibration_points(books)
    charts.append(
        Chart("Calibration", calibration(points, figures.percent), _calibration_words(score), calibration_data)
    )
    return charts


def _calibration_points(books: Books) -> list[Point]:
    return [
        Point(promised, clicks / items, *wilson(clicks, items))
        for promised, clicks, items in books.whole.scores.calibration_curve(_CALIBRATION_BINS)
    ]


def _loss_words(score: Version) -> str:
    interval = (
        f" (95 % interval {_nats(score.low)} to {_nats(score.high)}, from how the times in it differ)"
        if score.low is not None
        else ""
    )
    better = "below" if (score.log_loss or 0) < (score.baseline or 0) else "above"
    return (
        f"{_nats(score.log_loss)} nats a choice{interval} over {score.choices:,} choices, {better} the "
        f"{_nats(score.baseline)} of knowing only how often lists are clicked. Lower is better."
    )


def _calibration_words(score: Version) -> str:
    return (
        f"{_nats(score.calibration)} clicks for each that was promised; by promise, click rates are off by "
        f"{figures.percent(score.calibration_error)} in the mean. On the dashed line promise and clicks agree."
    )


# -- the cold-start curve --------------------------------------------------------------------------------------------


def _cold_start_chart(curve: ColdStart, data: Listing) -> Chart | None:
    steps = curve.steps
    if not steps:
        return None
    values = [rate.value for step in steps for rate in (step.adaptive, step.control) if rate.value is not None]
    up = value_axis(0.0, min(max(values) * 1.4, 1.0), lambda value: f"{value:.0%}", at_most=1.0)
    drawn = lines(
        [
            Series("adaptive", [_point(place, step.adaptive) for place, step in enumerate(steps)], "you"),
            Series("control", [_point(place, step.control) for place, step in enumerate(steps)], dashed=True),
        ],
        ordinal_axis([str(step.first) for step in steps]),
        up,
    )
    return Chart(
        "Click-through by the n\N{NON-BREAKING HYPHEN}th impression of a session",
        drawn,
        " ".join(_cold_start_words(curve)),
        data,
    )


def _gain_chart(curve: ColdStart) -> Chart | None:
    gains = [
        Point(place, step.gain, step.gain_low, step.gain_high)
        for place, step in enumerate(curve.steps)
        if min(step.adaptive.sessions, step.control.sessions) >= _ENOUGH
    ]
    values = [point.value for point in gains if point.value is not None]
    if not values:
        return None
    reach = 2 * max(abs(value) for value in values)
    drawn = lines(
        [Series("", gains, "you")],
        ordinal_axis([str(step.first) for step in curve.steps]),
        value_axis(max(min(_ends_of(gains)), -reach), min(max(_ends_of(gains)), reach), figures.points, ticks=5),
        named=False,
    )
    sure = [curve.steps[int(point.at)].nth for point in gains if point.low is not None and point.low > 0]
    where = f"at {_listed(sure)}" if sure else "nowhere yet"
    words = f"Points of click-through by which adaptive is above control. The whole interval is above 0 {where}."
    return Chart("What adapting adds", drawn, words)


def _listed(names: Sequence[str]) -> str:
    """Return names as a part of a sentence.

    >>> _listed(["1", "4", "5 to 6"])
    'impressions 1, 4, 5 to 6'
    """
    return f"impression{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _ends_of(points: Sequence[Point]) -> list[float]:
    return [end for point in points for end in (point.low, point.high) if end is not None]


def _point(place: int, rate: Rate) -> Point:
    if rate.value is None:
        return Point(place, None)
    return Point(place, rate.value, rate.interval.low, rate.interval.high)


def _cold_start_words(curve: ColdStart) -> list[str]:
    comparable = [step for step in curve.steps if min(step.adaptive.sessions, step.control.sessions) >= _ENOUGH]
    words = [_compared(f"At impression {step.nth}", step.adaptive, step.control) for step in _ends(comparable)]
    adaptive, control = curve.whole.get("adaptive"), curve.whole.get("control")
    if adaptive is not None and control is not None and min(adaptive.sessions, control.sessions) >= _ENOUGH:
        words.append(_compared("Over whole sessions, on all lists", adaptive, control))
    if not words:
        words.append(
            f"There are not {_ENOUGH} sessions in each arm yet, so there is nothing to compare. "
            "By default nobody is in the control arm; simulated visitors are."
        )
    return words


def _ends(steps: Sequence[Step]) -> list[Step]:
    return [steps[0], steps[-1]] if len(steps) > 1 else list(steps)


def _compared(where: str, adaptive: Rate, control: Rate) -> str:
    found = difference(adaptive, control)
    if found is None:
        return ""
    apart, (low, high) = found
    return (
        f"{where}: adaptive {figures.percent(adaptive.value)} in {adaptive.sessions:,} sessions, control "
        f"{figures.percent(control.value)} in {control.sessions:,}; difference {figures.points(apart)} points "
        f"(95 % interval {figures.points(low)} to {figures.points(high)})."
    )


# -- how long learning takes -----------------------------------------------------------------------------------------


def _lag(request: HttpRequest, window: Window) -> tuple[Listing, Chart | None, bool]:
    days = max((window.end_ms - window.start_ms) // 86_400_000, 1)
    away = False
    try:
        found = learning_lag.histogram(wiring.redis_client(), wiring.clock().now_ms(), days)
    except redis.RedisError:
        found, away = {}, True
    data = Listing(_LAGS, lags(found), request.GET)
    if not found:
        return data, None, away
    counts = [sum(each) for each in zip(*found.values(), strict=True)]
    edges = [*(figures.duration(edge) for edge in learning_lag.EDGES_MS), "more"]
    drawn = columns(
        [Bar(edge, count, "", "you") for edge, count in zip(edges, counts, strict=True)],
        value_axis(0, max(counts), lambda value: f"{value:,.0f}"),
        ticks=6,
    )
    p50, p95 = (quantile_ms(counts, share) for share in (0.5, 0.95))
    return (
        data,
        Chart(
            "From a click to every replica",
            drawn,
            f"Of {sum(counts):,} clicks served by {len(found)} web processes, half took {_within(p50)}, 95 % "
            f"{_within(p95)}, from receipt until what they taught was served. Columns are named by their upper edge.",
            data,
        ),
        away,
    )


def _within(edge_ms: int | None) -> str:
    """Return a quantile of the lag in words; None is above the last edge."""
    if edge_ms is None:
        return f"more than {figures.duration(learning_lag.EDGES_MS[-1])}"
    return f"less than {figures.duration(edge_ms)}"


def _nats(value: float | None) -> str:
    return figures.NOTHING if value is None else f"{value:.3f}"
