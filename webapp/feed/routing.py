"""The visitor's websocket address."""

from typing import Any, cast

from django.urls import path

from webapp.feed.consumers import visitor_socket

# Django types what a path leads to as a view; Channels routes ASGI applications by the same means.
websocket_urlpatterns = [path("ws/", cast(Any, visitor_socket))]
