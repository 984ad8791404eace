"""The app's registration."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Items, and how they get in."""

    name = "webapp.catalog"
