"""``manage.py replay LOG``: a recorded log through the same code as the live one, in event time."""

import contextlib
import json
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from recsys.errors import FreshetError
from recsys.learner import Learner
from recsys.log.archive import open_log
from recsys.offsets import Offset, offset_key
from recsys.replay import replay
from webapp import wiring


def offset(text: str) -> Offset:
    """Return an offset given on the command line."""
    offset_key(text)
    return text


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say of what fails in this block where it was, and what to do."""
    try:
        yield
    except OSError as error:
        raise CommandError(
            f"can't write {path} ({error.strerror}): make room, or name another file with --save-snapshot"
        ) from error


class Command(BaseCommand):
    """Folds a log from its beginning, or from where a snapshot ends."""

    help = "Fold a recorded log (folder of Parquet segments, or JSON lines) and print the state's hash as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("log", type=Path, help="folder of Parquet segments, .parquet file, or .jsonl file")
        parser.add_argument(
            "--until", type=offset, metavar="OFFSET", help="last offset to fold (milliseconds-sequence)"
        )
        parser.add_argument("--from-snapshot", type=Path, metavar="FILE", help="go on from where this one ends")
        parser.add_argument(
            "--save-snapshot",
            type=Path,
            metavar="FILE",
            help="where to leave the state (with --until by default var/replay/OFFSET.snapshot)",
        )

    def handle(
        self,
        *args: Any,
        log: Path,
        until: Offset | None,
        from_snapshot: Path | None,
        save_snapshot: Path | None,
        **options: Any,
    ) -> None:
        """Replay; the last line is JSON."""
        try:
            learner = self._learner(from_snapshot)
            unreadable = learner.counters()["undecodable"]
            folder = self._folder(until, save_snapshot)
            with tqdm(unit=" events", unit_scale=True, desc="replay", mininterval=0.5) as bar:
                result = replay(open_log(log), learner, until, bar.update)
            report: dict[str, Any] = {**result._asdict(), "seconds": round(result.seconds, 3)}
            if folder is not None:
                path = save_snapshot or folder / f"{result.offset}.snapshot"
                with _writing(path):
                    path.write_bytes(learner.snapshot())
                report["snapshot"] = str(path)
        except (FreshetError, OSError) as error:
            raise CommandError(str(error)) from error
        if unreadable := learner.counters()["undecodable"] - unreadable:
            self.stderr.write(f"{unreadable:,} of the {result.events:,} records are no events and taught nothing")
        self.stdout.write(json.dumps(report))

    def _folder(self, until: Offset | None, save_snapshot: Path | None) -> Path | None:
        """Return where the state will be left, if anywhere: tried by now, as nobody wants to learn of it in the end."""
        if save_snapshot is None and until is None:
            return None
        folder = Path(settings.FRESHET_VAR) / "replay" if save_snapshot is None else save_snapshot.parent
        with _writing(save_snapshot or folder):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) if save_snapshot is None else save_snapshot.open("ab"):
                pass
        return folder

    def _learner(self, snapshot: Path | None) -> Learner:
        if snapshot is None:
            return Learner(wiring.config())
        return Learner.from_snapshot(wiring.config(), snapshot.read_bytes())
