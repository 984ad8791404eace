"""Celery: one worker folds the log, beat says when.

The worker runs with the solo pool: the world stays in the process that folds, and there is one of it.
"""

import logging
import os
import warnings
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
# All of Django's checks would import every page and what ranks for it; `_check_settings` runs ours.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import beat_init, celeryd_init, setup_logging, worker_ready, worker_shutdown

from webapp import garbage
from webapp.training.schedule import FOLD_QUEUE, LOOK_EVERY_S, beat_schedule

# Celery warns when root runs it, because pickled tasks could do anything; here only JSON is accepted.
warnings.simplefilter("ignore", SecurityWarning)

app = Celery("freshet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    beat_scheduler="webapp.training.schedule:BoundedScheduler",
    beat_max_loop_interval=LOOK_EVERY_S,
    beat_schedule=beat_schedule(),
    task_routes={"webapp.training.tasks.*": {"queue": FOLD_QUEUE}},
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
)
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def _check_settings(**kwargs: Any) -> None:
    from webapp.checks import refuse_to_start_on_errors

    refuse_to_start_on_errors()


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Leave logging to Django's settings, and say nothing of tasks that come several times a second and succeed."""
    for name in ("celery.app.trace", "celery.beat", "celery.worker.strategy"):
        logging.getLogger(name).setLevel(logging.WARNING)


@worker_ready.connect
def _settle_garbage_collection(**kwargs: Any) -> None:
    garbage.settle()


@worker_shutdown.connect
def _give_lease_back(**kwargs: Any) -> None:
    """Let the next worker take over at once instead of waiting until the lease runs out."""
    from webapp.training import services

    services.release()
