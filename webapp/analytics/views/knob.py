"""The knob: how often the fold runs."""

from typing import cast

import redis
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from webapp import wiring
from webapp.analytics.forms import KnobForm
from webapp.analytics.permissions import KNOB_PERMISSION, staff_page


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_page("analytics.view_knob")
def knob(request: HttpRequest) -> HttpResponse:
    """Show the time between folds, and set it; beat looks at it before each one."""
    if request.method != "POST":
        return _page(request, None)
    if not cast(User, request.user).has_perm(KNOB_PERMISSION):
        raise PermissionDenied
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
    return redirect("analytics:knob")


def _page(request: HttpRequest, form: KnobForm | None, status: int = 200) -> HttpResponse:
    try:
        every_ms = wiring.knobs().fold_every_ms
    except redis.RedisError:
        return render(request, "analytics/knob.html", {"away": True}, status=status)
    if not cast(User, request.user).has_perm(KNOB_PERMISSION):
        form = None
    elif form is None:
        form = KnobForm(initial={"fold_every_ms": every_ms})
    return render(request, "analytics/knob.html", {"form": form, "fold_every_ms": every_ms}, status=status)
