"""The whole log: what has been archived, then what is still live, as one sequence of offsets."""

from collections.abc import Sequence

from recsys.log.base import BeginningReader, Record
from recsys.offsets import ORIGIN, Offset, offset_key


class WholeLog:
    """Reads the archive, and goes on in the live log where that ends (`recsys.log.base.Reader`).

    Complete as long as the live log is trimmed only through the archive's end.

    Parameters
    ----------
    archive, live : BeginningReader
    """

    def __init__(self, archive: BeginningReader, live: BeginningReader) -> None:
        self._archive = archive
        self._live = live

    def read(self, after: Offset, limit: int) -> Sequence[Record]:
        """Return up to `limit` records after `after`; may return fewer where the archive ends, but never none."""
        while True:
            archived = self._archive.end()
            if offset_key(after) < offset_key(archived):
                return self._archive.read(after, limit)
            found = self._live.read(after, limit)
            # What was archived since the first look may have been trimmed before the second.
            if self._archive.end() == archived:
                return found

    def first(self) -> Offset:
        """Return the oldest offset held, `ORIGIN` when both are empty."""
        archived = self._archive.first()
        return self._live.first() if archived == ORIGIN else archived

    def end(self) -> Offset:
        """Return the newest offset of both."""
        return max(self._archive.end(), self._live.end(), key=offset_key)
