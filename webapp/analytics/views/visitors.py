"""Bringing simulated visitors: how many, for how long, how they do, and sending them away."""

from typing import Any, cast

import redis
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import ADDITION, DELETION
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from recsys.log.redis_client import trouble
from webapp import wiring
from webapp.analytics import audit
from webapp.analytics.forms import VisitorsForm
from webapp.analytics.models import SimulatedVisitors
from webapp.analytics.permissions import staff_page
from webapp.analytics.tables import Listing, Table, respond
from webapp.analytics.templatetags.figures import counted
from webapp.visitors import services
from webapp.visitors.services import Run

_PERMISSION = "analytics.bring_visitors"
DEEDS = Table(
    name="deeds",
    caption="Who brought them and sent them away",
    order="-at_ms",
    empty="Nobody was brought from here yet. Who does, and who sends them away, is written down here.",
    per_page=20,
    columns=audit.COLUMNS,
)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_page(_PERMISSION)
def visitors(request: HttpRequest) -> HttpResponseBase:
    """Show who is here and what the last ones did; let others in."""
    if request.method != "POST":
        return _page(request, VisitorsForm())
    form = VisitorsForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    user = cast(User, request.user)
    try:
        run = services.bring(**form.cleaned_data, by=user.get_username())
    except (services.NotAllowed, services.AlreadyThere) as refusal:
        messages.error(request, f"Nobody was let in: {refusal}.")
    except redis.RedisError as error:
        messages.error(request, f"{trouble(error)}, so nobody was let in. Try again later.")
    else:
        what = f"brought, {counted(run.rate, 'event')} a second for {form.cleaned_data['minutes']} min"
        _write_down(user, ADDITION, what, run)
    return redirect("analytics:visitors")


@require_POST
@never_cache
@staff_page(_PERMISSION)
def send_away(request: HttpRequest) -> HttpResponseBase:
    """Let the visitors that are here leave within a second or two."""
    try:
        run = services.board().latest()
        if run is not None and run.goes_on:
            services.board().ask_to_stop(run.id)
            _write_down(cast(User, request.user), DELETION, f"sent away after {counted(run.events, 'event')}", run)
            messages.success(request, "They are leaving.")
    except redis.RedisError as error:
        messages.error(request, f"{trouble(error)}, so they stay until their time is over.")
    return redirect("analytics:visitors")


def _page(request: HttpRequest, form: VisitorsForm, status: int = 200) -> HttpResponseBase:
    try:
        context = _found(wiring.clock().now_ms())
    except redis.RedisError:
        return render(request, "analytics/visitors.html", {"away": True}, status=503 if status == 200 else status)
    context |= {
        "form": form,
        "allowed": settings.FRESHET_SIMULATED_VISITORS,
        "taught": settings.FRESHET_LEARN_FROM_SIMULATED,
        "control_share": settings.FRESHET_SIMULATED_CONTROL_SHARE,
    }
    if request.headers.get("HX-Target") == "crowd":
        return render(request, "analytics/visitors_here.html", context)
    listing = Listing(DEEDS, audit.deeds(SimulatedVisitors), request.GET)
    return respond(request, "analytics/visitors.html", context, listing, status=status)


def _write_down(user: User, flag: int, what: str, run: Run) -> None:
    audit.write_down(user, SimulatedVisitors, flag, what, f"visitors {run.id}", run.id)


def _found(now_ms: int) -> dict[str, Any]:
    run = services.board().latest()
    if run is None or not run.goes_on:
        return {"last": run}
    passed_ms = min(max(now_ms - run.begins_ms, 0), run.ends_ms - run.begins_ms)
    return {
        "run": run,
        "passed_s": passed_ms // 1_000,
        "whole_s": (run.ends_ms - run.begins_ms) // 1_000,
        "left_ms": run.ends_ms - run.begins_ms - passed_ms,
        "per_s": run.events / (passed_ms / 1_000) if passed_ms else 0.0,
    }
