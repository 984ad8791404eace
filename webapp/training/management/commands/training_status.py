"""``manage.py training_status``: what the fold last did, and whether it is alive."""

from argparse import ArgumentParser
from typing import Any

import msgspec
import redis
from django.core.management.base import BaseCommand, CommandError

from recsys.arguments import whole_number
from webapp import wiring
from webapp.training.status import board


class Command(BaseCommand):
    """Health check of worker and beat."""

    help = "Print what the fold last did as one line of JSON; fail when a part has been silent for too long."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--part", choices=("worker", "beat"), default="worker", help="whose sign of life counts")
        parser.add_argument("--max-age-s", type=whole_number(0), help="fail when the last sign of life is older")

    def handle(self, *args: Any, part: str, max_age_s: int | None, **options: Any) -> None:
        """Print, then judge."""
        try:
            status, beat_ms = board().read(), board().beat_ms()
        except redis.RedisError as error:
            raise CommandError(f"Redis can't be reached ({error}): is the site running?") from error
        self.stdout.write(msgspec.json.encode(status).decode())
        last_ms = beat_ms if part == "beat" else status.ran_ms if status is not None else 0
        silent_s = (wiring.clock().now_ms() - last_ms) / 1_000
        if max_age_s is not None and silent_s > max_age_s:
            raise CommandError(
                f"expected a sign of life of {part} within {max_age_s} s, the last is {silent_s:.0f} s old"
            )
