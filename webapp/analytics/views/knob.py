"""The knob: how often the fold runs, and what turning it did."""

from typing import cast

import redis
from django.contrib import messages
from django.contrib.admin.models import CHANGE
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from recsys.log.redis_client import trouble
from webapp import wiring
from webapp.analytics import audit, turning
from webapp.analytics.forms import KnobForm
from webapp.analytics.permissions import KNOB_PERMISSION, staff_page
from webapp.analytics.tables import AT_LEAST, AT_MOST, SINCE, UNTIL, Column, Kind, Listing, Table, respond
from webapp.training.models import Knob

STRETCHES = Table(
    name="stretches",
    caption="Between turns, in the last quarter of an hour",
    order="-began_ms",
    empty="The worker has not folded yet. What each position of the knob costs and brings appears here seconds later.",
    per_page=20,
    prefix="s_",
    columns=(
        Column("began_ms", "From", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("ended_ms", "To", Kind.TIME),
        Column("every_ms", "Knob", Kind.DURATION, filters=(AT_LEAST, AT_MOST)),
        Column("waited_ms", "Events waited, mean", Kind.DURATION),
        Column("waited_worst_ms", "At most", Kind.DURATION),
        Column("waited_samples", "In samples", Kind.NUMBER),
        Column("cpu", "Of one processor", Kind.SHARE),
        Column("events_per_s", "Events a second", Kind.NUMBER),
        Column("samples", "Samples", Kind.NUMBER),
    ),
)
MOMENTS = Table(
    name="moments",
    caption="Sample by sample, in the last quarter of an hour",
    order="-at_ms",
    empty="The first samples come within seconds of the worker's first fold.",
    per_page=25,
    prefix="m_",
    columns=(
        Column("at_ms", "When", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("every_ms", "Knob", Kind.DURATION),
        Column("waited_ms", "Oldest event waited", Kind.DURATION, filters=(AT_LEAST,)),
        Column("cpu", "Of one processor", Kind.SHARE, filters=(AT_LEAST,)),
    ),
)
TURNS = Table(
    name="turns",
    caption="Who turned it",
    order="-at_ms",
    empty="Nobody has turned it yet: it stands where FRESHET_FOLD_EVERY_MS put it.",
    per_page=20,
    prefix="t_",
    columns=audit.COLUMNS,
)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@staff_page("analytics.view_knob")
def knob(request: HttpRequest) -> HttpResponseBase:
    """Show the time between folds, and set it; beat looks at it before each one."""
    if request.method != "POST":
        return _page(request, None)
    user = cast(User, request.user)
    if not user.has_perm(KNOB_PERMISSION):
        raise PermissionDenied
    form = KnobForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    every_ms = form.cleaned_data["fold_every_ms"]
    try:
        before_ms = wiring.knobs().fold_every_ms
        wiring.knobs().fold_every_ms = every_ms
    except redis.RedisError as error:
        messages.error(request, f"{trouble(error)}, so the knob stays where it was. Try again later.")
    else:
        audit.write_down(user, Knob, CHANGE, f"from {before_ms} to {every_ms} ms", "time between folds")
        messages.success(request, f"The fold now runs every {every_ms:,} ms.")
    return redirect("analytics:knob")


def _page(request: HttpRequest, form: KnobForm | None, status: int = 200) -> HttpResponseBase:
    try:
        found = turning.effect(wiring.redis_client(), wiring.clock().now_ms())
    except redis.RedisError:
        return render(request, "analytics/knob.html", {"away": True}, status=503 if status == 200 else status)
    if not cast(User, request.user).has_perm(KNOB_PERMISSION):
        form = None
    elif form is None:
        form = KnobForm(initial={"fold_every_ms": found.every_ms})
    if request.headers.get("HX-Target") == "effect":
        return render(request, "analytics/knob_effect.html", {"effect": found})
    listings = [
        Listing(MOMENTS, found.moments, request.GET),
        Listing(STRETCHES, found.stretches, request.GET),
        Listing(TURNS, audit.deeds(Knob), request.GET),
    ]
    return respond(request, "analytics/knob.html", {"form": form, "effect": found}, *listings, status=status)
