"""What tracking puts into pages: ``{% load tracking %}``."""

from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from recsys.events import SlateServed
from webapp.tracking.middleware import visit_of
from webapp.tracking.tokens import sign_slate

register = template.Library()


@register.inclusion_tag("tracking/tracker.html", takes_context=True)
def tracker(context: dict[str, Any]) -> dict[str, Any]:
    """Render the script element with this visit's session and token; goes once into the page's head or end."""
    return {"visit": visit_of(context["request"])}


@register.inclusion_tag("tracking/consent.html", takes_context=True)
def consent_switch(context: dict[str, Any]) -> dict[str, Any]:
    """Render the three-way consent switch: a plain form that works without JavaScript."""
    request: HttpRequest = context["request"]
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "visit": visit_of(request),
        "here": request.get_full_path(),
    }


def slate_markup(slate: SlateServed, session_token: str) -> SafeString:
    """Return the attributes of a list's element by which the tracker knows it: id, token, surface, session."""
    return format_html(
        'data-slate="{}" data-slate-token="{}" data-surface="{}" data-session="{}" data-token="{}"',
        slate.slate,
        sign_slate(slate),
        slate.surface,
        slate.session,
        session_token,
    )
