"""What happens to folded events: they move to the archive, then the live log may let them go.

Little at a time, so that no fold waits long: a segment as soon as there are enough records for one. A disk that takes
none, as a full one, holds no fold up: the live log keeps what can't be archived.
"""

from pathlib import Path
from typing import Final

import structlog

from recsys.clock import is_due
from recsys.log.archive import ArchiveLog, write_segment
from recsys.log.base import Log
from recsys.offsets import ORIGIN, Offset, offset_key

#: Records that are archived in one run at most; so many make a segment before its time. Twice as many are let go.
SEGMENT_RECORDS: Final = 10_000

#: Largest number within a millisecond that Redis Streams have.
_LAST_SEQUENCE: Final = 2**64 - 1
#: What to do about a loss.
_REMEDY: Final = "bring it back, or go on without it: docs/operating.md, 'What is lost'"

_logger = structlog.get_logger(__name__)


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
    archived : Offset
        Up to where the archive reached when somebody last looked, as far as that is known.

    Attributes
    ----------
    losses : int
        How often something was found to be gone from where it has to be.
    """

    def __init__(self, log: Log, folder: Path, keep_events: int, every_s: int, archived: Offset = ORIGIN) -> None:
        self._log = log
        self._folder = folder
        self._archive = ArchiveLog(folder)
        self._keep_events = keep_events
        self._every_s = every_s
        self._looked_ms = 0
        self._refused = False
        self._archived_live = 0
        self._archived_before = archived
        self._folded_before: Offset | None = None
        self.losses = 0

    @property
    def archived(self) -> Offset:
        """Up to where the archive reaches."""
        return self._archive.end()

    def run(self, folded: Offset, snapshot: Offset, now_ms: int) -> None:
        """Archive what is `folded`, and trim what `snapshot` covers, where enough waits or waited for long enough.

        For the writer only. Does one segment at most. Where the disk took none it is tried again after `every_s`.
        What was folded and is gone from where it has to be is said in the server's log, once.
        """
        self._note_losses(snapshot if self._folded_before is None else self._folded_before)
        self._folded_before = folded
        waiting = 0 if self._refused else self._log.length() - self._archived_live
        if waiting < SEGMENT_RECORDS and not is_due(self._looked_ms, self._every_s * 1_000, now_ms):
            return
        self._looked_ms = now_ms
        try:
            self.archive(folded)
        except OSError as error:
            self._refused = True
            _logger.error("not_archived", error=str(error), again_in_s=self._every_s)
        else:
            self._refused = False
            self._archived_before = self._archive.end()
        self.trim(snapshot)

    def _note_losses(self, folded: Offset) -> None:
        """Say what is lost of what the last run had folded: what is not archived nobody takes from the live log."""
        end = self._archive.end()
        if offset_key(end) < offset_key(self._archived_before):
            self.losses += 1
            _logger.error("archive_lost_its_end", reached=self._archived_before, ends=end, then=_REMEDY)
        elif offset_key(end) < offset_key(folded) and not _holds(self._log, folded):
            self.losses += 1
            _logger.error("live_log_lost_events", after=end, up_to=folded, then=_REMEDY)
        self._archived_before = end

    def archive(self, through: Offset) -> int:
        """Copy the oldest live records up to and including `through` that are not archived yet; return how many."""
        length, records = self._log.length(), self._log.read(self._archive.end(), SEGMENT_RECORDS)
        wanted = [record for record in records if offset_key(record.offset) <= offset_key(through)]
        if wanted:
            write_segment(self._folder, wanted)
        if len(records) < SEGMENT_RECORDS:
            # What is appended between the two only makes the next look come earlier.
            self._archived_live = length - len(records) + len(wanted)
        else:
            self._archived_live += len(wanted)
        return len(wanted)

    def trim(self, snapshot: Offset) -> int:
        """Drop the oldest live records that `snapshot` covers and the archive holds; return how many went."""
        excess = self._log.length() - self._keep_events
        if excess <= 0:
            return 0
        covered = min(snapshot, self._archive.end(), key=offset_key)
        oldest = [record.offset for record in self._log.read(ORIGIN, min(excess, 2 * SEGMENT_RECORDS))]
        safe = [offset for offset in oldest if offset_key(offset) <= offset_key(covered)]
        dropped = self._log.trim(safe[-1]) if safe else 0
        self._archived_live -= dropped
        return dropped


def _holds(log: Log, offset: Offset) -> bool:
    milliseconds, sequence = offset_key(offset)
    before = f"{milliseconds}-{sequence - 1}" if sequence else f"{milliseconds - 1}-{_LAST_SEQUENCE}"
    return [record.offset for record in log.read(before, 1)] == [offset]
