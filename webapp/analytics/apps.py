"""The app's registration."""

from importlib import import_module

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Staff pages."""

    name = "webapp.analytics"

    def ready(self) -> None:
        """Register what remembers the fold's counts while the server runs."""
        import_module("webapp.analytics.samples")
