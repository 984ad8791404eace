"""The lens's pages: whole without scripts, and as fragments for the panel beside the slate."""

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from recsys.sessions import Session
from recsys.sessions.portrait import portray
from webapp import wiring
from webapp.feed import shelves
from webapp.feed.lens import beliefs, panel, travel
from webapp.feed.lens.memory import lens_memory
from webapp.feed.lens.whys import contributions
from webapp.feed.presence import presence
from webapp.tracking.consent import Visit
from webapp.tracking.middleware import visit_of

#: The parts of the lens that have a tab: template, route and label.
_TABS: Final = (
    ("now", "lens:now", "Now"),
    ("time", "lens:time", "Time travel"),
)


@require_GET
async def now(request: HttpRequest) -> HttpResponse:
    """What is believed of the visitor, and why each film of their slate is there."""
    visit, session = await _visitor(request)
    if _in_panel(request):
        return _answer(request, "now", panel.context(session))
    served = await shelves.serve(visit, session, [shelves.for_you(session)])
    return _answer(request, "now", {"shelf": served[0], **panel.context(session)})


@require_GET
async def tastes(request: HttpRequest) -> HttpResponse:
    """Every taste, as drawings and as a table."""
    _, session = await _visitor(request)
    return _answer(request, "tastes", {"rows": beliefs.rows(portray(wiring.replica().world, session), None)})


@require_GET
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


@require_GET
async def time(request: HttpRequest) -> HttpResponse:
    """What happened in this visit, step by step: each list as it was logged, and what was believed then."""
    visit = visit_of(request)
    context: dict[str, Any] = {"logged": visit.logged}
    if visit.logged:
        context |= await travel.context(visit.session, request.GET.get("step", ""), reverse("lens:time"))
    return _answer(request, "time", context)


async def _visitor(request: HttpRequest) -> tuple[Visit, Session]:
    visit = visit_of(request)
    return visit, await presence().session(visit)


def _in_panel(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _answer(request: HttpRequest, part: str, context: dict[str, Any]) -> HttpResponse:
    """Return a part of the lens: alone for htmx, else within a page."""
    template = f"lens/{part}.html"
    if not _in_panel(request):
        context, template = {"part_template": template, **context}, "lens/page.html"
    response = render(request, template, {"part": part, "lens_tabs": _TABS, **context})
    patch_vary_headers(response, ["HX-Request"])
    return response
