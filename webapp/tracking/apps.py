"""The app's registration."""

from importlib import import_module

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """Browser events: tokens, consent, validation, appending."""

    name = "webapp.tracking"

    def ready(self) -> None:
        """Register what shows this process's account while the server runs."""
        import_module("webapp.tracking.edge")
