"""What Celery runs; `webapp.training.services` does the work."""

from celery import shared_task

from webapp.training import services


@shared_task
def fold() -> None:
    """Fold what came in since the last time, if this worker holds the lease."""
    services.fold()
