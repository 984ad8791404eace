"""The visitor's pages: each is whole without scripts, and none touches the database."""

import contextlib
from typing import Final
from urllib.parse import parse_qsl, urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from recsys.errors import LogUnavailable, RefusedEvent
from recsys.events import ItemUpserted
from recsys.sessions import Session
from webapp import wiring
from webapp.catalog import search as catalogue_search
from webapp.feed import actions, shelves
from webapp.feed.arrivals import visitor
from webapp.feed.cards import item_path, poster_html
from webapp.feed.selectors import GENRES_SHOWN, available_item
from webapp.numerals import number_named
from webapp.tracking.consent import Visit
from webapp.tracking.middleware import visit_of

SEARCH_RESULTS: Final = 48
#: Of what a visit opened, the latest. A list of all may be too large an event for the log.
HISTORY_SHOWN: Final = 100
MAX_QUERY_LENGTH: Final = 100

#: Where htmx puts a film beside the slate.
_PANEL: Final = "film"


@require_safe
async def home(request: HttpRequest) -> HttpResponse:
    """For you, trending, new, and rows of the largest genres; the others follow (`genres`)."""
    visit, session = await visitor(request)
    if not wiring.replica().world.items["available"].any():
        return _page(request, session, "feed/home.html", {"shelves": []})
    drafts, more = shelves.home(session)
    served = await shelves.serve(visit, session, drafts)
    return _page(request, session, "feed/home.html", {"shelves": served, "more": more})


@require_safe
async def genres(request: HttpRequest) -> HttpResponse:
    """Rows of further genres: asked for by htmx the next few, else a page of all that are left."""
    first, following = number_named(request.GET.get("from", "")) or 0, request.headers.get("HX-Request") == "true"
    # A part of a page that is open: its socket tells what happens.
    visit, session = await visitor(request, up_to_date=not following)
    drafts, more = shelves.genres(session, first, shelves.GENRES_AT_ONCE if following else GENRES_SHOWN)
    context: dict[str, object] = {"shelves": await shelves.serve(visit, session, drafts), "more": more}
    response = _page(request, session, "feed/rows.html" if following else "feed/genres.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
async def item(request: HttpRequest, item: str) -> HttpResponse:
    """A film and its neighbors: a page of its own, or, asked for by htmx, what goes into the panel."""
    found = available_item(item)
    if found is None:
        raise Http404(f"no item {item!r}")
    visit, session = await visitor(request)
    beside = request.headers.get("HX-Target") == _PANEL
    if "slate" in request.GET and not beside:
        return await _opened_by_link(request, visit, item)
    refused = wiring.replica().world.rows.get(item) in session.context.dismissed
    (neighbours,) = await shelves.serve(visit, session, [shelves.neighbours(session, item)])
    context = {
        "item": found,
        "poster": poster_html(found),
        "shelf": neighbours,
        "beside": beside,
        "refused": refused,
    }
    response = _page(request, session, "feed/film.html" if beside else "feed/item.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    if beside:
        response["HX-Push-Url"] = item_path(item)
    return response


@require_safe
async def search(request: HttpRequest) -> HttpResponse:
    """Films by the beginnings of words in title, genre and year."""
    visit, session = await visitor(request)
    query = request.GET.get("q", "").strip()[:MAX_QUERY_LENGTH]
    found = catalogue_search.find(query, SEARCH_RESULTS)
    drafts = [shelves.listed(session, "search", f"Films that match “{query}”", found)]
    served = await shelves.serve(visit, session, drafts)
    return _page(request, session, "feed/search.html", {"query": query, "shelf": served[0] if served else None})


@require_safe
async def history(request: HttpRequest) -> HttpResponse:
    """What this session opened, newest first, and what it does not want to see."""
    visit, session = await visitor(request)
    catalogue = wiring.replica().world.catalogue
    said_no = [catalogue[row] for row in reversed(session.context.dismissed)]
    drafts = [shelves.listed(session, "session_history", "Opened in this visit", _opened(session)[:HISTORY_SHOWN])]
    served = await shelves.serve(visit, session, drafts)
    context: dict[str, object] = {"page": "history", "shelf": served[0] if served else None, "said_no": said_no}
    return _page(request, session, "feed/history.html", context)


@require_POST
async def dismiss(request: HttpRequest) -> HttpResponse:
    """ "Not for me" and its undo, by form; goes back to where it was said."""
    visit = visit_of(request)
    slate, _, dismissed = request.POST.get("card", "").partition("/")
    taken_back = request.POST.get("undo", "")
    try:
        if taken_back:
            await actions.undo(visit, taken_back)
        else:
            await actions.dismiss(visit, dismissed, slate)
    except RefusedEvent:
        return render(request, "400.html", status=400)
    except LogUnavailable:
        return render(request, "feed/away.html", status=503)
    return redirect(_back(request, {} if taken_back else {"dismissed": dismissed}))


def _page(request: HttpRequest, session: Session, template: str, context: dict[str, object]) -> HttpResponse:
    return render(request, template, {"beside": True, "dismissed": _just_dismissed(request, session), **context})


def _just_dismissed(request: HttpRequest, session: Session) -> ItemUpserted | None:
    """Return the item that a form has just dismissed, for the notice that offers undo."""
    row = wiring.replica().world.rows.get(request.GET.get("dismissed", ""))
    return wiring.replica().world.catalogue[row] if row in session.context.dismissed else None


async def _opened_by_link(request: HttpRequest, visit: Visit, item: str) -> HttpResponse:
    """Count the click that the link stands for, and go on to the address without it: a reload is no second click.

    The tracker takes the list out of each link that it tells of. What comes with it was opened without scripts, or past
    them: by the browser's own menu, or before they had loaded.
    """
    if request.method == "GET":
        # What can't be counted is noted where it happens; the film is shown all the same.
        with contextlib.suppress(RefusedEvent, LogUnavailable):
            await actions.click(visit, item, request.GET["slate"])
    return redirect(item_path(item))


def _opened(session: Session) -> list[str]:
    """Return the items opened: the latest distinct ones newest first, then those before them."""
    latest = list(reversed(session.context.clicked))
    before = [row for row in reversed(session.context.opened) if row not in latest]
    catalogue = wiring.replica().world.catalogue
    return [catalogue[row].item for row in latest + before]


def _back(request: HttpRequest, said: dict[str, str]) -> str:
    """Return the address that the form stood on, with what was said there."""
    wanted = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        wanted = "/"
    path, _, query = wanted.partition("?")
    fields = {key: value for key, value in parse_qsl(query) if key != "dismissed"} | said
    return f"{path}?{urlencode(fields)}" if fields else path
