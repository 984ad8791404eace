"""The live page, and the stream that keeps it moving."""

from typing import Any, Final

import redis
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recsys.errors import CorruptState, LogUnavailable
from webapp import wiring
from webapp.analytics import minutes, selectors
from webapp.analytics.permissions import staff_page
from webapp.analytics.samples import recent
from webapp.analytics.tables import Listing, respond
from webapp.analytics.tail import Entry, last_offset, tail
from webapp.analytics.views import live_tables
from webapp.analytics.watching import WATCHERS, Watch, offset_from
from webapp.tracking.consent import visit_from

#: Lines that the page shows; the script keeps as many.
LINES: Final = 100
#: Lines that stand still, to be filtered and sorted.
PAUSED_LINES: Final = 2_000


@require_safe
@never_cache
@staff_page("analytics.view_live")
def live(request: HttpRequest) -> HttpResponseBase:
    """Show what came in last and what the fold says; htmx asks every two seconds for the moving part alone."""
    now_ms = wiring.clock().now_ms()
    paused = "paused" in request.GET
    try:
        found = selectors.live(wiring.redis_client(), now_ms)
    except redis.RedisError:
        found = None
    listings = live_tables.moving(found, request.GET, paused=paused) if found is not None else []
    context: dict[str, Any] = {"live": found, "paused": paused, "real_only": request.GET.get("simulated") == "no"}
    if request.headers.get("HX-Target") == "moving":
        return respond(request, "analytics/live_moving.html", context, *listings)
    if request.GET.get("minute") == "":
        return redirect(f"{request.path}?{_naming_the_minute(request.GET, now_ms)}")
    # Redis that did not answer once is not asked again: one that hangs would have each question wait.
    context |= _minute(request, now_ms, away=found is None)
    listings += [context["minute"]] if "minute" in context else []
    status = 400 if "minute_unknown" in context else 200
    if request.headers.get("HX-Target") == "last-minute":
        return respond(request, "analytics/live_minute.html", context, *listings, status=status)
    lines = _newest(PAUSED_LINES if paused else LINES) if found is not None else []
    if paused:
        listings.append(Listing(live_tables.TAIL, lines, request.GET))
    else:
        context |= _followed(request, lines, now_ms, real_only=context["real_only"])
    return respond(request, "analytics/live.html", context, *listings, status=status)


def _followed(request: HttpRequest, lines: list[Entry], now_ms: int, *, real_only: bool) -> dict[str, Any]:
    """Return what the script goes on from."""
    return {
        "lines": [line for line in reversed(lines) if not (real_only and line.simulated)],
        "blank": Entry(at_ms=now_ms, outcome="accepted", session="copied"),
        # What comes after an empty log comes after now.
        "after": last_offset(lines, f"{now_ms}-0"),
        "size": LINES,
        "yours": _yours(request, now_ms),
    }


def _minute(request: HttpRequest, now_ms: int, *, away: bool) -> dict[str, Any]:
    """Return the minute that the address names, second by second, or why it can't be shown."""
    asked = request.GET.get("minute")
    if asked is None:
        return {}
    ends_ms = minutes.end_of(asked, now_ms)
    if ends_ms is None:
        return {"minute_unknown": asked[:40], "minute_example": minutes.name_of(now_ms)}
    if away:
        return {"minute_away": True}
    real_only = request.GET.get("simulated") == "no"
    try:
        samples = recent(wiring.redis_client(), ends_ms - minutes.MINUTE_MS)
        found = minutes.seconds(tail(), samples, ends_ms, yours=_yours(request, now_ms), real_only=real_only)
    except (LogUnavailable, redis.RedisError):
        return {"minute_away": True}
    except CorruptState as error:
        return {"minute_damaged": str(error)}
    return {
        "minute": Listing(live_tables.MINUTE, found, request.GET),
        "minute_ends_ms": ends_ms,
        "seconds": len(found),
        "cut": len(found) * 1_000 < minutes.MINUTE_MS,
        "most_lines": minutes.MOST_LINES,
    }


def _naming_the_minute(query: QueryDict, now_ms: int) -> str:
    """Return the query with the minute's name, so that the address shows the same minute later."""
    named = query.copy()
    named["minute"] = minutes.name_of(now_ms)
    return named.urlencode()


def _yours(request: HttpRequest, now_ms: int) -> str:
    return visit_from(request.COOKIES, now_ms).session


@require_safe
@never_cache
@staff_page("analytics.view_live")
async def stream(request: HttpRequest) -> HttpResponseBase:
    """Send the tail from where the browser is: ``Last-Event-ID``, else ``?after=``."""
    asked = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    after = offset_from(asked)
    if after is None:
        return HttpResponseBadRequest(
            f"Expected an offset such as 1732451234567-0 in Last-Event-ID or ?after=, received {asked[:40]!r}.",
            content_type="text/plain",
        )
    if Watch.full():
        return HttpResponse(
            f"{WATCHERS} are watching through this process already; try again in a minute.",
            status=503,
            headers={"Retry-After": "60"},
            content_type="text/plain",
        )
    watch = Watch(tail(), after, wiring.clock().now_ms())
    return StreamingHttpResponse(
        watch.messages(),
        content_type="text/event-stream",
        # Proxies that gather a response before they pass it on are asked not to.
        headers={"X-Accel-Buffering": "no"},
    )


def _newest(limit: int) -> list[Entry]:
    try:
        return tail().newest(limit)
    except (LogUnavailable, redis.RedisError):
        return []
