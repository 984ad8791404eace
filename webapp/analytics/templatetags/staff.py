"""The staff pages' frame: ``{% load staff %}``."""

from typing import Any

from django import template

from webapp.analytics import permissions

register = template.Library()


@register.inclusion_tag("analytics/navigation.html", takes_context=True)
def staff_navigation(context: dict[str, Any]) -> dict[str, Any]:
    """Link the pages that this user may see, the one being read marked."""
    request = context["request"]
    return {
        "pages": [(page, page.url, request.path.startswith(page.url)) for page in permissions.pages_for(request.user)]
    }
