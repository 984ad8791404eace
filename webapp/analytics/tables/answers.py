"""How a page with tables is sent: whole, one table of it for htmx, or a table's rows as CSV."""

import csv
import io
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from webapp.analytics.tables.columns import Value
from webapp.analytics.tables.listing import CSV, Listing

_LINES_AT_ONCE: Final = 500
#: A spreadsheet takes text that begins like this for a formula and runs it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def respond(
    request: HttpRequest, template: str, context: dict[str, Any], *listings: Listing, status: int = 200
) -> HttpResponseBase:
    """Send a page with its tables; each listing is in the context under its table's name.

    A query string that makes no sense is answered by the page, which says so, with status 400.
    """
    wanted = request.GET.get(CSV)
    for listing in listings:
        if wanted == listing.name and not listing.refused:
            return _as_csv(request, listing)
    target = request.headers.get("HX-Target")
    fragment = next((listing for listing in listings if listing.element == target), None)
    status = 400 if status == 200 and any(listing.refused for listing in listings) else status
    if fragment is not None and not request.headers.get("HX-History-Restore-Request"):
        return render(request, "analytics/table.html", {"listing": fragment, "asked_for": True}, status=status)
    named = {listing.name: listing for listing in listings}
    return render(request, template, {**context, **named}, status=status)


def _as_csv(request: HttpRequest, listing: Listing) -> HttpResponseBase:
    lines = _lines(listing)
    # Django would gather the whole of an iterator that is not of its server's kind before sending any of it.
    content = _unblocked(lines) if isinstance(request, ASGIRequest) else lines
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{listing.name}.csv"'
    return response


def _lines(listing: Listing) -> Iterator[str]:
    """Yield the file, some hundred lines at a time."""
    columns = listing.table.columns
    head: list[list[Value]] = [[column.name for column in columns]]
    rows: Iterator[list[Value]] = (
        [column.kind.exported(column.value_of(row)) for column in columns] for row in listing.everything()
    )
    lines: Iterator[list[Value]] = itertools.chain(head, rows)
    while some := list(itertools.islice(lines, _LINES_AT_ONCE)):
        written = io.StringIO()
        csv.writer(written).writerows([_harmless(value) for value in line] for line in some)
        yield written.getvalue()


async def _unblocked(lines: Iterator[str]) -> AsyncIterator[str]:
    """Yield the same on an event loop, each part made on the thread that has the database."""
    while part := await sync_to_async(lambda: next(lines, ""))():
        yield part


def _harmless(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
