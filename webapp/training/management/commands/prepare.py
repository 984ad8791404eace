"""``manage.py prepare``: what a site needs before it opens, on the first start and on every other."""

import json
import os
import secrets
import signal
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from recsys.datasets import movielens, ranklens, tabular
from recsys.errors import FreshetError
from recsys.log.segments import records_in, segments
from recsys.offsets import ORIGIN, offset_key
from webapp import wiring
from webapp.catalog import loading
from webapp.training import services
from webapp.training.writer import LeaseHeld

STAFF_USER: Final = "staff"
_ASK_AGAIN_S: Final = 1.0


class Command(BaseCommand):
    """Database, data set, replay, staff login; each only if it is still missing."""

    help = (
        "Migrate, load the data set into an empty log, fold it, and make the staff user. "
        "The last line of the output is JSON with the new password, null if there was one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--dataset", default=settings.FRESHET_DATASET, help="see FRESHET_DATASET in docs/settings.md"
        )

    def handle(self, *args: Any, dataset: str, **options: Any) -> None:
        """Do what is missing."""
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            call_command("migrate", verbosity=0, interactive=False)
            if dataset != "none":
                self._load(dataset)
            if unfolded := _unfolded():
                self._announce_compiling()
                self._catch_up(unfolded)
            password = _new_staff_password()
        except FreshetError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            reason = " ".join(str(error).split())
            raise CommandError(
                f"FRESHET_DATABASE_URL can't be used ({reason}): start that database, correct the address, or make room"
            ) from error
        except OSError as error:
            raise CommandError(
                f"{settings.FRESHET_VAR} can't be used ({error}): make room, or mend its files"
            ) from error
        self.stdout.write(json.dumps({"staff_password": password}))

    def _load(self, dataset: str) -> None:
        """Load the history where nothing has happened yet, or loading was interrupted: a log in use takes none."""
        loads = loading.noted(wiring.data_path())
        if services.whole_log().end() == ORIGIN or not all(load.complete for load in loads):
            call_command("load_dataset", *_load_arguments(dataset), stdout=self.stderr)
        elif _kind(dataset) not in (names := [load.name for load in loads]):
            held = f"the history of {', '.join(names)}" if names else "events"
            self.stderr.write(
                f"{dataset} is not loaded: the log has {held} already, and the site goes on with that; "
                "what else there is goes into another FRESHET_VAR, with an empty Redis"
            )

    def _announce_compiling(self) -> None:
        if not any(Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbi")):
            self.stderr.write("compiling the engine for this machine, once: about half a minute before the bar moves")

    def _catch_up(self, total: int) -> None:
        waiting_until = time.monotonic() + settings.FRESHET_LEASE_MS / 1_000 + _ASK_AGAIN_S
        while True:
            try:
                with tqdm(total=total, unit=" events", desc="learning from the history", file=sys.stderr) as bar:
                    services.catch_up(bar.update)
                return
            except LeaseHeld:
                if time.monotonic() > waiting_until:
                    raise
                time.sleep(_ASK_AGAIN_S)


def _unfolded() -> int:
    """Return how many archived events no snapshot has: the first start, another model, an interrupted replay."""
    found = wiring.snapshots().newest(wiring.config().digest())
    folded = offset_key(found[0].offsets["0"] if found is not None else ORIGIN)
    return sum(records_in(segment) for segment in segments(wiring.archive_path()) if segment.last > folded)


def _kind(dataset: str) -> str:
    """Return what the data set is loaded as."""
    if dataset == movielens.NAME:
        return dataset
    return tabular.NAME if Path(dataset).expanduser().is_dir() else ranklens.NAME


def _load_arguments(dataset: str) -> list[str]:
    if dataset == movielens.NAME:
        return [dataset]
    path = Path(dataset).expanduser()
    if not path.exists():
        raise CommandError(
            f"expected movielens, none, a folder with items and events, or a RankLens file; received {dataset!r}, "
            "which does not exist"
        )
    return [_kind(dataset), "--path", str(path)]


def _new_staff_password() -> str | None:
    users = get_user_model().objects
    if users.filter(username=STAFF_USER).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(STAFF_USER, password=password)
    return password


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
