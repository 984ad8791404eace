"""Items: one film's life, and a list to find it in."""

import dataclasses
from typing import Any, Final

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recsys.aggregates.buckets import DAY_MS
from recsys.errors import LogUnavailable
from webapp import wiring
from webapp.analytics.charts import Chart, Point, Series, lines, ordinal_axis, time_axis, value_axis
from webapp.analytics.links import to_item, to_session
from webapp.analytics.models import AggregateProgress
from webapp.analytics.permissions import staff_page
from webapp.analytics.reports.items import RECENT_RECORDS, Counted, ItemLife, catalogue
from webapp.analytics.reports.window import WindowForm, window_of
from webapp.analytics.tables import (
    AT_LEAST,
    AT_MOST,
    CONTAINS,
    EXACTLY,
    SINCE,
    UNTIL,
    Column,
    Kind,
    Listing,
    Table,
    respond,
)
from webapp.analytics.templatetags import figures
from webapp.analytics.views.click_through import CLICK_THROUGH, INTERVAL
from webapp.catalog.models import Item

ITEMS: Final = Table(
    name="items",
    caption="Items of the catalogue, click-through with 95 % intervals",
    order="-impressions",
    empty="The catalogue is empty. Load a data set, or add items in the admin.",
    columns=(
        Column("title", "Item", link=to_item(lambda item: item.item_id), filters=(CONTAINS,)),
        Column("id", "Id", Kind.CODE, value=lambda item: item.item_id, field="item_id", filters=(EXACTLY,)),
        Column("year", "Year", cell=lambda item: figures.NOTHING if item.year is None else str(item.year)),
        Column("impressions", "Seen", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        Column("clicks", "Opened of these", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        dataclasses.replace(CLICK_THROUGH, filters=(AT_LEAST,)),
        *(dataclasses.replace(end, sortable=False) for end in INTERVAL),
        Column("opened", "Opened in all", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        Column("removed", "Removed", Kind.YES_NO, filters=(EXACTLY,)),
    ),
)
_COUNTED: Final = (
    Column("impressions", "Seen", Kind.NUMBER),
    Column("clicks", "Opened of these", Kind.NUMBER),
    CLICK_THROUGH,
    *INTERVAL,
)
POSITIONS: Final = Table(
    name="positions",
    caption="By position, from 0, with 95 % intervals",
    prefix="p_",
    order="at",
    per_page=25,
    empty="",
    columns=(Column("at", "Position", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)), *_COUNTED),
)
DAYS: Final = Table(
    name="days",
    caption="By day (UTC), with 95 % intervals",
    prefix="d_",
    order="-at",
    per_page=31,
    empty="",
    columns=(
        Column("at", "Day", Kind.TIME, filters=(SINCE, UNTIL)),
        *_COUNTED,
        Column("explored", "Seen by chance", Kind.NUMBER),
        Column("opened", "Opened in all", Kind.NUMBER),
    ),
)
NEIGHBOURS: Final = Table(
    name="neighbours",
    caption="Opened in the same sessions",
    prefix="n_",
    order="-sessions",
    per_page=10,
    empty="No session that is remembered opened this and something else.",
    columns=(
        Column("title", "Item", link=to_item(), filters=(CONTAINS,)),
        Column("sessions", "Sessions", Kind.NUMBER),
        Column("share", "Of those that opened this", Kind.SHARE),
    ),
)
ALIKE: Final = Table(
    name="alike",
    caption="Alike by content",
    prefix="a_",
    order="-likeness",
    per_page=10,
    empty="Nothing has a category or tag in common with it.",
    columns=(
        Column("title", "Item", link=to_item(), filters=(CONTAINS,)),
        Column("likeness", "Likeness, 0 to 1", Kind.NUMBER),
    ),
)
RECENT: Final = Table(
    name="recent",
    caption=f"Lists that showed it, among the newest {RECENT_RECORDS:,} events",
    prefix="r_",
    order="-at_ms",
    per_page=10,
    empty="None of the newest events is a list that showed it.",
    columns=(
        Column("at_ms", "When", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("session", "Session", Kind.CODE, link=to_session(), filters=(CONTAINS,)),
        Column("surface", "Surface", filters=(CONTAINS,)),
        Column("position", "Position", Kind.NUMBER),
        Column("propensity", "Probability", Kind.SHARE),
        Column("explored", "By chance", Kind.YES_NO, filters=(EXACTLY,)),
        Column("clicked", "Opened", Kind.YES_NO, filters=(EXACTLY,)),
        Column("simulated", "Simulated", Kind.YES_NO, filters=(EXACTLY,)),
    ),
)


@require_safe
@never_cache
@staff_page("analytics.view_items")
def items(request: HttpRequest) -> HttpResponseBase:
    """List the catalogue with what was seen and opened of each item in a period."""
    form = WindowForm(request.GET)
    window = window_of(form, wiring.clock().now_ms())
    listing = Listing(ITEMS, catalogue(window), request.GET)
    context = {"form": form, "window": window, "progress": AggregateProgress.so_far()}
    return respond(request, "analytics/items.html", context, listing, status=200 if form.is_valid() else 400)


@require_safe
@never_cache
@staff_page("analytics.view_items")
def item(request: HttpRequest, item_id: str) -> HttpResponseBase:
    """Show one item's life."""
    form = WindowForm(request.GET)
    life = ItemLife(item_id, window_of(form, wiring.clock().now_ms()))
    found = Item.objects.filter(item_id=item_id).first()
    if found is None and life.belief is None:
        raise Http404(f"there is no item {item_id}")
    sessions, neighbours = life.neighbours
    listings = [
        Listing(POSITIONS, life.positions, request.GET),
        Listing(DAYS, life.days, request.GET),
        Listing(NEIGHBOURS, neighbours, request.GET),
        Listing(ALIKE, life.alike, request.GET),
    ]
    context: dict[str, Any] = {
        "form": form,
        "window": life.window,
        "progress": AggregateProgress.so_far(),
        "item": found,
        "item_id": item_id,
        "life": life,
        "sessions": sessions,
        "charts": _charts(life, *listings[:2]) if life.total.impressions or life.total.opened else [],
    }
    try:
        listings.append(Listing(RECENT, life.recent(), request.GET))
    except LogUnavailable:
        context["away"] = True
    return respond(request, "analytics/item.html", context, *listings, status=200 if form.is_valid() else 400)


def _charts(life: ItemLife, positions: Listing, days: Listing) -> list[Chart]:
    return [
        Chart(
            "Click-through by position", _rates_by_position(life.positions), _position_words(life.positions), positions
        ),
        Chart("By day", _by_day(life), _day_words(life), days),
    ]


def _rates_by_position(counted: list[Counted]) -> Any:
    across = ordinal_axis([str(each.at) for each in counted])
    points = [Point(place, each.rate, each.low, each.high) for place, each in enumerate(counted)]
    highest = max((each.high or 0.0 for each in counted), default=0.0)
    return lines([Series("", points)], across, value_axis(0, highest, figures.percent, at_most=1.0), named=False)


def _position_words(counted: list[Counted]) -> str:
    best = max((each for each in counted if each.rate is not None), key=lambda each: each.low or 0.0, default=None)
    if best is None:
        return "It was opened, but no list of ours is known to have shown it."
    return (
        f"Seen at {figures.counted(len(counted), 'position')}. Surest to be opened at position {best.at}: "
        f"{figures.percent(best.rate)} ({figures.percent(best.low)} to {figures.percent(best.high)}) of "
        f"{figures.counted(best.impressions, 'impression')}. The band is the 95 % interval, "
        "as if impressions were independent."
    )


def _by_day(life: ItemLife) -> Any:
    across = time_axis(life.days[0].at, life.window.end_ms, least_step_ms=DAY_MS)
    up = value_axis(0, max(day.impressions for day in life.days) or 1, figures.quantity, whole=True)
    return lines(
        [
            Series("seen", [Point(day.at, day.impressions) for day in life.days]),
            Series("opened", [Point(day.at, day.clicks) for day in life.days], dashed=True),
        ],
        across,
        up,
    )


def _day_words(life: ItemLife) -> str:
    total = life.total
    words = "Not seen on lists of ours."
    if total.interval:
        words = (
            f"Seen {figures.counted(total.impressions, 'time')}, {total.explored:,} of them by chance, and opened "
            f"{figures.counted(total.clicks, 'time')}: {figures.percent(total.rate)} "
            f"({figures.percent(total.low)} to {figures.percent(total.high)})."
        )
    if total.loose:
        words += f" Opened {figures.counted(total.loose, 'time')} where no list of ours is known to have shown it."
    return words
