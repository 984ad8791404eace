"""The app's configuration."""

from django.apps import AppConfig


class VisitorsConfig(AppConfig):
    """Simulated visitors of the running site."""

    name = "webapp.visitors"
