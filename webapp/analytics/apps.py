"""The app's registration."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Staff pages."""

    name = "webapp.analytics"
