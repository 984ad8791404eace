"""Loading a data set: its items into the ORM, its events into the log's archive, moved in time to end now."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import structlog

from recsys.datasets.base import Dataset, save_rejected
from recsys.durable import sole_writer, write_whole
from recsys.errors import UNREADABLE, DatasetError
from recsys.events import encode
from recsys.log.archive import ArchiveLog, write_segments
from recsys.log.base import Log, Record
from recsys.log.segments import segments
from recsys.offsets import ORIGIN, Offset, offset_key
from webapp.catalog.models import Item

_INSERT_ROWS: Final = 500

_logger = structlog.get_logger(__name__)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What was loaded, kept beside the data: it makes a second run do nothing, and an interrupted one go on.

    Attributes
    ----------
    name, fingerprint : str
        Of the data set.
    shift_ms : int
        What was added to every time.
    first, last : Offset
        Of its events in the log.
    items, events, rejected : int
        Counts; events without the items' own.
    loaded_ms : int
        When (wall clock).
    complete : bool
        False while loading.
    """

    name: str
    fingerprint: str
    shift_ms: int
    first: Offset
    last: Offset
    items: int
    events: int
    rejected: int
    loaded_ms: int
    complete: bool = False


def manifest_path(folder: Path, name: str) -> Path:
    """Return where it is noted that the data set was loaded."""
    return folder / f"{name}.loaded.json"


def rejected_path(folder: Path, name: str) -> Path:
    """Return where the rows that were set aside are."""
    return folder / f"{name}.rejected.jsonl"


def noted(folder: Path) -> list[Loaded]:
    """Return all data sets that were loaded, or begun. Raises `DatasetError` when the note of one can't be read."""
    return [_read(path) for path in sorted(folder.glob(manifest_path(Path(), "*").name))]


def load(dataset: Dataset, folder: Path, archive: Path, log: Log, now_ms: int) -> tuple[Loaded, bool]:
    """Load the data set, unless it has been loaded. Of two who do at once, one waits for the other.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
        Where manifests and rejected rows go.
    archive : Path
        Folder of the log's segments, where the events go.
    log : Log
        The live log, which goes on after them.
    now_ms : int
        Time at which the history ends.

    Returns
    -------
    Loaded
    bool
        Whether this run did it.

    Raises
    ------
    DatasetError
        When anything else is in the log.
    """
    with sole_writer(folder):
        return _load(dataset, folder, archive, log, now_ms)


def _load(dataset: Dataset, folder: Path, archive: Path, log: Log, now_ms: int) -> tuple[Loaded, bool]:
    before = _noted(folder, dataset)
    if before is not None and before.complete:
        return before, False
    loaded = before or _planned(dataset, now_ms)
    _refuse_beside_others(loaded, archive, log, resumed=before is not None)
    save_rejected(dataset.rejected, rejected_path(folder, dataset.name))
    _write_items(dataset)
    _note(folder, loaded)
    _write_events(dataset, loaded.shift_ms, archive)
    log.advance(loaded.last)
    loaded = msgspec.structs.replace(loaded, complete=True)
    _note(folder, loaded)
    _logger.info("history_loaded", **msgspec.structs.asdict(loaded))
    return loaded, True


def _noted(folder: Path, dataset: Dataset) -> Loaded | None:
    path = manifest_path(folder, dataset.name)
    if not path.is_file():
        return None
    before = _read(path)
    if before.fingerprint != dataset.fingerprint:
        raise DatasetError(
            f"another {dataset.name} data set was loaded before (see {path}); "
            "a log holds one history: use another FRESHET_VAR, or start with an empty one"
        )
    return before


def _read(manifest: Path) -> Loaded:
    try:
        return msgspec.json.decode(manifest.read_bytes(), type=Loaded)
    except UNREADABLE as error:
        raise DatasetError(
            f"{manifest}: expected what an earlier run wrote: {error}; move it away to load anew"
        ) from error


def _note(folder: Path, loaded: Loaded) -> None:
    write_whole(manifest_path(folder, loaded.name), msgspec.json.format(msgspec.json.encode(loaded)) + b"\n")


def _planned(dataset: Dataset, now_ms: int) -> Loaded:
    shift_ms = now_ms - dataset.end_ms
    offsets = (offset for offset, _ in dataset.timed(shift_ms))
    first = next(offsets)
    last = deque(offsets, maxlen=1).pop() if len(dataset.events) > 1 else first
    return Loaded(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        shift_ms=shift_ms,
        first=first,
        last=last,
        items=len(dataset.items),
        events=len(dataset.events) - len(dataset.items),
        rejected=len(dataset.rejected),
        loaded_ms=now_ms,
    )


def _refuse_beside_others(loaded: Loaded, archive: Path, log: Log, resumed: bool) -> None:
    """A log takes one history, before all else: events that are not archived yet would be passed over for ever."""
    archived, own = ArchiveLog(archive).end(), resumed and _begun(loaded, archive)
    if own and offset_key(archived) >= offset_key(loaded.last):
        return  # interrupted when all was written
    newest = max(log.end(), ORIGIN if own else archived, key=offset_key)
    if newest != ORIGIN:
        raise DatasetError(
            f"the log already has events up to {newest}: "
            "load a history before the site first runs, or with another FRESHET_VAR and an empty Redis"
        )


def _begun(loaded: Loaded, archive: Path) -> bool:
    """Return whether the archive holds the beginning of this history."""
    return any(segment.first == offset_key(loaded.first) for segment in segments(archive)[:1])


def _write_items(dataset: Dataset) -> None:
    Item.objects.bulk_create(
        [Item.from_event(item) for item in dataset.items],
        batch_size=_INSERT_ROWS,
        update_conflicts=True,
        unique_fields=["item_id"],
        update_fields=["title", "categories", "tags", "year", "numbers", "removed"],
    )


def _write_events(dataset: Dataset, shift_ms: int, archive: Path) -> None:
    """Write what the archive does not have yet: an interrupted run left whole segments."""
    done = offset_key(ArchiveLog(archive).end())
    write_segments(archive, (record for record in _records(dataset, shift_ms) if offset_key(record.offset) > done))


def _records(dataset: Dataset, shift_ms: int) -> Iterator[Record]:
    for offset, event in dataset.timed(shift_ms):
        yield Record(offset, event, encode(event))
