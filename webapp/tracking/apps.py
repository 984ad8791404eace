"""The app's registration."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """Browser events: tokens, consent, validation, appending."""

    name = "webapp.tracking"
