"""RankLens: films with metadata, lists of films that were shown, and the clicks on them (JSON lines, gzip allowed).

The data set is Metarank's (CC BY-SA 4.0). Here lists and clicks are real impressions: each list becomes a slate in
the order shown, an impression of each of its films, and its clicks. A film that is described more than once is what was
said last, and there from the first on.
"""

import datetime as dt
import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from recsys.datasets.base import ADDRESSABLE, MAX_TIME_MS, Dataset, Rejected, assembled
from recsys.datasets.history import entering
from recsys.datasets.lines import numbered, opened
from recsys.datasets.shown import ShownList
from recsys.errors import UNREADABLE
from recsys.events import MAX_ID_LENGTH, MAX_NUMBER, Click, Event, Impression, ItemUpserted, SlateServed

NAME: Final = "ranklens"

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

#: Tags that tell where somebody keeps the film, what it won, or what is bare in it: nothing about its content.
_TAGS_LEFT_OUT: Final = re.compile(
    r"nud[ei]|\bsex|boobs|\b(clv|criterion|dvd\S*|vhs|laserdisc|blu-ray|netflix|imdb|own(ed)?|seen|library|bechdel)\b"
    r"|\b(oscar|afi \d|top pick|to see|ratings?|watch(ed)?)\b|list$|\.com$"
)
#: Longer tags are remarks.
_TAG_LENGTH: Final = 30
#: Numbers of a film: name, the data set's field, whether it is an amount, of which the logarithm counts.
_NUMBERS: Final = (
    ("votes", "vote_cnt", True),
    ("rating", "vote_avg", False),
    ("popularity", "popularity", True),
    ("budget", "budget", True),
    ("runtime", "runtime", False),
)
#: Begins the ids of sessions.
_SESSION: Final = "rl-"
#: Undescribed films that a note names.
_NAMED: Final = 10

#: Ids, empty where there is none.
_Name = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH, pattern=ADDRESSABLE)]
_Session = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH - len(_SESSION), pattern=ADDRESSABLE)]


class _Shown(msgspec.Struct):
    id: _Name


class _Line(msgspec.Struct):
    """One line of any kind; which fields must be there depends on `event`."""

    event: str
    timestamp: str | int
    id: _Name = ""
    item: _Name = ""
    items: list[_Shown] = []
    fields: list[dict[str, Any]] = []
    session: _Session = ""
    ranking: _Name = ""
    type: str = "click"

    @property
    def at_ms(self) -> int:
        return int(self.timestamp)


def read(path: Path) -> Dataset:
    """Read the data set. Takes about a second for 50,000 lines.

    Raises
    ------
    DatasetError
        When the file is missing or has no usable item.
    """
    reader = _Reader(path.name)
    decoder = msgspec.json.Decoder(_Line)
    with opened(path, "RankLens events, one JSON object a line") as file:
        for number, line in numbered(file):
            try:
                reader.take(decoder.decode(line))
            except (*UNREADABLE, _Unusable) as error:
                reader.rejected.append(Rejected(path.name, number, str(error), line.decode("utf-8", "replace")))
    events, notes = sorted(reader.events, key=_order), reader.notes()
    items = entering([(item, item.event_time_ms) for item in reader.items.values()], events, notes)
    return assembled(NAME, [path], items, events, reader.rejected, notes)


def _order(event: Event) -> tuple[int, bytes]:
    """Return what events are ordered by: their time, and clicks of the same time, behind all else, by chance.

    All clicks on a list have one made-up time, in order of position: taken as it stands, the first click would always
    be the uppermost one, and everybody would learn that people choose by place.
    """
    if not isinstance(event, Click):
        return event.event_time_ms, b""
    return event.event_time_ms, hashlib.blake2b(f"{event.slate}:{event.item}".encode(), digest_size=8).digest()


class _Unusable(Exception):
    """A line that is JSON of the right shape and yet says nothing usable."""


class _Reader:
    """Collects items and events line by line."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.items: dict[str, ItemUpserted] = {}
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []
        self._shown: dict[str, ShownList] = {}
        self._undescribed: set[str] = set()

    def take(self, line: _Line) -> None:
        digits = str(line.timestamp)
        if not (digits.isdecimal() and len(digits) <= len(str(MAX_TIME_MS)) and int(digits) <= MAX_TIME_MS):
            raise _Unusable(f"bad timestamp: expected milliseconds, received {line.timestamp!r}")
        match line.event:
            case "item":
                self._take_item(line)
            case "ranking":
                self.events.extend(self._list(line))
            case "interaction":
                self.events.append(self._click(line))
            case _:
                raise _Unusable(f"unknown event: {line.event!r}, expected item, ranking or interaction")

    def notes(self) -> list[str]:
        """Return what was taken as it was though it is odd."""
        missing = sorted(item for item in self._undescribed if item not in self.items)
        if not missing:
            return []
        named = ", ".join([*missing[:_NAMED], *["..."] * (len(missing) > _NAMED)])
        return [f"{len(missing)} films were shown but are not described; they keep their place: {named}"]

    def _take_item(self, line: _Line) -> None:
        values = {name: field.get("value") for field in line.fields if isinstance(name := field.get("name"), str)}
        title = values.get("title")
        if not line.item or not isinstance(title, str) or not title.strip():
            raise _Unusable(f"missing value: expected an id and a title, received {line.item!r} and {title!r}")
        before = self.items.get(line.item)
        item = ItemUpserted(
            event_time_ms=line.at_ms if before is None else min(before.event_time_ms, line.at_ms),
            item=line.item,
            title=title,
            categories=tuple(_words(values.get("genres"))),
            tags=tuple(_tags(values)),
            year=_year(values.get("release_date")),
            numbers=_numbers(values),
        )
        if any("\0" in text for text in (item.title, *item.categories, *item.tags)):
            raise _Unusable(f"bad value: expected text without zero bytes about {line.item!r}")
        self.items[line.item] = item

    def _list(self, line: _Line) -> Iterator[Event]:
        shown = tuple(entry.id for entry in line.items)
        if not (line.id and line.session and shown):
            raise _Unusable("missing value: a ranking needs id, session and items")
        if len(set(shown)) < len(shown):
            raise _Unusable("repeated item: a ranking shows each item once")
        if line.id in self._shown:
            raise _Unusable(f"repeated ranking: {line.id!r}")
        self._shown[line.id] = ShownList.of("ranking", line.id, line.session, line.at_ms, shown)
        session, at_ms = f"{_SESSION}{line.session}", line.at_ms
        yield SlateServed(event_time_ms=at_ms, session=session, slate=line.id, surface="history", items=shown)
        for position, item in enumerate(shown):
            if item not in self.items:
                self._undescribed.add(item)
            yield Impression(event_time_ms=at_ms, session=session, item=item, slate=line.id, position=position)

    def _click(self, line: _Line) -> Click:
        if line.type != "click":
            raise _Unusable(f"unknown interaction: {line.type!r}, expected click")
        shown = self._shown.get(line.ranking)
        if shown is None:
            raise _Unusable(f"unknown ranking: {line.ranking!r}")
        if problem := shown.problem(line.session, line.at_ms, line.item):
            raise _Unusable(problem)
        return Click(
            event_time_ms=line.at_ms,
            session=f"{_SESSION}{line.session}",
            item=line.item,
            slate=line.ranking,
            position=shown.position(line.item),
        )


def _tags(values: dict[Any, Any]) -> Iterator[str]:
    """Yield what tells the film from others, people first, each once."""
    people = [*_words(values.get("director")), *_words(values.get("writer")), *_words(values.get("actors"))]
    said = [tag for tag in _words(values.get("tags")) if len(tag) <= _TAG_LENGTH and not _TAGS_LEFT_OUT.search(tag)]
    yield from dict.fromkeys([*people, *said])


def _words(value: Any) -> list[str]:
    words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [word for word in words if isinstance(word, str) and word]


def _numbers(values: dict[Any, Any]) -> dict[str, float]:
    """Return the numbers of a film, amounts as logarithms; 0 says that nobody knows, and no votes make no rating."""
    numbers = {}
    for name, field, is_amount in _NUMBERS:
        value = values.get(field)
        if isinstance(value, int | float) and _is_number(value) and value > 0:
            numbers[name] = math.log1p(value) if is_amount else float(value)
    if "votes" not in numbers:
        numbers.pop("rating", None)
    return numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER


def _year(released_s: Any) -> int | None:
    """Return the year of a release date in seconds since 1970 (negative before); 0 stands for "not known"."""
    if not isinstance(released_s, int | float) or released_s == 0:
        return None
    try:
        return (_EPOCH + dt.timedelta(seconds=released_s)).year
    except OverflowError:
        return None
