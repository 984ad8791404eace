"""What happens to folded events: they move to the archive, then the live log may let them go."""

from pathlib import Path
from typing import Final

from recsys.log.archive import ArchiveLog, write_segment
from recsys.log.base import Log
from recsys.offsets import ORIGIN, Offset, offset_key

_BATCH: Final = 10_000


class Retention:
    """Keeps the live log short without ever losing an event.

    Parameters
    ----------
    log : Log
        The live log.
    folder : Path
        The archive, where its records go.
    keep_events : int
        Records that stay in the live log although they are archived and in a snapshot.
    every_s : int
        Time between two looks.
    """

    def __init__(self, log: Log, folder: Path, keep_events: int, every_s: int) -> None:
        self._log = log
        self._folder = folder
        self._archive = ArchiveLog(folder)
        self._keep_events = keep_events
        self._every_s = every_s
        self._looked_ms = 0

    @property
    def archived(self) -> Offset:
        """Up to where the archive reaches."""
        return self._archive.end()

    def run(self, snapshot: Offset, now_ms: int) -> None:
        """Archive what `snapshot` covers and trim, if the last time was long enough ago. For the writer only."""
        if now_ms - self._looked_ms < self._every_s * 1_000:
            return
        self.archive(snapshot)
        self.trim(snapshot)
        self._looked_ms = now_ms

    def archive(self, through: Offset) -> int:
        """Copy the live records up to and including `through` that are not archived yet; return how many."""
        copied = 0
        while records := self._log.read(self._archive.end(), _BATCH):
            wanted = [record for record in records if offset_key(record.offset) <= offset_key(through)]
            if wanted:
                write_segment(self._folder, wanted)
                copied += len(wanted)
            if len(wanted) < len(records):
                break
        return copied

    def trim(self, snapshot: Offset) -> int:
        """Drop the oldest live records that `snapshot` covers and the archive holds; return how many went."""
        covered = min(snapshot, self._archive.end(), key=offset_key)
        dropped = 0
        while (excess := self._log.length() - self._keep_events) > 0:
            oldest = [record.offset for record in self._log.read(ORIGIN, min(excess, _BATCH))]
            safe = [offset for offset in oldest if offset_key(offset) <= offset_key(covered)]
            if not safe:
                break
            dropped += self._log.trim(safe[-1])
        return dropped
