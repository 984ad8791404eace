"""The app's registration."""

from django.apps import AppConfig


class FeedConfig(AppConfig):
    """The visitor's pages and websocket."""

    name = "webapp.feed"
