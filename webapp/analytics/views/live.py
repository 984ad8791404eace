"""The live page."""

import redis
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp import wiring
from webapp.analytics import selectors
from webapp.analytics.permissions import staff_page


@require_safe
@never_cache
@staff_page("analytics.view_live")
def live(request: HttpRequest) -> HttpResponse:
    """Show what the log and the fold say; htmx asks again every two seconds for the moving part alone."""
    try:
        found = selectors.live(wiring.redis_client(), wiring.clock().now_ms())
    except redis.RedisError:
        found = None
    context = {"live": found, "paused": "paused" in request.GET, "table": "table" in request.GET}
    template = "analytics/live_moving.html" if request.headers.get("HX-Request") else "analytics/live.html"
    return render(request, template, context)
