"""What Celery runs; `webapp.analytics.services` does the work, imported only then: beat reads this module too."""

from celery import shared_task


@shared_task
def aggregate() -> None:
    """Count what came in since the last time."""
    from webapp.analytics import services

    services.aggregate()
