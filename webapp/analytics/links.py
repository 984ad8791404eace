"""Where the names of items and sessions lead, for those who may go there."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from webapp.analytics.tables import Link


def to_item(id_of: Callable[[Any], str] = lambda row: row.item) -> Link:
    """Return the link to the page of the item that a row is about; rows about none have none."""
    return Link(lambda row: _page("item", id_of(row)), "analytics.view_items")


def to_session(id_of: Callable[[Any], str] = lambda row: row.session) -> Link:
    """Return the link to the page of the session that a row is about; rows about none have none."""
    return Link(lambda row: _page("session", id_of(row)), "analytics.view_sessions")


def _page(name: str, about: str) -> str:
    return reverse(f"analytics:{name}", args=[about]) if about else ""
