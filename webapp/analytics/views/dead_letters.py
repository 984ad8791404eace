"""Dead letters: what could not enter the log, why, and trying it again."""

from collections.abc import Callable
from typing import cast

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
from webapp.analytics import audit, letters
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
_AWAY = "Redis can't be reached, so nothing was done. Try again when it is back: an event that got through counts once."


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
    """List the letters, and what was done with others."""
    listings = [Listing(DONE, audit.deeds(StaffPage), request.GET)]
    try:
        listings.append(Listing(LETTERS, letters.letters(), request.GET))
    except LogUnavailable:
        return respond(request, "analytics/dead_letters.html", {"away": True}, *listings, status=503)
    return respond(request, "analytics/dead_letters.html", {"most": DEAD_LETTERS}, *listings)


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
    """Try all letters again."""
    return _confirmed(request, lambda user: f"Redriven: {letters.told(letters.redrive_all(user))}.")


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
        messages.success(request, act(cast(User, request.user)))
    except NotRedrivable as error:
        messages.error(request, f"Not redriven, the letter stays: {error}.")
    except LogUnavailable:
        messages.error(request, _AWAY)
    return redirect("analytics:dead_letters")


def _letter(letter_id: str) -> DeadLetter:
    letter = letters.letter_named(letter_id)
    if letter is None:
        raise Http404(f"there is no dead letter {letter_id}: it was redriven, discarded, or made room for newer ones")
    return letter
