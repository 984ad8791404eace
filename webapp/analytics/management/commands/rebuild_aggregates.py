"""``manage.py rebuild_aggregates``: the staff pages' counts, anew from the whole log."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from recsys.errors import FreshetError
from webapp.analytics import services


class Command(BaseCommand):
    """Empties the tables of counts and counts the whole log, while the site runs on."""

    help = "Count the whole log anew for the staff pages, and print how much that was as JSON."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild; the last line is JSON."""
        started = time.monotonic()
        try:
            with tqdm(unit=" events", unit_scale=True, desc="counting", mininterval=0.5) as bar:
                events = services.rebuild(bar.update)
        except FreshetError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database can't take the counts ({error}): mend it, then run this again") from error
        self.stdout.write(json.dumps({"events": events, "seconds": round(time.monotonic() - started, 3)}))
