"""The page on labels."""

from collections.abc import Callable
from typing import Final

import redis
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp import wiring
from webapp.analytics.charts import Bar, Chart, Point, Series, columns, small, time_axis, value_axis
from webapp.analytics.models import AggregateProgress
from webapp.analytics.permissions import staff_page
from webapp.analytics.reports.books import Books, Page, in_turn
from webapp.analytics.reports.labels import OUTCOMES, Delays, meaning_of, outcomes
from webapp.analytics.reports.multiples import Multiple
from webapp.analytics.reports.window import Window, WindowForm, window_of
from webapp.analytics.selectors import LABELS
from webapp.analytics.tables import AT_LEAST, AT_MOST, CONTAINS, SINCE, UNTIL, Column, Kind, Listing, Table, respond
from webapp.analytics.templatetags import figures
from webapp.training.lineage import version as current_version
from webapp.training.status import board


def _counter(name: str) -> Callable[[Page], int | None]:
    """Return what reads a counter of an hour or day."""
    return lambda page: page.counters.get(name)


_OUTCOMES: Final = Table(
    name="outcomes",
    caption="What became of slates and clicks in this time",
    prefix="outcome_",
    order="-times",
    empty="",
    columns=(
        Column("name", "Outcome", filters=(CONTAINS,)),
        Column("times", "Count", Kind.NUMBER),
        Column("meaning", "What it is", sortable=False),
    ),
)
_TIMES: Final = Table(
    name="times",
    caption="Outcomes by hour or day (UTC)",
    prefix="time_",
    order="-at_ms",
    per_page=31,
    empty="",
    columns=(
        Column("at_ms", "From", Kind.TIME, filters=(SINCE, UNTIL)),
        *(Column(name, meaning_of(name).capitalize(), Kind.NUMBER, value=_counter(name)) for name in OUTCOMES),
    ),
)
_DELAYS: Final = Table(
    name="delays",
    caption="Clicks by how long after their slate was served they came",
    prefix="delay_",
    order="up_to_ms",
    empty="",
    columns=(
        Column("up_to_ms", "Up to", Kind.DURATION, cell=lambda delay: delay.below),
        Column("clicks", "Clicks", Kind.NUMBER, filters=(AT_LEAST,)),
        Column("first_clicks", "First of their slate", Kind.NUMBER),
        Column("share_so_far", "Clicks so far", Kind.SHARE),
    ),
)
_ATTRIBUTIONS: Final = Table(
    name="attributions",
    caption="What each attribution window would make of the same clicks",
    prefix="window_",
    order="minutes",
    empty="",
    columns=(
        Column("minutes", "Window, minutes", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        Column("joined", "Clicks learned from", Kind.NUMBER),
        Column("share", "of all", Kind.SHARE),
        Column("late", "Clicks too late", Kind.NUMBER),
        Column("wrongly_none", "Slates taken for left, then clicked", Kind.NUMBER),
        Column("change", "Clicks against now", Kind.NUMBER, cell=lambda row: _signed(row.change)),
    ),
)


@require_safe
@never_cache
@staff_page("analytics.view_labels")
def labels(request: HttpRequest) -> HttpResponseBase:
    """Show what became of labels in the time that the query string says."""
    form = WindowForm(request.GET)
    window = window_of(form, wiring.clock().now_ms())
    books = Books(in_turn(current_version(wiring.config())), window)
    delays = Delays(window, wiring.config().attribution_window_s)
    pending, redis_away = _pending()
    listings = [
        Listing(_OUTCOMES, outcomes(books.whole), request.GET),
        Listing(_TIMES, books.pages, request.GET),
        Listing(_DELAYS, delays.histogram if delays.clicks else [], request.GET),
        Listing(_ATTRIBUTIONS, delays.attributions if delays.clicks else [], request.GET),
    ]
    context = {
        "form": form,
        "window": window,
        "progress": AggregateProgress.so_far(),
        "pending": pending,
        "redis_away": redis_away,
        "attribution_ms": delays.attribution_s * 1_000,
        "multiples": _multiples(books, window),
        "delay_chart": _delay_chart(delays, listings[2]),
    }
    return respond(request, "analytics/labels.html", context, *listings, status=200 if form.is_valid() else 400)


def _pending() -> tuple[int | None, bool]:
    """Return how many windows are open, None before the first fold; and whether Redis is away."""
    try:
        status = board().read()
    except redis.RedisError:
        return None, True
    return (status.counters.get("labels_pending") if status is not None else None), False


def _multiples(books: Books, window: Window) -> list[Multiple]:
    if not books.pages:
        return []
    whole = books.whole.counters
    across = time_axis(window.start_ms, window.end_ms - window.step_ms, ticks=4)
    found = []
    for name in OUTCOMES:
        counts = {page.at_ms: page.counters.get(name, 0) for page in books.pages}
        points = [Point(at_ms, counts.get(at_ms, 0)) for at_ms in window.buckets]
        figure = figures.quantity(whole.get(name, 0))
        share = whole.get(name, 0) / whole["labels_slates"] if whole.get("labels_slates") else None
        change = "" if name == "labels_slates" or share is None else f"{share:.2f} for each slate"
        svg = small(Series(name, points), across, max(counts.values()) * 1.05, is_open=window.is_under_way)
        base = LABELS.get(name, "slates whose window was opened")
        found.append(Multiple(meaning_of(name).capitalize(), svg, figure, change, base))
    return found


def _delay_chart(delays: Delays, data: Listing) -> Chart | None:
    if not delays.clicks:
        return None
    histogram, window = delays.histogram, figures.duration(delays.attribution_s * 1_000)
    drawn = columns(
        [Bar(delay.below, delay.clicks, "") for delay in histogram],
        value_axis(0, max(delay.clicks for delay in histogram), lambda value: f"{value:,.0f}", whole=True),
        mark=delays.mark,
        marked=f"window {window}",
    )
    within = figures.percent(histogram[delays.mark - 1].share_so_far if delays.mark else 0.0)
    half = next(delay for delay in histogram if delay.share_so_far >= 0.5)
    came = f"within {half.below} of" if half.up_to_ms is not None else f"more than {histogram[-2].below} after"
    return Chart(
        "From slate to click",
        drawn,
        f"Half of {figures.counted(delays.clicks, 'click')} came {came} their slate, {within} within "
        f"the attribution window of {window}. Columns are named by their upper edge.",
        data,
    )


def _signed(change: int) -> str:
    return "as set" if not change else f"{change:+,}".replace("-", "\N{MINUS SIGN}")
