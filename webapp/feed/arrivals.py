"""The first page of a visit: how it began is logged once, before what it shows."""

from django.http import HttpRequest

from recsys.sessions import Session
from webapp.feed.own_log import own_log
from webapp.feed.presence import presence
from webapp.tracking.consent import Visit
from webapp.tracking.entry import began
from webapp.tracking.middleware import visit_of


async def visitor(request: HttpRequest, *, up_to_date: bool = True) -> tuple[Visit, Session]:
    """Return who asks for a page, and their session; one that begins with this request takes in how it came.

    `up_to_date` is as `Presence.session` has it.
    """
    visit = visit_of(request)
    if visit.new and not visit.visitor:
        session = presence().here(visit)  # nothing is logged of it, nor of earlier ones
    else:
        session = await presence().session(visit, up_to_date=up_to_date)
    if visit.new:
        event = began(request, visit)
        session = presence().observe(visit, [event])
        if visit.logged:
            await own_log().append([event])
    return visit, session
