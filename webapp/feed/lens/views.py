"""The lens's pages: whole without scripts, and as fragments for the panel beside the slate."""

import functools
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from recsys.errors import LogFull, LogUnavailable
from recsys.events import Event
from recsys.sessions import Session
from recsys.sessions.portrait import portray
from webapp import wiring
from webapp.feed import shelves
from webapp.feed.lens import alternatives, beliefs, holdings, panel, travel
from webapp.feed.lens.memory import lens_memory
from webapp.feed.lens.whys import contributions
from webapp.feed.presence import presence
from webapp.tracking.consent import Visit
from webapp.tracking.middleware import begin_visit, visit_of

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]

#: The parts of the lens that have a tab: template, route and label.
TABS: Final = (
    ("now", "lens:now", "Now"),
    ("twin", "lens:twin", "Twin"),
    ("time", "lens:time", "Time travel"),
    ("what_if", "lens:what-if", "What if"),
    ("data", "lens:data", "Your data"),
)


def _needs_the_log(view: View) -> View:
    """Let a view that reads the log say so where it can't be reached."""

    @functools.wraps(view)
    async def answer(request: HttpRequest) -> HttpResponse:
        try:
            return await view(request)
        except LogUnavailable:
            return _answer(request, "away", {}, status=503)

    return answer


@require_safe
async def now(request: HttpRequest) -> HttpResponse:
    """What is believed of the visitor, and why each film of their slate is there."""
    visit, session = await _visitor(request)
    if _in_panel(request):
        return _answer(request, "now", {"logged": visit.logged, **panel.context(session)})
    served = await shelves.serve(visit, session, [shelves.for_you(session)])
    session = await presence().session(visit, up_to_date=False)  # rows may be numbered anew by now
    return _answer(request, "now", {"logged": visit.logged, "shelf": served[0], **panel.context(session)})


@require_safe
async def tastes(request: HttpRequest) -> HttpResponse:
    """Every taste, and what else is believed to count more for this visitor, as drawings and as a table."""
    _, session = await _visitor(request)
    portrait, leaning = portray(wiring.replica().world, session), beliefs.leaning_portrait(session)
    context = {
        "rows": beliefs.rows(portrait, None),
        "reach": beliefs.reach(portrait, None),
        "leanings": beliefs.rows(leaning, None),
        "leanings_reach": beliefs.reach(leaning, None),
    }
    return _answer(request, "tastes", context)


@require_safe
async def why(request: HttpRequest) -> HttpResponse:
    """What one film won its place with: numbers that add up."""
    visit, _ = await _visitor(request)
    slate_id, item = request.GET.get("slate", ""), request.GET.get("item", "")
    slate, world = lens_memory().slate(visit.session, slate_id), wiring.replica().world
    if item not in world.rows:
        raise Http404(f"no item {item!r}")
    context: dict[str, Any] = {"title": world.catalogue[world.rows[item]].title}
    if slate is not None and item in slate.items:
        parts, zero, strength = contributions(slate, item)
        place = slate.items.index(item)
        context |= {
            "parts": parts,
            "zero": zero,
            "strength": strength,
            "explored": slate.explored[place],
            "place": place + 1,
        }
        context["propensity"] = slate.propensities[place]
    return _answer(request, "why", context)


@require_safe
async def twin(request: HttpRequest) -> HttpResponse:
    """The visitor's list beside the one that they would have without adaptation."""
    visit, session = await _visitor(request)
    return _answer(request, "twin", {"adaptive": visit.adaptive, "slopes": alternatives.twin(session)})


@require_safe
@_needs_the_log
async def what_if(request: HttpRequest) -> HttpResponse:
    """What list and belief would be without one thing that the visitor did."""
    visit = visit_of(request)
    events = await alternatives.done(visit)
    found = alternatives.deeds(events)
    wanted = request.GET.get("without", "")
    chosen = next((deed for deed in found if str(deed.number) == wanted), None)
    context: dict[str, Any] = {"deeds": found, "chosen": chosen}
    if chosen is not None:
        context |= await alternatives.without(visit, events, chosen.number)
    return _answer(request, "what_if", context)


@require_safe
@_needs_the_log
async def data(request: HttpRequest) -> HttpResponse:
    """What is held about this session."""
    visit, session, events = await _visitor_with_events(request)
    context = {"visit": visit, "forgotten": "forgotten" in request.GET, **holdings.context(visit, session, events)}
    return _answer(request, "data", context)


@require_safe
@_needs_the_log
async def download(request: HttpRequest) -> HttpResponse:
    """Everything that is held about this session, as a file."""
    visit, session, events = await _visitor_with_events(request)
    response = HttpResponse(holdings.download(visit, session, events), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="freshet-session.json"'
    return response


@require_POST
async def forget(request: HttpRequest) -> HttpResponse:
    """Forget this session, and begin a new one."""
    try:
        begin_visit(request, await holdings.forget(visit_of(request)))
    except (LogFull, LogUnavailable):
        return render(request, "feed/away.html", status=503)
    return redirect(f"{reverse('lens:data')}?forgotten")


@require_safe
@_needs_the_log
async def time(request: HttpRequest) -> HttpResponse:
    """What happened in this visit, step by step: each list as it was logged, and what was believed then."""
    visit = visit_of(request)
    context: dict[str, Any] = {"logged": visit.logged}
    if visit.logged:
        # From its own list: for a visit of no events the archive would be searched from end to end.
        events = await alternatives.done(visit)
        context |= travel.context(visit.session, events, request.GET.get("step", ""), reverse("lens:time"))
    return _answer(request, "time", context)


async def _visitor(request: HttpRequest) -> tuple[Visit, Session]:
    visit = visit_of(request)
    return visit, await presence().session(visit)


async def _visitor_with_events(request: HttpRequest) -> tuple[Visit, Session, Sequence[Event]]:
    """Return the session last: while one waits for something else, rows may be numbered anew."""
    events = await alternatives.done(visit_of(request))
    return *await _visitor(request), events


def _in_panel(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _answer(request: HttpRequest, part: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return a part of the lens: alone for htmx, else within a page."""
    template = f"lens/{part}.html"
    if not _in_panel(request):
        context, template = {"part_template": template, **context}, "lens/page.html"
    response = render(request, template, {"part": part, "lens_tabs": TABS, **context}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
