"""The world as it was: the newest snapshot that leads to an offset, and the log from there up to it.

A state is a fold, so this is the world that served then, bit for bit. Where that can't be promised, because other code
or another configuration folded it, it is said to be gone.
"""

from collections.abc import Callable
from typing import Final

from recsys.config import EngineConfig
from recsys.errors import CorruptState, WorldGone
from recsys.learner import Learner
from recsys.log.base import BeginningReader
from recsys.offsets import ORIGIN, Offset, offset_key
from recsys.store.base import Manifest, SnapshotStore
from recsys.store.keeping import line
from recsys.world import World

#: Records that are read at once, in half a millisecond: a reader looks for its segment each time.
_READ: Final = 128
#: Records that are folded before the caller is told: half a millisecond of work, a few of a history.
_BATCH: Final = 16


class Past:
    """Rebuilds worlds, one at a time; keeps the last one, so that going forward from it folds only what lies between.

    Holds one world and the learner's books, until `let_go`. Not for use by several threads at once.

    Parameters
    ----------
    config : EngineConfig
    code : str
        Version of the code that runs here, as it stands in manifests.
    snapshots : SnapshotStore
    reader : BeginningReader
        The whole log.
    farthest : int
        Most records that one rebuild folds.
    """

    def __init__(
        self, config: EngineConfig, code: str, snapshots: SnapshotStore, reader: BeginningReader, farthest: int
    ) -> None:
        self._config = config
        self._code = code
        self._snapshots = snapshots
        self._reader = reader
        self._farthest = farthest
        self._learner: Learner | None = None

    def world_at(self, offset: Offset, progress: Callable[[int], None] = lambda folded: None) -> World:
        """Return the world that had folded the log up to and including `offset`.

        Parameters
        ----------
        offset : Offset
            Of a record, or `ORIGIN`.
        progress : callable
            Told after each few records how many were folded since it was told last; blocking in it slows this down.

        Returns
        -------
        World
            Only to be read, and only until the next call.

        Raises
        ------
        WorldGone
            When what it takes is not held any more, or is too far away; the message says which.
        """
        learner = self._learner if self._leads_to(offset) else None
        self._learner = None  # whatever happens from here on, half a way is kept by nobody
        learner = learner or self._nearest(offset)
        self._go(learner, offset, progress)
        self._learner = learner
        return learner.world

    def start(self, offset: Offset) -> Offset:
        """Return from where the world of `offset` would be rebuilt: the world at hand, or the best snapshot.

        Raises
        ------
        WorldGone
            When nothing leads there.
        """
        if self._learner is not None and self._leads_to(offset):
            return self._learner.world.offset
        manifest = self._before(offset)
        return ORIGIN if manifest is None else manifest.offsets["0"]

    def let_go(self) -> None:
        """Forget the world at hand: it takes as much memory as the one that serves."""
        self._learner = None

    def _go(self, learner: Learner, offset: Offset, progress: Callable[[int], None]) -> None:
        """Fold the log up to `offset`."""
        left, key = self._farthest, offset_key(offset)
        while offset_key(learner.world.offset) < key:
            if left <= 0:
                raise WorldGone(f"the world of {offset} lies more than {self._farthest} events after a snapshot")
            found = self._reader.read(learner.world.offset, min(_READ, left))
            records = [record for record in found if offset_key(record.offset) <= key]
            if not records:
                break
            for first in range(0, len(records), _BATCH):
                progress(learner.fold(records[first : first + _BATCH]))
            left -= len(records)
        if learner.world.offset != offset:
            raise WorldGone(f"the log does not hold the record {offset}; the last one before is {learner.world.offset}")

    def _leads_to(self, offset: Offset) -> bool:
        """Return whether the world at hand is the best to start from."""
        if self._learner is None or offset_key(self._learner.world.offset) > offset_key(offset):
            return False
        found = self._before(offset)
        return found is None or offset_key(found.offsets["0"]) <= offset_key(self._learner.world.offset)

    def _before(self, offset: Offset) -> Manifest | None:
        """Return the newest snapshot that leads to `offset`, None where the start of the log does.

        Raises
        ------
        WorldGone
            When what folded that world was not this code with this configuration.
        """
        manifests = self._snapshots.manifests()
        leading = line(manifests, self._config.digest(), self._code)
        if manifests and not leading:
            raise WorldGone("this code with this configuration has saved no world yet, and can't go on from others'")
        found = [each for each in leading if offset_key(each.offsets["0"]) <= offset_key(offset)]
        if found:
            return found[-1]
        if leading and leading[0].parent:
            raise WorldGone(
                f"the world of {offset} lies before {leading[0].offsets['0']}, the oldest that this code with this "
                "configuration served"
            )
        return None

    def _nearest(self, offset: Offset) -> Learner:
        manifest = self._before(offset)
        start = ORIGIN if manifest is None else manifest.offsets["0"]
        self._check_held(start, offset)
        if manifest is None:
            return Learner(self._config)
        try:
            return Learner.from_snapshot(self._config, self._snapshots.load(manifest.sha256))
        except CorruptState as error:
            if self._before(offset) != manifest:
                return self._nearest(offset)  # it was pruned since: another is the nearest now
            raise WorldGone(f"the snapshot before {offset} can't be read: {error}") from error

    def _check_held(self, start: Offset, offset: Offset) -> None:
        """Raise `WorldGone` when records after `start` are known to be missing."""
        first = self._reader.first()
        if start == offset or offset_key(start) >= offset_key(first):
            return
        folded = [manifest.offsets["0"] for manifest in self._snapshots.manifests()]
        if start != ORIGIN or any(offset_key(end) < offset_key(first) for end in folded):
            raise WorldGone(f"the log begins at {first}; what was before has been trimmed, or archived elsewhere")
