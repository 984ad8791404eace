"""The live page and its knob."""

import redis
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from webapp import wiring
from webapp.analytics import selectors
from webapp.analytics.forms import KnobForm

_LOGIN = "analytics:login"
KNOB_PERMISSION = "training.change_knob"


@require_GET
@never_cache
@login_required(login_url=_LOGIN)
def live(request: HttpRequest) -> HttpResponse:
    """Show what the log and the fold say; htmx asks again every two seconds for the moving part alone."""
    _staff_only(request)
    return _page(request, None)


@require_POST
@login_required(login_url=_LOGIN)
@permission_required(KNOB_PERMISSION, raise_exception=True)
def turn_knob(request: HttpRequest) -> HttpResponse:
    """Set the time between folds; beat looks at it before each one."""
    _staff_only(request)
    form = KnobForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    every_ms = form.cleaned_data["fold_every_ms"]
    try:
        wiring.knobs().fold_every_ms = every_ms
    except redis.RedisError:
        messages.error(request, "Redis can't be reached, so the knob stays where it was. Try again when it is back.")
    else:
        messages.success(request, f"The fold now runs every {every_ms:,} ms.")
    return redirect("analytics:live")


def _staff_only(request: HttpRequest) -> None:
    if not request.user.is_staff:
        raise PermissionDenied


def _page(request: HttpRequest, form: KnobForm | None, status: int = 200) -> HttpResponse:
    try:
        found = selectors.live(wiring.redis_client(), wiring.clock().now_ms())
    except redis.RedisError:
        found = None
    may_turn = request.user.has_perm(KNOB_PERMISSION)
    if may_turn and form is None and found is not None:
        form = KnobForm(initial={"fold_every_ms": found.fold_every_ms})
    context = {
        "live": found,
        "form": form if may_turn else None,
        "paused": "paused" in request.GET,
        "table": "table" in request.GET,
    }
    template = "analytics/live_moving.html" if request.headers.get("HX-Request") else "analytics/live.html"
    return render(request, template, context, status=status)
