"""What Celery runs; `webapp.training.services` does the work.

Tasks import it when they run: beat reads this module too, and needs neither engine nor compiler.
"""

from celery import shared_task


@shared_task
def fold() -> None:
    """Fold what came in since the last time, if this worker holds the lease."""
    from webapp.training import services

    services.fold_if_well()
