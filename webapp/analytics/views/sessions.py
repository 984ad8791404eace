"""Sessions: find one, see what was logged of it and what was believed then, take it away as a file."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recsys.events import Event
from webapp.analytics import visits
from webapp.analytics.links import to_item, to_session
from webapp.analytics.models import SessionSitting
from webapp.analytics.permissions import staff_page
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
from webapp.feed.lens import travel

JSON = "json"
_ACTIONS = [(name, name) for name in ("impression", "click", "dwell", "dismissal", "dismissal_undone")]


SESSIONS = Table(
    name="sessions",
    caption="Sessions",
    order="-started_ms",
    empty="Nobody has been here yet. Open the site in another window: your visit appears here seconds later.",
    columns=(
        Column("session", "Session", Kind.CODE, link=to_session(), filters=(CONTAINS,)),
        Column("started_ms", "Began", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("lasted_ms", "Lasted", Kind.DURATION, filters=(AT_LEAST,)),
        Column("events", "Events", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        Column("slates", "Slates", Kind.NUMBER),
        Column("impressions", "Seen", Kind.NUMBER),
        Column("clicks", "Opened", Kind.NUMBER, filters=(AT_LEAST,)),
        Column("dismissals", "Not for me", Kind.NUMBER),
        Column("last_action", "Last did", filters=(EXACTLY,), choices=_ACTIONS),
        Column("last_surface", "Where"),
        Column("arm", "Arm", filters=(EXACTLY,)),
        Column("simulated", "Simulated", Kind.YES_NO, filters=(EXACTLY,)),
    ),
)


LOGGED = Table(
    name="events",
    caption="What was logged, in order",
    order="number",
    empty="The log does not have this session at hand.",
    per_page=50,
    columns=(
        Column("number", "Nr", Kind.NUMBER),
        Column("event_time_ms", "When", Kind.TIME),
        Column("kind", "Event", filters=(CONTAINS,)),
        Column("title", "Item", link=to_item(), filters=(CONTAINS,)),
        Column("position", "At", Kind.NUMBER),
        Column("surface", "Surface", filters=(CONTAINS,)),
        Column("items", "Items", Kind.NUMBER),
        Column("explored", "By chance", Kind.NUMBER),
        Column("dwell_ms", "Read for", Kind.DURATION),
        Column("slate", "Slate", Kind.CODE),
        Column("version", "World", Kind.CODE),
        Column("arm", "Arm"),
        Column("seq", "Seq", Kind.NUMBER),
    ),
)


@require_safe
@never_cache
@staff_page("analytics.view_sessions")
def sessions(request: HttpRequest) -> HttpResponseBase:
    """List sessions, a row for each sitting."""
    sittings = SessionSitting.objects.annotate(lasted_ms=F("ended_ms") - F("started_ms"))
    return respond(request, "analytics/sessions.html", {}, Listing(SESSIONS, sittings, request.GET))


@require_safe
@never_cache
@staff_page("analytics.view_sessions")
async def session(request: HttpRequest, session_id: str) -> HttpResponseBase:
    """Show one session: its sittings, its past step by step, and everything logged of it."""
    sittings = await sync_to_async(visits.sittings)(session_id)
    since_ms, until_ms = await sync_to_async(visits.received)(sittings)
    found = await asyncio.to_thread(visits.found, session_id, since_ms, until_ms)
    events = found.events
    if JSON in request.GET and events:
        return _as_json(session_id, events)
    path = reverse("analytics:session", args=[session_id])
    context: dict[str, Any] = {
        "session": session_id,
        "sittings": sittings,
        "found": found,
        **travel.context(session_id, events, request.GET.get("step", ""), path, who="this session"),
    }
    listing = Listing(LOGGED, visits.logged(events), request.GET)
    status = 200 if events or sittings else 503 if found.away or found.damage else 404
    return await sync_to_async(respond)(request, "analytics/session.html", context, listing, status=status)


def _as_json(session_id: str, events: Sequence[Event]) -> HttpResponse:
    response = HttpResponse(visits.as_json(session_id, events), content_type="application/json")
    name = re.sub(r"[^\w-]", "_", session_id[:40], flags=re.ASCII)
    response["Content-Disposition"] = f'attachment; filename="session-{name}.json"'
    return response
