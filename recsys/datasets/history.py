"""From rows of "who did what when" to events: order, sessions, slates and positions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from recsys.datasets.base import Rejected, session_numbers
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


class Happened(NamedTuple):
    """A checked row; where it came from travels along, so that it can still be set aside."""

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
    raw: Any

    def rejected(self, reason: str) -> Rejected:
        """Return the row as one that was set aside."""
        return Rejected(self.file, self.line, reason, self.raw)


_KINDS: Final = {"impression": Impression, "click": Click, "dismissal": Dismissal, "dismissal_undone": DismissalUndone}
#: What stands before all else that happened at the same time.
_FIRST: Final = {"session_began": 0, "slate": 1}


def history(
    happened: list[Happened], session_gap_s: int, click_from_rating: float, rejected: list[Rejected]
) -> list[Event]:
    """Return the events in order of time; what does not fit its slate goes to `rejected`.

    Rows without a session get sessions of their user by inactivity. A slate that only impressions and clicks
    mention is put together from them: their items in order of position, then of appearance.
    """
    ordered = sorted(happened, key=lambda row: (row.at_ms, _FIRST.get(row.type, len(_FIRST)), row.line))
    ordered = _with_sessions(ordered, session_gap_s)
    shown, ordered = _slates(ordered, rejected)
    events: list[Event] = []
    for row in ordered:
        if row.type == "slate":
            events.append(_slate_event(row))
            continue
        if row.type == "session_began":
            events.append(_began(row))
            continue
        listed = shown[row.slate] if row.slate else None
        if listed and (problem := listed.problem(row.session, row.at_ms, row.item)):
            rejected.append(row.rejected(problem))
        else:
            events.extend(_item_events(row, listed.positions[row.item] if listed else 0, click_from_rating))
    return events


def entering(
    dated: Sequence[tuple[ItemUpserted, int | None]], events: Iterable[Event], notes: list[str]
) -> list[ItemUpserted]:
    """Return the items at the times at which they enter; `events` are in order of time.

    That is the time given with each, but no later than when it was first shown or anything happened to it, which is
    noted; an item without a time was there from the start.
    """
    first_ms: dict[str, int] = {}
    times = [at_ms for _, at_ms in dated if at_ms is not None]
    for event in events:
        times.append(event.event_time_ms)
        items = event.items if isinstance(event, SlateServed) else [event.item] if isinstance(event, ItemEvent) else []
        for item in items:
            first_ms.setdefault(item, event.event_time_ms)
    begin_ms = min(times, default=0)
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


def _with_sessions(ordered: list[Happened], gap_s: int) -> list[Happened]:
    by_user = [row for row in ordered if row.session is None]
    numbers = iter(session_numbers(((row.user, row.at_ms) for row in by_user), gap_s))
    return [row if row.session is not None else row._replace(session=f"{row.user}#{next(numbers)}") for row in ordered]


def _slates(ordered: list[Happened], rejected: list[Rejected]) -> tuple[dict[str, ShownList], list[Happened]]:
    """Return the lists by slate, and the rows with one for each slate before what happened to it."""
    shown: dict[str, ShownList] = {}
    kept: list[Happened] = []
    mentioned: dict[str, list[Happened]] = {}
    for row in ordered:
        if row.type == "slate" and row.slate in shown:
            rejected.append(row.rejected(f"repeated slate: {row.slate!r}"))
            continue
        if row.type == "slate":
            shown[row.slate] = _listed(row)
        elif row.slate:
            mentioned.setdefault(row.slate, []).append(row)
        kept.append(row)
    implied = {slate: _implied(rows) for slate, rows in mentioned.items() if slate not in shown}
    shown |= {slate: _listed(row) for slate, row in implied.items()}
    return shown, list(_inserted(kept, implied))


def _listed(row: Happened) -> ShownList:
    return ShownList.of("slate", row.slate, row.session, row.at_ms, row.items)


def _implied(rows: list[Happened]) -> Happened:
    """Return the list that the first row mentions, with all that its session did there."""
    own = [row for row in rows if row.session == rows[0].session]
    # Rows come in order of time, so a stable sort leaves items without a position in order of appearance.
    placed = sorted(own, key=lambda row: (row.position is None, row.position or 0))
    items = tuple(dict.fromkeys(row.item for row in placed))
    return rows[0]._replace(type="slate", item="", items=items, surface="history")


def _inserted(rows: list[Happened], implied: Mapping[str, Happened]) -> Iterator[Happened]:
    waiting = dict(implied)
    for row in rows:
        if row.slate in waiting:
            yield waiting.pop(row.slate)
        yield row


def _slate_event(row: Happened) -> SlateServed:
    return SlateServed(
        event_time_ms=row.at_ms, session=row.session or "", slate=row.slate, surface=row.surface, items=row.items
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
