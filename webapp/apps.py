"""The site's own registration: its startup checks."""

from importlib import import_module

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """What belongs to no single app."""

    name = "webapp"

    def ready(self) -> None:
        """Register the startup checks."""
        import_module("webapp.checks")
