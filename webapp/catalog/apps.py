"""The catalogue's registration."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The catalogue: items, their admin, and the events that tell the engine about them."""

    name = "webapp.catalog"
