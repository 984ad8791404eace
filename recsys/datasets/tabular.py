"""Anyone's own data: a folder with `items` and `events` as CSV, JSON lines or Parquet.

The row structs are the format: their fields are the columns. `docs/data-format.md` explains it with examples.
"""

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_type_hints

import msgspec

from recsys.datasets.base import ADDRESSABLE, MAX_TIME_MS, NO_ZEROS, Dataset, Rejected, assembled
from recsys.datasets.history import Happened, entering, history
from recsys.datasets.on_disk import OnDisk
from recsys.datasets.rows import FORMATS, Row, find_table, read_rows
from recsys.errors import DatasetError
from recsys.events import (
    MAX_ID_LENGTH,
    MAX_NUMBER,
    SURFACES,
    AnyEvent,
    Device,
    EntryPage,
    Event,
    ItemUpserted,
    Referrer,
    distinct_words,
)

NAME: Final = "tabular"

#: Between the words of a list in CSV.
SEPARATOR: Final = "|"
#: Columns of `items` that begin like this hold numbers; the rest of the column's name is the number's.
NUMBER: Final = "number:"

Text = Annotated[str, msgspec.Meta(pattern=NO_ZEROS)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH, pattern=ADDRESSABLE)]
#: Leaves room for the number of a session (`recsys.datasets.history`).
User = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH - 8, pattern=ADDRESSABLE)]


class TimedRow(msgspec.Struct, frozen=True, kw_only=True):
    """When it happened: one of `time` (ISO 8601, UTC where no zone is given), `time_s` and `time_ms` (since 1970)."""

    time: Any = None
    time_s: float | None = None
    time_ms: int | None = None


class ItemRow(TimedRow, frozen=True, kw_only=True):
    """A row of `items`, beside its numbers (`NUMBER`).

    Its time, when it entered the catalogue, may be missing: then it was there from the start.
    """

    item: Id
    title: Annotated[str, msgspec.Meta(min_length=1, pattern=NO_ZEROS)]
    categories: tuple[Text, ...] = ()
    tags: tuple[Text, ...] = ()
    year: Annotated[int, msgspec.Meta(ge=1, le=9_999)] | None = None


class EventRow(TimedRow, frozen=True, kw_only=True):
    """A row of `events`. Which columns must have a value depends on `type`."""

    type: Literal["impression", "click", "rating", "dwell", "dismissal", "dismissal_undone", "slate", "session_began"]
    session: Id | None = None
    user: User | None = None
    item: Id | None = None
    rating: float | None = None
    dwell_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME_MS)] | None = None
    slate: Id | None = None
    position: Annotated[int, msgspec.Meta(ge=0)] | None = None
    items: tuple[Id, ...] = ()
    surface: str = "history"
    referrer: Referrer = "unknown"
    page: EntryPage = "unknown"
    device: Device = "unknown"


#: Columns of each type beyond its time, its session (or user) and, but for slates and how a session began, its item.
REQUIRED: Final = {"rating": "rating", "dwell": "dwell_ms", "slate": "slate"}

_TEXTS: Final = ("item", "title", "session", "user", "slate")
_LISTS: Final = ("categories", "tags", "items")
#: The column in what msgspec says of a row.
_COLUMN: Final = re.compile(r"at `\$\.(\w+)")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_RowType = TypeVar("_RowType", ItemRow, EventRow)


class _Unusable(Exception):
    """A row that can't become an event; the message is the reason."""


def read(folder: Path, session_gap_s: int, click_from_rating: float = 4.0) -> Dataset:
    """Read a folder with `items` and, if there is a history, `events`. A few seconds for 100,000 rows.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    session_gap_s : int
        Inactivity that ends a session, where events name a user and no session.
    click_from_rating : float
        Ratings from here on are clicks as well as impressions.

    Raises
    ------
    DatasetError
        When there is no usable item, none of the events is usable, or a file can't be read at all.
    """
    items_file, events_file = find_table(folder, "items"), find_table(folder, "events")
    if items_file is None:
        raise DatasetError(f"{folder}: expected a folder with one of items{', items'.join(FORMATS)}, found none")
    rejected: list[Rejected] = []
    notes: list[str] = []
    dated = list(_items(items_file, rejected, notes))
    if not dated:
        raise DatasetError(_nothing_usable("item", items_file, rejected))
    happened: Iterable[Happened] = ()
    if events_file is None:
        notes.append("there is no events file: a catalogue without a history")
    else:
        happened = _happened(events_file, {item.item for item, _ in dated}, rejected, notes)
    events: Sequence[Event] = OnDisk(history(happened, session_gap_s, click_from_rating, rejected), AnyEvent)
    if events_file is not None and not events and any(row.file == events_file.name for row in rejected):
        raise DatasetError(_nothing_usable("row", events_file, rejected))
    items = entering(dated, events, notes)
    rejected.sort(key=lambda row: (row.file != items_file.name, row.line))
    sources = [items_file] if events_file is None else [items_file, events_file]
    return assembled(NAME, sources, items, events, rejected, notes)


def _nothing_usable(what: str, file: Path, rejected: list[Rejected]) -> str:
    reasons = (f"; first: line {row.line}: {row.reason}" for row in rejected if row.file == file.name)
    first = next(reasons, "")
    return f"{file}: expected at least one usable {what}, received none{first}"


def _items(file: Path, rejected: list[Rejected], notes: list[str]) -> Iterator[tuple[ItemUpserted, int | None]]:
    """Yield each item once, with its time where it has one."""
    seen: set[str] = set()
    for number, raw, row in _typed(file, ItemRow, rejected, notes):
        try:
            at_ms = _time_ms(row)
            if row.item in seen:
                raise _Unusable(f"repeated item: {row.item!r}")
            item = _item(row, _numbers(raw))
        except _Unusable as error:
            rejected.append(Rejected(file.name, number, str(error), raw))
            continue
        seen.add(row.item)
        yield item, at_ms


def _item(row: ItemRow, numbers: dict[str, float]) -> ItemUpserted:
    return ItemUpserted(
        event_time_ms=0, item=row.item, title=row.title, categories=distinct_words(row.categories),
        tags=distinct_words(row.tags), year=row.year, numbers=numbers,
    )  # fmt: skip


def _numbers(raw: Row) -> dict[str, float]:
    """Return the values of a row's number columns, by name."""
    return {name.removeprefix(NUMBER): _number(name, raw[name]) for name in raw if _holds_number(name)}


def _number(name: str, value: Any) -> float:
    try:
        number = msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError:
        number = math.nan
    if not abs(number) <= MAX_NUMBER:
        raise _Unusable(f"bad value: expected a number up to {MAX_NUMBER:g} in {name}, received {value!r}")
    return number


def _holds_number(column: str) -> bool:
    return column.startswith(NUMBER) and column != NUMBER


def _happened(file: Path, items: set[str], rejected: list[Rejected], notes: list[str]) -> Iterator[Happened]:
    shown: set[str] = set()
    for number, raw, row in _typed(file, EventRow, rejected, notes):
        try:
            yield _checked(row, items, file.name, number, raw)
        except _Unusable as error:
            rejected.append(Rejected(file.name, number, str(error), raw))
        else:
            shown.update(row.items)
    if strangers := shown - items:
        notes.append(f"{len(strangers)} items were shown but are not in items; they keep their place in their lists")


def _checked(row: EventRow, items: set[str], file: str, number: int, raw: Row) -> Happened:
    at_ms = _time_ms(row)
    if at_ms is None:
        raise _Unusable("missing value: expected time, time_s or time_ms")
    if row.session is None and row.user is None:
        raise _Unusable("missing value: expected session or user")
    needed = REQUIRED.get(row.type)
    if needed and getattr(row, needed) is None:
        raise _Unusable(f"missing value: a {row.type} needs {needed}")
    if row.rating is not None and not math.isfinite(row.rating):
        raise _Unusable(f"bad value: expected a rating, received {row.rating}")
    if row.type == "slate":
        if not row.items or len(set(row.items)) < len(row.items):
            raise _Unusable("bad value: a slate needs items, each once")
        if row.surface not in SURFACES:
            raise _Unusable(f"bad value: expected a surface of {', '.join(SURFACES)}, received {row.surface!r}")
    elif row.item is None and row.type != "session_began":
        raise _Unusable(f"missing value: a {row.type} needs item")
    elif row.item is not None and row.item not in items:
        raise _Unusable(f"unknown item: {row.item!r} is not in items")
    return Happened(
        type=row.type, at_ms=at_ms, session=row.session, user=row.user, item=row.item or "", rating=row.rating,
        dwell_ms=row.dwell_ms, slate="" if row.type == "session_began" else row.slate or "", position=row.position,
        items=row.items, surface=row.surface, came=(row.referrer, row.page, row.device),
        file=file, line=number, raw=msgspec.json.encode(raw, enc_hook=str) if row.slate else b"",
    )  # fmt: skip


def _typed(
    file: Path, kind: type[_RowType], rejected: list[Rejected], notes: list[str]
) -> Iterator[tuple[int, Row, _RowType]]:
    """Yield line number, values and struct of each row that has the right types."""
    columns = set(kind.__struct_fields__)
    unused: set[str] = set()
    for number, raw in read_rows(file, rejected):
        unused.update(name for name in raw.keys() - columns if kind is not ItemRow or not _holds_number(name))
        try:
            yield number, raw, msgspec.convert({name: _plain(name, raw[name]) for name in raw}, kind, strict=False)
        except msgspec.ValidationError as error:
            rejected.append(Rejected(file.name, number, _wrong(kind, raw, error), raw))
    if unused:
        notes.append(f"{file.name}: columns that are not used: {', '.join(sorted(unused))}")


def _wrong(kind: type[ItemRow] | type[EventRow], raw: Row, error: msgspec.ValidationError) -> str:
    """Return what was expected of which column, and what stood there."""
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in raw:
            return f"missing value: expected {field.name}, received {', '.join(map(repr, raw)) or 'an empty row'}"
    found = _COLUMN.search(str(error))
    if found is None:
        return f"bad value: {error}"
    column = found[1]
    if choices := get_args(get_type_hints(kind)[column]) if "enum" in str(error) else ():
        return f"bad value: expected {column} to be one of {', '.join(choices)}, received {raw[column]!r}"
    return f"bad value: {error}, received {raw[column]!r}"


def _plain(name: str, value: Any) -> Any:
    """Return ids that were written as numbers as text, and lists that were written as text as lists."""
    if name in _LISTS and isinstance(value, str):
        return [word.strip() for word in value.split(SEPARATOR) if word.strip()]
    if name == "items" and isinstance(value, list):
        return [_plain("item", entry) for entry in value]
    if name in _TEXTS and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in _TEXTS and isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else str(value)
    return value


def _time_ms(row: TimedRow) -> int | None:
    """Return the row's time in milliseconds since 1970, None when it has none."""
    given = [value for value in (row.time, row.time_s, row.time_ms) if value is not None]
    if not given:
        return None
    if len(given) > 1:
        raise _Unusable("bad time: expected one of time, time_s and time_ms, received several")
    if row.time_ms is not None:
        at_ms = row.time_ms
    elif row.time_s is not None:
        at_ms = round(row.time_s * 1_000) if abs(row.time_s) <= MAX_TIME_MS else -1
    else:
        at_ms = _moment_ms(row.time)
    if not 0 <= at_ms <= MAX_TIME_MS:
        raise _Unusable(f"bad time: expected 1970 to 9999, received {given[0]!r}")
    return at_ms


def _moment_ms(time: Any) -> int:
    if isinstance(time, dt.date) and not isinstance(time, dt.datetime):
        time = time.isoformat()
    try:
        moment = time if isinstance(time, dt.datetime) else dt.datetime.fromisoformat(time)
    except (TypeError, ValueError):
        raise _Unusable(
            f"bad time: expected ISO 8601, received {time!r} (numbers belong into time_s or time_ms)"
        ) from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)) - _EPOCH) // dt.timedelta(milliseconds=1)
