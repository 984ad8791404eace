"""The overview."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp import wiring
from webapp.analytics.charts import Bar, Chart, bars
from webapp.analytics.intervals import wilson
from webapp.analytics.links import to_item
from webapp.analytics.models import AggregateProgress
from webapp.analytics.permissions import staff_page
from webapp.analytics.reports.bucket import Bucket
from webapp.analytics.reports.multiples import multiples
from webapp.analytics.reports.overview import End, Overview, StandingOut
from webapp.analytics.reports.window import WindowForm, window_of
from webapp.analytics.tables import CONTAINS, SINCE, UNTIL, Column, Kind, Listing, Table, respond
from webapp.analytics.templatetags import figures
from webapp.analytics.views.click_through import CLICK_THROUGH, INTERVAL
from webapp.catalog.models import Item

_BUCKETS: Final = Table(
    name="time",
    caption="The same as a table, by hour or day (UTC)",
    prefix="time_",
    order="-at_ms",
    per_page=31,
    empty="",
    columns=(
        Column("at_ms", "From", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("sessions", "Sessions", Kind.NUMBER),
        Column("slates", "Slates", Kind.NUMBER),
        Column("impressions", "Impressions", Kind.NUMBER),
        Column("clicks", "Clicks", Kind.NUMBER),
        Column("click_through", "Click-through", Kind.SHARE),
        Column("low", "from", Kind.SHARE),
        Column("high", "to", Kind.SHARE),
        Column("coverage", "Coverage", Kind.SHARE),
        Column("top_tenth", "Concentration", Kind.SHARE),
        Column("novelty", "Novelty, bits", Kind.NUMBER),
        Column("explored", "Explored", Kind.SHARE),
        Column("explored_served", "of what was served", Kind.SHARE),
        Column("propensity", "Mean propensity", Kind.SHARE),
    ),
)
_TITLE: Final = Column("title", "Item", link=to_item(), filters=(CONTAINS,))
_ON_LISTS: Final = (Column("impressions", "Seen", Kind.NUMBER), CLICK_THROUGH, *INTERVAL)
_TOP: Final = Table(
    name="top",
    caption="The items with the most clicks on lists of ours, then those opened most in all",
    prefix="top_",
    order="-clicks",
    per_page=10,
    empty="No item was opened in this time.",
    columns=(
        _TITLE,
        Column("clicks", "Clicks", Kind.NUMBER),
        *_ON_LISTS,
        Column("opened", "Opened in all", Kind.NUMBER),
    ),
)
_RISING: Final = Table(
    name="rising",
    caption="Items whose clicks grew more than the clicks of all items did, and how many times as much",
    prefix="rising_",
    order="-times_expected",
    per_page=10,
    empty="Nothing rises: it takes clicks in the time before, and an item whose clicks grew more than those of all.",
    columns=(
        _TITLE,
        Column("clicks", "Clicks", Kind.NUMBER),
        Column("before", "before", Kind.NUMBER),
        Column("times_expected", "Rise", Kind.NUMBER, cell=lambda found: f"{found.times_expected:.1f} times"),
        *_ON_LISTS,
    ),
)
_NEVER: Final = Table(
    name="never",
    caption="Items of the catalogue that nobody saw in this time",
    prefix="never_",
    order="title",
    per_page=10,
    empty="Every item of the catalogue was seen in this time.",
    columns=(
        Column("title", "Item", cell=str, link=to_item(lambda item: item.item_id), filters=(CONTAINS,)),
        Column("year", "Year", cell=lambda item: "—" if item.year is None else str(item.year)),
    ),
)
_ENDS: Final = Table(
    name="ends",
    caption="Sessions by where they ended, or are now",
    prefix="ends_",
    order="-sessions",
    empty="",
    columns=(
        Column("surface", "Surface", filters=(CONTAINS,)),
        Column("action", "Last action", filters=(CONTAINS,)),
        Column("sessions", "Sessions", Kind.NUMBER),
    ),
)
#: What a session did last, in words.
_ENDED: Final = {
    "impression": "looking",
    "click": "after a click",
    "dwell": "reading",
    "dismissal": "after refusing",
    "dismissal_undone": "after taking a refusal back",
}
#: Bars that are drawn; the table has all.
_BARS: Final = 8


@require_safe
@never_cache
@staff_page("analytics.view_overview")
def overview(request: HttpRequest) -> HttpResponseBase:
    """Show a period against the one before; everything in it is set by the query string."""
    form = WindowForm(request.GET)
    window = window_of(form, wiring.clock().now_ms())
    found = Overview(window)
    progress = AggregateProgress.so_far()
    listings = _listings(request, found)
    context = {
        "form": form,
        "window": window,
        "overview": found,
        "progress": progress,
        "multiples": multiples(found) if found.now.sessions or found.before.sessions else [],
        "ends_chart": _ends_chart(found, listings[-1]),
    }
    return respond(request, "analytics/overview.html", context, *listings, status=200 if form.is_valid() else 400)


def _listings(request: HttpRequest, found: Overview) -> list[Listing]:
    rows: list[tuple[Table, list[Bucket] | list[StandingOut] | list[End]]] = [
        (_BUCKETS, found.buckets),
        (_TOP, found.top),
        (_RISING, found.rising),
    ]
    never = found.never_shown if found.now.sessions else Item.objects.none()
    return [
        *(Listing(table, each, request.GET) for table, each in rows),
        Listing(_NEVER, never, request.GET),
        Listing(_ENDS, found.ends, request.GET),
    ]


def _ends_chart(found: Overview, data: Listing) -> Chart | None:
    sessions = sum(end.sessions for end in found.ends)
    if not sessions:
        return None
    shares = [(end, figures.percent(end.sessions / sessions)) for end in found.ends[:_BARS]]
    (most, share), *_ = shares
    low, high = (figures.percent(edge) for edge in wilson(most.sessions, sessions))
    return Chart(
        title="Where sessions end",
        svg=bars([Bar(_end(end), end.sessions, f"{end.sessions:,} · {share}") for end, share in shares]),
        summary=f"{share} of {figures.counted(sessions, 'session')} (95 % interval {low} to {high}) ended "
        f"{_end(most)}. Sessions that have not ended count where they are now.",
        data=data,
    )


def _end(end: End) -> str:
    if not end.surface:
        return "before anything was seen"
    return f"{_ENDED.get(end.action, end.action)} ({end.surface.replace('_', ' ')})"
