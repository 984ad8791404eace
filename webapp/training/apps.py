"""The app's registration."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    """Learning for everybody: the fold, its snapshots and archive, as tasks."""

    name = "webapp.training"
