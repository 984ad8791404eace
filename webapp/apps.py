"""The site's own registration: its startup checks, and the replica's upkeep."""

from importlib import import_module

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """What belongs to no single app."""

    name = "webapp"

    def ready(self) -> None:
        """Register the startup checks, and what keeps the replica fresh while the server runs."""
        import_module("webapp.checks")
        import_module("webapp.replication")
