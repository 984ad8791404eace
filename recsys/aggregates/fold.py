"""The fold itself: what each event adds to which table."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from recsys.aggregates.buckets import LAST_POSITION, day_of, delay_bucket, hour_of, nth_bucket
from recsys.aggregates.increments import (
    ITEMS,
    MOMENTS,
    NTH,
    SITTINGS,
    TRAFFIC,
    Increments,
    Row,
    one_more_click,
    one_more_impression,
)
from recsys.aggregates.open import MAX_OPEN, OpenSittings, OpenSlate, OpenSlates, Sitting
from recsys.aggregates.shown import Catalogue, CatalogueState
from recsys.events import (
    SURFACES,
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemEvent,
    ItemRemoved,
    ItemUpserted,
    SessionEvent,
    SessionForgotten,
    SlateServed,
)
from recsys.offsets import Offset

#: Surface of what names no slate, and of what names one that is not remembered.
HISTORY: Final = "history"
UNKNOWN: Final = "unknown"

#: The slate that is made for one session, whose impressions are numbered.
FOR_YOU: Final = "for_you"

_MILLION: Final = 1_000_000

# Places in a row of each table.
(
    _SLATES,
    _SLOTS,
    _EXPLORED_SLOTS,
    _PROPENSITY,
    _SEEN,
    _CLICKS,
    _EXPLORED_SEEN,
    _EXPLORED_CLICKS,
    _DISMISSALS,
    _NOVELTY,
) = range(len(TRAFFIC))
_ITEM_SEEN, _ITEM_CLICKS, _ITEM_EXPLORED_SEEN, _ITEM_EXPLORED_CLICKS = range(len(ITEMS))
_SESSIONS, _CLICKED = range(2)
_SITTING_MOMENTS, _NTH_MOMENTS = len(SITTINGS) - len(MOMENTS), len(NTH) - len(MOMENTS)


class AggregateState(msgspec.Struct, frozen=True):
    """An `AggregateFold` as it is stored: what is open, and what the items are."""

    slates: dict[str, OpenSlate]
    sittings: list[Sitting]
    catalogue: CatalogueState
    hour_ms: int
    day_ms: int
    forgotten: list[str] = []


class AggregateFold:
    """Counts events in log order.

    Memory is bounded by `MAX_OPEN` slates and sittings, and by the catalogue. About 5 µs an event.

    Parameters
    ----------
    session_gap_ms : int
        Inactivity that ends a sitting.
    max_open : int
    """

    def __init__(self, session_gap_ms: int, max_open: int = MAX_OPEN) -> None:
        self._max_open = max_open
        self._slates = OpenSlates(max_open)
        self._sittings = OpenSittings(session_gap_ms, max_open)
        self._catalogue = Catalogue()
        self._forgotten: dict[str, None] = {}
        self._hour_ms = self._day_ms = self._now_ms = 0
        self._offset: Offset = ""
        self._out = Increments()
        self._changed: dict[str, Sitting] = {}
        self._shown_changed = False
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            ItemUpserted: self._item,
            ItemRemoved: self._item_removed,
            SlateServed: self._slate,
            Impression: self._impression,
            Click: self._click,
            Dwell: self._dwell,
            Dismissal: self._dismissal,
            DismissalUndone: self._dwell,
            SessionForgotten: self._forget_session,
        }

    def take(self, event: Event | None, offset: Offset, received_ms: int) -> None:
        """Take in the next record of the log; None, bytes that are no event, adds nothing."""
        if event is None or (isinstance(event, SessionEvent) and event.session in self._forgotten):
            return
        self._now_ms, self._offset = received_ms, offset
        hour_ms = hour_of(received_ms)
        if hour_ms != self._hour_ms:
            self._turn(hour_ms)
        self._handlers[type(event)](event)

    def drain(self) -> Increments:
        """Return what was added since the last drain, and begin anew."""
        self._close_day()
        out, self._out = self._out, Increments()
        out.sessions = {offset: sitting.row() for offset, sitting in self._changed.items()}
        self._changed = {}
        return out

    def state(self) -> bytes:
        """Return what goes on into later events, for storing; what was not drained is not in it."""
        return msgspec.msgpack.encode(
            AggregateState(
                slates=self._slates.held,
                sittings=list(self._sittings.held.values()),
                catalogue=self._catalogue.to_state(),
                hour_ms=self._hour_ms,
                day_ms=self._day_ms,
                forgotten=list(self._forgotten),
            )
        )

    def restore(self, stored: bytes) -> None:
        """Become what `state` described. Raises `msgspec.DecodeError` on anything else."""
        state = msgspec.msgpack.decode(stored, type=AggregateState)
        self._slates.held = state.slates
        self._sittings.held = {sitting.session: sitting for sitting in state.sittings}
        self._catalogue = Catalogue.from_state(state.catalogue)
        self._hour_ms, self._day_ms = state.hour_ms, state.day_ms
        self._forgotten = dict.fromkeys(state.forgotten)

    # -- time ------------------------------------------------------------------------------------------------------

    def _turn(self, hour_ms: int) -> None:
        day_ms = day_of(hour_ms)
        if day_ms != self._day_ms:
            self._close_day()
            self._catalogue.turn()
        self._hour_ms, self._day_ms = hour_ms, day_ms

    def _close_day(self) -> None:
        if self._shown_changed:
            self._shown_changed = False
            for row in self._catalogue.today(self._day_ms):
                self._out.shown[row.day_ms, row.arm, row.simulated] = row

    # -- the catalogue -----------------------------------------------------------------------------------------------

    def _item(self, event: ItemUpserted) -> None:
        self._catalogue.add(event.item)
        self._shown_changed = True

    def _item_removed(self, event: ItemRemoved) -> None:
        self._catalogue.remove(event.item)
        self._shown_changed = True

    # -- slates and sittings -----------------------------------------------------------------------------------------

    def _slate(self, event: SlateServed) -> None:
        arm = event.arm if event.version else ""
        sitting = self._sitting(event, arm)
        surface = event.surface if event.surface in SURFACES else HISTORY
        slate = OpenSlate(
            session=event.session,
            surface=surface,
            arm=arm,
            simulated=event.simulated,
            served_ms=event.event_time_ms,
            received_ms=self._now_ms,
            size=len(event.items),
            explored=event.explored,
        )
        if not self._slates.add(event.slate, slate):
            return
        sitting.slates += 1
        traffic = self._out.traffic[self._hour_ms, arm, event.simulated, surface]
        traffic[_SLATES] += 1
        traffic[_SLOTS] += len(event.propensities)
        traffic[_EXPLORED_SLOTS] += len(event.explored)
        traffic[_PROPENSITY] += sum(round(propensity * _MILLION) for propensity in event.propensities)

    def _sitting(self, event: SessionEvent, arm: str) -> Sitting:
        """Return the session's sitting, a new one after its gap, with this event counted."""
        sitting = self._sittings.running(event.session, self._now_ms) or self._sit_down(event, arm)
        sitting.last_offset, sitting.ended_ms = self._offset, self._now_ms
        sitting.events += 1
        self._sittings.put(sitting)
        self._changed[sitting.first_offset] = sitting
        return sitting

    def _sit_down(self, event: SessionEvent, arm: str) -> Sitting:
        self._out.sittings[self._hour_ms, arm, event.simulated][_SESSIONS] += 1
        self._out.ends[self._day_ms, arm, event.simulated, "", ""][_SESSIONS] += 1
        return Sitting(
            first_offset=self._offset,
            session=event.session,
            last_offset=self._offset,
            started_ms=self._now_ms,
            ended_ms=self._now_ms,
            arm=arm,
            simulated=event.simulated,
            hour_ms=self._hour_ms,
            day_ms=self._day_ms,
        )

    def _about(self, event: ItemEvent, action: str) -> tuple[Sitting, OpenSlate | None]:
        """Return the sitting and the slate, None where it is not remembered; note that the sitting ends here so far."""
        slate = self._slates.find(event, self._now_ms)
        sitting = self._sitting(event, "" if slate is None else slate.arm)
        surface = slate.surface if slate is not None else UNKNOWN if event.slate else HISTORY
        if surface != sitting.last_surface or action != sitting.last_action:
            ends, key = self._out.ends, (sitting.day_ms, sitting.arm, sitting.simulated)
            ends[(*key, sitting.last_surface, sitting.last_action)][0] -= 1
            ends[(*key, surface, action)][0] += 1
            sitting.last_surface, sitting.last_action = surface, action
        return sitting, slate

    # -- what visitors do --------------------------------------------------------------------------------------------

    def _impression(self, event: Impression) -> None:
        sitting, slate = self._about(event, "impression")
        if slate is None:
            self._loose(event)[_SEEN] += 1
        elif event.position not in slate.seen:
            self._see(event, sitting, slate)

    def _click(self, event: Click) -> None:
        sitting, slate = self._about(event, "click")
        row = self._catalogue.row(event.item)
        if slate is None:
            self._loose(event)[_CLICKS] += 1
            self._out.items[self._day_ms, event.item, "", event.simulated][_ITEM_CLICKS] += 1
        elif event.position not in slate.clicked:
            if event.position not in slate.seen:
                self._see(event, sitting, slate)
            self._open(event, sitting, slate)
        else:
            return
        self._catalogue.clicked(row)

    def _dismissal(self, event: Dismissal) -> None:
        sitting, slate = self._about(event, "dismissal")
        sitting.dismissals += 1
        row = self._loose(event) if slate is None else self._traffic(slate)
        row[_DISMISSALS] += 1

    def _dwell(self, event: Dwell | DismissalUndone) -> None:
        self._about(event, event.tag())

    def _forget_session(self, event: SessionForgotten) -> None:
        """Take back the session's own rows, and pass over what still comes of it.

        What was counted stays counted: counts are of nobody in particular.
        """
        self._sittings.held.pop(event.session, None)
        self._changed = {
            offset: sitting for offset, sitting in self._changed.items() if sitting.session != event.session
        }
        self._out.forgotten[event.session] = self._forgotten[event.session] = None
        if len(self._forgotten) > self._max_open:
            del self._forgotten[next(iter(self._forgotten))]

    def _see(self, event: ItemEvent, sitting: Sitting, slate: OpenSlate) -> None:
        """Count an impression."""
        item, position, explored = event.item, event.position, event.position in slate.explored
        self._shown_changed = True
        novelty = self._catalogue.seen(self._catalogue.row(item), slate.arm, slate.simulated)
        traffic = self._traffic(slate)
        traffic[_SEEN] += 1
        traffic[_EXPLORED_SEEN] += explored
        traffic[_NOVELTY] += novelty
        items = self._out.items[self._day_ms, item, slate.arm, slate.simulated]
        items[_ITEM_SEEN] += 1
        items[_ITEM_EXPLORED_SEEN] += explored
        self._out.positions[item, self._day_ms, min(position, LAST_POSITION), slate.simulated][0] += 1
        moments = self._out.sittings[sitting.hour_ms, sitting.arm, sitting.simulated]
        one_more_impression(moments, _SITTING_MOMENTS, sitting.impressions, sitting.clicks)
        sitting.impressions += 1
        sitting.explored_impressions += explored
        # Only within the sitting that the slate was served in: a visitor who comes back begins at 1.
        numbered = slate.surface == FOR_YOU and slate.received_ms >= sitting.started_ms
        slate.seen[position] = self._number(sitting) if numbered else 0

    def _number(self, sitting: Sitting) -> int:
        """Count the sitting's next numbered impression; return its number."""
        sitting.numbered += 1
        bucket = nth_bucket(sitting.numbered)
        nth = self._out.nth[sitting.day_ms, sitting.arm, sitting.simulated, bucket]
        mine = sitting.nth.get(bucket)
        if mine is None:
            mine = sitting.nth[bucket] = [0, 0]
            nth[_SESSIONS] += 1
        one_more_impression(nth, _NTH_MOMENTS, *mine)
        mine[0] += 1
        return sitting.numbered

    def _open(self, event: Click, sitting: Sitting, slate: OpenSlate) -> None:
        """Count a click on what was seen."""
        item, position, explored = event.item, event.position, event.position in slate.explored
        traffic = self._traffic(slate)
        traffic[_CLICKS] += 1
        traffic[_EXPLORED_CLICKS] += explored
        items = self._out.items[self._day_ms, item, slate.arm, slate.simulated]
        items[_ITEM_CLICKS] += 1
        items[_ITEM_EXPLORED_CLICKS] += explored
        self._out.positions[item, self._day_ms, min(position, LAST_POSITION), slate.simulated][1] += 1
        moments = self._out.sittings[sitting.hour_ms, sitting.arm, sitting.simulated]
        moments[_CLICKED] += not sitting.clicks
        one_more_click(moments, _SITTING_MOMENTS, sitting.impressions, sitting.clicks)
        sitting.clicks += 1
        sitting.explored_clicks += explored
        bucket = nth_bucket(slate.seen[position])
        mine = sitting.nth.get(bucket)
        if slate.seen[position] and mine is not None and slate.received_ms >= sitting.started_ms:
            nth = self._out.nth[sitting.day_ms, sitting.arm, sitting.simulated, bucket]
            one_more_click(nth, _NTH_MOMENTS, *mine)
            mine[1] += 1
        delay_ms = max(min(event.event_time_ms, self._now_ms) - slate.served_ms, 0)
        delays = self._out.delays[self._day_ms, slate.arm, slate.simulated, delay_bucket(delay_ms)]
        delays[0] += 1
        delays[1] += not slate.clicked
        slate.clicked.append(position)

    def _traffic(self, slate: OpenSlate) -> Row:
        return self._out.traffic[self._hour_ms, slate.arm, slate.simulated, slate.surface]

    def _loose(self, event: ItemEvent) -> Row:
        surface = UNKNOWN if event.slate else HISTORY
        return self._out.traffic[self._hour_ms, "", event.simulated, surface]
