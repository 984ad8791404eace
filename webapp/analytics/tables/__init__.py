"""The staff pages' tables: declare columns, get sorting, filters, pages and CSV, all in the address.

``columns`` says what a table has, ``listing`` what one request sees of it, ``answers`` how it is sent::

    SESSIONS = Table(name="sessions", caption="Sessions", order="-began_ms", empty="…", columns=(
        Column("session", "Session", link=to_session(), filters=(CONTAINS,)),
        Column("events", "Events", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
    ))

    def sessions(request):
        listing = Listing(SESSIONS, SessionRow.objects.all(), request.GET)   # or any sequence of objects
        return respond(request, "analytics/sessions.html", {}, listing)

and in the template, where the listing stands under its table's name: ``{% include "analytics/table.html" with
listing=sessions %}``.
"""

from webapp.analytics.tables.answers import respond
from webapp.analytics.tables.columns import (
    AT_LEAST,
    AT_MOST,
    CONTAINS,
    EXACTLY,
    SINCE,
    UNTIL,
    Column,
    Kind,
    Link,
    Table,
)
from webapp.analytics.tables.listing import Listing

__all__ = [
    "AT_LEAST",
    "AT_MOST",
    "CONTAINS",
    "EXACTLY",
    "SINCE",
    "UNTIL",
    "Column",
    "Kind",
    "Link",
    "Listing",
    "Table",
    "respond",
]
