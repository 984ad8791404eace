"""From rows of "who did what when" to events: order, sessions, slates and positions.

Rows wait on disk until they are events; what stands in memory is each user's last session, and what each slate showed.
"""

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from recsys.datasets.base import Rejected, SessionNumbers
from recsys.datasets.on_disk import OnDisk
from recsys.datasets.shown import ShownList
from recsys.events import (
    Click,
    Device,
    Dismissal,
    DismissalUndone,
    Dwell,
    EntryPage,
    Event,
    Impression,
    ItemEvent,
    ItemUpserted,
    Referrer,
    SessionBegan,
    SlateServed,
)


class Happened(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A checked row. Where it came from travels along, and as `raw` the row itself where it may still be set aside."""

    type: str
    at_ms: int
    session: str | None
    user: str | None
    item: str
    rating: float | None
    dwell_ms: int | None
    slate: str
    position: int | None
    items: tuple[str, ...]
    surface: str
    came: tuple[Referrer, EntryPage, Device]
    file: str
    line: int
    raw: bytes

    def rejected(self, reason: str) -> Rejected:
        """Return the row as one that was set aside."""
        return Rejected(self.file, self.line, reason, msgspec.json.decode(self.raw))


_KINDS: Final = {"impression": Impression, "click": Click, "dismissal": Dismissal, "dismissal_undone": DismissalUndone}
#: Rank of each type among what happened at the same time: how a session began first, then lists, then all else.
_RANKS: Final = {"session_began": 0, "slate": 1}
_LAST: Final = len(_RANKS)


def history(
    happened: Iterable[Happened], session_gap_s: int, click_from_rating: float, rejected: list[Rejected]
) -> Iterator[Event]:
    """Yield the events in order of time; what does not fit its slate goes to `rejected`.

    Rows come in order of line. Those without a session get sessions of their user by inactivity. A slate that only
    impressions and clicks mention is put together from them: their items in order of position, then of appearance.
    """
    ordered = OnDisk(happened, Happened, key=_order)
    slates = _slates(_with_sessions(ordered, session_gap_s))
    for row in _with_sessions(ordered, session_gap_s):
        told = slates.get(row.slate)
        if told and told.line == row.line:
            yield _slate_event(told.shown, row.surface if row.type == "slate" else "history")
        elif row.type == "slate":
            rejected.append(row.rejected(f"repeated slate: {row.slate!r}"))
        if row.type == "session_began":
            yield _began(row)
        elif row.type != "slate":
            if told and (problem := told.shown.problem(row.session, row.at_ms, row.item)):
                rejected.append(row.rejected(problem))
            else:
                yield from _item_events(row, told.shown.position(row.item) if told else 0, click_from_rating)


def entering(
    dated: Sequence[tuple[ItemUpserted, int | None]], events: Sequence[Event], notes: list[str]
) -> list[ItemUpserted]:
    """Return the items at the times at which they enter; `events` are in order of time.

    That is the time given with each, but no later than when it was first shown or anything happened to it, which is
    noted; an item without a time was there from the start.
    """
    first_ms: dict[str, int] = {}
    for event in events:
        items = event.items if isinstance(event, SlateServed) else [event.item] if isinstance(event, ItemEvent) else []
        for item in items:
            first_ms.setdefault(item, event.event_time_ms)
    times = [at_ms for _, at_ms in dated if at_ms is not None]
    begin_ms = min(times + [event.event_time_ms for event in events[:1]], default=0)
    entered = [
        msgspec.structs.replace(
            item, event_time_ms=begin_ms if at_ms is None else min(at_ms, first_ms.get(item.item, at_ms))
        )
        for item, at_ms in dated
    ]
    if late := sum(
        at_ms is not None and item.event_time_ms < at_ms for item, (_, at_ms) in zip(entered, dated, strict=True)
    ):
        notes.append(f"{late} items were shown or clicked before their time; they enter when they first were")
    return entered


def _order(row: Happened) -> int:
    return row.at_ms * (_LAST + 1) + _RANKS.get(row.type, _LAST)


def _with_sessions(ordered: Iterable[Happened], gap_s: int) -> Iterator[Happened]:
    numbers = SessionNumbers(gap_s)
    for row in ordered:
        if row.session is None:
            yield msgspec.structs.replace(row, session=f"{row.user}#{numbers.of(row.user, row.at_ms)}")
        else:
            yield row


class _Told(NamedTuple):
    """What a slate showed, and the line of the row that first tells of it."""

    line: int
    shown: ShownList


class _Mentions:
    """What impressions and clicks tell of a slate that has no row: what the first one's session did there."""

    def __init__(self, first: Happened) -> None:
        self._first = first
        #: Each item's lowest position, in the order in which these came up.
        self._positions: dict[str, float] = {}

    def add(self, row: Happened) -> None:
        position = math.inf if row.position is None else row.position
        if row.session == self._first.session and (
            row.item not in self._positions or position < self._positions[row.item]
        ):
            self._positions.pop(row.item, None)
            self._positions[sys.intern(row.item)] = position

    def told(self) -> _Told:
        items = sorted(self._positions, key=self._positions.__getitem__)
        return _Told(self._first.line, _listed(self._first, items))


def _slates(ordered: Iterable[Happened]) -> dict[str, _Told]:
    """Return the slates: each as its first row tells, else as those tell that mention it."""
    slates: dict[str, _Told] = {}
    mentioned: dict[str, _Mentions] = {}
    for row in ordered:
        if row.type == "slate" and row.slate not in slates:
            slates[row.slate] = _Told(row.line, _listed(row, row.items))
            mentioned.pop(row.slate, None)
        elif row.slate and row.slate not in slates:
            mentioned.setdefault(row.slate, _Mentions(row)).add(row)
    return slates | {slate: mentions.told() for slate, mentions in mentioned.items()}


def _listed(row: Happened, items: Iterable[str]) -> ShownList:
    return ShownList.of("slate", row.slate, row.session, row.at_ms, items)


def _slate_event(shown: ShownList, surface: str) -> SlateServed:
    return SlateServed(
        event_time_ms=shown.at_ms, session=shown.session or "", slate=shown.id, surface=surface, items=shown.items
    )


def _began(row: Happened) -> SessionBegan:
    referrer, page, device = row.came
    return SessionBegan(event_time_ms=row.at_ms, session=row.session or "", referrer=referrer, page=page, device=device)


def _item_events(row: Happened, position: int, click_from_rating: float) -> Iterator[Event]:
    about: dict[str, Any] = {
        "event_time_ms": row.at_ms,
        "session": row.session,
        "item": row.item,
        "slate": row.slate,
        "position": position,
    }
    if row.type == "dwell":
        yield Dwell(**about, dwell_ms=row.dwell_ms or 0)
    elif row.type == "rating":
        yield Impression(**about)
        if (row.rating or 0.0) >= click_from_rating:
            yield Click(**about)
    else:
        yield _KINDS[row.type](**about)
