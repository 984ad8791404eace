"""Dead letters: what could not enter the log, why, and trying it again."""

from collections.abc import Callable
from typing import Final, cast

import redis
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from recsys.errors import LogUnavailable
from recsys.log.base import DEAD_LETTERS, DeadLetter
from webapp.analytics import audit, letters, redrives
from webapp.analytics.models import StaffPage
from webapp.analytics.permissions import staff_page
from webapp.analytics.tables import (
    AT_LEAST,
    AT_MOST,
    CONTAINS,
    EXACTLY,
    SINCE,
    UNTIL,
    Column,
    Kind,
    Link,
    Listing,
    Table,
    respond,
)
from webapp.tracking.redriving import NotRedrivable
from webapp.tracking.refusals import MENDABLE

REDRIVE = "analytics.redrive_dead_letters"
DISCARD = "analytics.discard_dead_letters"
#: A few letters are tried before the page comes back, so that it says at once what became of them.
_PATIENCE_S: Final = 0.2
_AWAY = (
    "Redis can't be reached or takes nothing, so nothing was done. Try again later: "
    "an event that got through counts once."
)


def _url(letter: DeadLetter) -> str:
    return reverse("analytics:dead_letter", args=[letter.id])


LETTERS = Table(
    name="letters",
    caption="Dead letters",
    order="-received_ms",
    empty="There are none. What browsers send and nobody can read is put aside here instead of getting lost, "
    "and so are events about items that the catalogue does not know.",
    columns=(
        Column("id", "Letter", Kind.CODE, link=Link(_url)),
        Column("received_ms", "Put aside", Kind.TIME, filters=(SINCE, UNTIL)),
        Column(
            "reason",
            "Reason",
            Kind.CODE,
            filters=(EXACTLY,),
            choices=[(reason, reason) for reason in sorted(MENDABLE)],
        ),
        Column("meaning", "What it means", value=letters.meaning, sortable=False),
        Column("size", "Bytes", Kind.NUMBER, filters=(AT_LEAST, AT_MOST)),
        Column("preview", "Beginning", Kind.CODE, value=letters.preview, filters=(CONTAINS,), sortable=False),
    ),
)
DONE = Table(
    name="done",
    caption="What was done with them",
    order="-at_ms",
    empty="Nothing yet. Who redrives or discards a letter is written down here.",
    per_page=20,
    prefix="d_",
    columns=(*audit.COLUMNS, Column("about", "Letter", Kind.CODE, filters=(CONTAINS,))),
)


@require_safe
@never_cache
@staff_page("analytics.view_dead_letters")
def dead_letters(request: HttpRequest) -> HttpResponseBase:
    """List the letters, and what was done with others; htmx asks for a run that goes on alone."""
    asked_for_run = request.headers.get("HX-Target") == "redriving"
    try:
        # The run first: of one that has ended, the lists show what it did.
        run = redrives.board().latest()
        if asked_for_run and run is not None and run.goes_on:
            return render(request, "analytics/redriving.html", {"run": run})
        held = letters.letters()
    except (LogUnavailable, redis.RedisError):
        done = Listing(DONE, audit.deeds(StaffPage), request.GET)
        return respond(request, "analytics/dead_letters.html", {"away": True}, done, status=503)
    context = {"most": DEAD_LETTERS, "held": len(held), "run": run, "alone": asked_for_run}
    listings = [Listing(LETTERS, held, request.GET), Listing(DONE, audit.deeds(StaffPage), request.GET)]
    template = "analytics/redriving.html" if asked_for_run else "analytics/dead_letters.html"
    return respond(request, template, context, *listings)


@require_safe
@never_cache
@staff_page("analytics.view_dead_letters")
def dead_letter(request: HttpRequest, letter_id: str) -> HttpResponse:
    """Show one letter's bytes, why it is here, and what would become of it now."""
    try:
        letter = _letter(letter_id)
    except LogUnavailable:
        return render(request, "analytics/dead_letter.html", {"away": True}, status=503)
    may_enter, verdict = letters.verdict(letter)
    context = {
        "letter": letter,
        "meaning": letters.meaning(letter),
        "rows": letters.hex_rows(letter.payload),
        "may_enter": may_enter,
        "verdict": verdict,
    }
    return render(request, "analytics/dead_letter.html", context)


@require_POST
@staff_page(REDRIVE)
def redrive(request: HttpRequest, letter_id: str) -> HttpResponse:
    """Try one letter again."""

    def act(user: User) -> str:
        return f"Redriven: {letters.told(letters.redrive_one(_letter(letter_id), user).outcomes)}."

    return _acted(request, act)


@require_POST
@staff_page(REDRIVE)
def redrive_all(request: HttpRequest) -> HttpResponse:
    """Begin to try all letters again; the page says how far that has come."""

    def act(user: User) -> str:
        redrives.begin(user).start().join(_PATIENCE_S)
        return ""

    return _confirmed(request, act)


@require_POST
@staff_page(DISCARD)
def discard(request: HttpRequest, letter_id: str) -> HttpResponse:
    """Throw one letter away."""

    def act(user: User) -> str:
        return "Discarded." if letters.discard(_letter(letter_id), user) else "It was gone already."

    return _confirmed(request, act)


def _confirmed(request: HttpRequest, act: Callable[[User], str]) -> HttpResponse:
    """Act only for those who said that they mean it."""
    if request.POST.get("confirm") == "yes":
        return _acted(request, act)
    messages.error(request, "Nothing was done: tick the box beside the button if you mean it.")
    return redirect("analytics:dead_letters")


def _acted(request: HttpRequest, act: Callable[[User], str]) -> HttpResponse:
    try:
        if said := act(cast(User, request.user)):
            messages.success(request, said)
    except NotRedrivable as error:
        messages.error(request, f"Not redriven, the letter stays: {error}.")
    except redrives.AlreadyGoing as error:
        messages.error(request, f"Nothing was begun: {error}.")
    except (LogUnavailable, redis.RedisError):
        messages.error(request, _AWAY)
    return redirect("analytics:dead_letters")


def _letter(letter_id: str) -> DeadLetter:
    letter = letters.letter_named(letter_id)
    if letter is None:
        raise Http404(f"there is no dead letter {letter_id}: it was redriven, discarded, or made room for newer ones")
    return letter
