"""The drawings of the page on learning, and the sentences that say the same."""

from collections.abc import Callable, Sequence
from typing import Final

from webapp import learning_lag
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
from webapp.analytics.reports.books import Books, Estimate
from webapp.analytics.reports.learning import ColdStart, Step, Version, by_time, quantile_ms, scored
from webapp.analytics.tables import Listing
from webapp.analytics.templatetags import figures

_CALIBRATION_BINS: Final = 10
#: Sessions of an arm that its rate is drawn and compared from: of fewer the interval takes up the whole chart.
ENOUGH: Final = 30


# -- prediction ------------------------------------------------------------------------------------------------------


def score_charts(books: Books, data: Listing, calibration_data: Listing) -> list[Chart]:
    """Return log-loss and AUC over time, and calibration; none where nothing was learned."""
    score = scored(books)
    if score.log_loss.value is None:
        return []
    window, rows = books.window, by_time(books)
    across = time_axis(window.start_ms, window.end_ms - window.step_ms, ticks=4)
    losses = [value for row in rows for value in (row.log_loss, row.baseline) if value is not None]
    loss = lines(
        [
            Series("model", [Point(row.at_ms, row.log_loss) for row in rows]),
            Series("rate alone", [Point(row.at_ms, row.baseline) for row in rows], dashed=True),
        ],
        across,
        value_axis(min(losses), max(losses), lambda value: f"{value:.3g}", from_zero=False),
    )
    aucs = [row.auc for row in rows if row.auc is not None]
    charts = [Chart("Log-loss", loss, _loss_words(score), data)]
    if aucs:
        up = value_axis(min(0.5, *aucs), max(aucs), lambda value: f"{value:.3g}", from_zero=False, at_most=1.0)
        area = lines([Series("", [Point(row.at_ms, row.auc) for row in rows])], across, up, named=False)
        words = (
            f"A clicked item had a higher probability than one that was not in {_told(score.auc, figures.percent)} "
            "of pairs; 50 % is chance. The table beside has it by time."
        )
        charts.append(Chart("AUC", area, words))
    points = calibration_points(books)
    charts.append(
        Chart("Calibration", calibration(points, figures.percent), _calibration_words(score), calibration_data)
    )
    return charts


def calibration_points(books: Books) -> list[Point]:
    """Return promised and happened probabilities, with their intervals."""
    return [
        Point(promised, clicks / items, *wilson(clicks, items))
        for promised, clicks, items in books.whole.scores.calibration_curve(_CALIBRATION_BINS)
    ]


def _told(estimate: Estimate, written: Callable[[float | None], str]) -> str:
    """Write a score with its interval, where there is one."""
    if estimate.interval is None:
        return written(estimate.value)
    low, high = map(written, estimate.interval)
    return f"{written(estimate.value)} (95 % interval {low} to {high}, from how the times in it differ)"


def _loss_words(score: Version) -> str:
    better = "below" if (score.log_loss.value or 0) < (score.baseline or 0) else "above"
    return (
        f"{_told(score.log_loss, nats)} nats a choice over {figures.counted(score.choices, 'choice')}, {better} the "
        f"{nats(score.baseline)} of knowing only how often lists are clicked. Lower is better."
    )


def _calibration_words(score: Version) -> str:
    return (
        f"{_told(score.calibration, nats)} clicks for each that was promised; by promise, click rates are off by "
        f"{figures.percent(score.calibration_error)} in the mean. On the dashed line promise and clicks agree."
    )


# -- the cold-start curve --------------------------------------------------------------------------------------------


def cold_start_chart(curve: ColdStart, data: Listing) -> Chart | None:
    """Return click-through by the n-th impression, in both arms, as far as enough sessions came; None before that."""
    steps = _drawn(curve)
    if not steps:
        return None
    points = [_point(place, rate) for place, step in enumerate(steps) for rate in (step.adaptive, step.control)]
    values = [point.value for point in points if point.value is not None]
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


def gain_chart(curve: ColdStart) -> Chart | None:
    """Return how far adaptive is above control, where there are enough sessions to say."""
    steps = _drawn(curve)
    gains = [
        Point(place, step.gain, step.gain_low, step.gain_high)
        for place, step in enumerate(steps)
        if min(step.adaptive.sessions, step.control.sessions) >= ENOUGH
    ]
    values = [point.value for point in gains if point.value is not None]
    if not values:
        return None
    reach = 2 * max(abs(value) for value in values)
    drawn = lines(
        [Series("", gains, "you")],
        ordinal_axis([str(step.first) for step in steps]),
        value_axis(max(min(_ends_of(gains)), -reach), min(max(_ends_of(gains)), reach), figures.points, ticks=5),
        named=False,
    )
    sure = [steps[int(point.at)].nth for point in gains if point.low is not None and point.low > 0]
    where = f"at {_listed(sure)}" if sure else "nowhere yet"
    words = (
        f"Points of click-through by which adaptive is above control. The whole interval is above 0 {where}; where "
        "nothing is gained one in 40 would be all the same, so whoever looks at many, or day after day, finds some."
    )
    return Chart("What adapting adds", drawn, words)


def _drawn(curve: ColdStart) -> list[Step]:
    """Return the curve as far as enough sessions of either arm came."""
    return [step for step in curve.steps if max(step.adaptive.sessions, step.control.sessions) >= ENOUGH]


def _listed(names: Sequence[str]) -> str:
    """Return names as a part of a sentence.

    >>> _listed(["1", "4", "5 to 6"])
    'impressions 1, 4, 5 to 6'
    """
    return f"impression{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _ends_of(points: Sequence[Point]) -> list[float]:
    return [end for point in points for end in (point.low, point.high) if end is not None]


def _point(place: int, rate: Rate) -> Point:
    if rate.sessions < ENOUGH:
        return Point(place, None)
    return Point(place, rate.value, rate.interval.low, rate.interval.high)


def _cold_start_words(curve: ColdStart) -> list[str]:
    comparable = [step for step in curve.steps if min(step.adaptive.sessions, step.control.sessions) >= ENOUGH]
    words = [_compared(f"At impression {step.nth}", step.adaptive, step.control) for step in _ends(comparable)]
    adaptive, control = curve.whole.get("adaptive"), curve.whole.get("control")
    if adaptive is not None and control is not None and min(adaptive.sessions, control.sessions) >= ENOUGH:
        words.append(_compared("Over whole sessions, on all lists", adaptive, control))
    if not words:
        words.append(
            f"There are not {ENOUGH} sessions in each arm yet, so there is nothing to compare. "
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


def lag_chart(found: dict[str, list[int]], data: Listing) -> Chart | None:
    """Return the distribution of the time from a click's receipt until it is served, over all processes."""
    if not found:
        return None
    counts = [sum(each) for each in zip(*found.values(), strict=True)]
    edges = [*(figures.duration(edge) for edge in learning_lag.EDGES_MS), "more"]
    drawn = columns(
        [Bar(edge, count, "") for edge, count in zip(edges, counts, strict=True)],
        value_axis(0, max(counts), lambda value: f"{value:,.0f}", whole=True),
        ticks=6,
    )
    processes = f"{len(found)} web process{'' if len(found) == 1 else 'es'}"
    p50, p95 = (_within(quantile_ms(counts, share)) for share in (0.5, 0.95))
    return Chart(
        "From a click to every replica",
        drawn,
        f"Of {figures.counted(sum(counts), 'click')} served by {processes}, half took {p50}, 95 % {p95}, from receipt "
        "until what they taught was served. Columns are named by their upper edge.",
        data,
    )


def _within(edge_ms: int | None) -> str:
    """Return a quantile of the lag in words; None is above the last edge."""
    if edge_ms is None:
        return f"more than {figures.duration(learning_lag.EDGES_MS[-1])}"
    return f"less than {figures.duration(edge_ms)}"


def nats(value: float | None) -> str:
    """Write a score with three digits."""
    return figures.NOTHING if value is None else f"{value:.3f}"
