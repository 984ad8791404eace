"""The fold itself: what each event adds to which table."""

import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec

from recsys.aggregates.buckets import day_of, hour_of
from recsys.aggregates.increments import Increments
from recsys.aggregates.open import MAX_OPEN, OpenSittings, OpenSlate, OpenSlates, Sitting
from recsys.aggregates.shown import Catalogue, CatalogueState
from recsys.aggregates.slots import (
    DISMISSALS,
    EXPLORED_SLOTS,
    HISTORY,
    PROPENSITY,
    SEEN,
    SESSIONS,
    SLATES,
    SLOTS,
    UNKNOWN,
    Here,
    clicked,
    clicked_loosely,
    loose_traffic,
    seen,
    traffic_of,
)
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
    SessionBegan,
    SessionEvent,
    SessionForgotten,
    SlateServed,
)
from recsys.offsets import Offset

_MILLION: Final = 1_000_000


class AggregateState(msgspec.Struct, frozen=True):
    """An `AggregateFold` as it is stored: what is open, by slate and by session, and what the items are."""

    slates: msgspec.Raw
    sittings: msgspec.Raw
    catalogue: CatalogueState
    hour_ms: int
    day_ms: int
    forgotten: list[str] = []


class AggregateFold:
    """Counts events in log order.

    What is open is bounded by `MAX_OPEN` slates and sittings, of which the newest stand in memory, and by the
    catalogue. About 5 µs an event.

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
        self._here = Here()
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
            SessionBegan: self._begun,
            SessionForgotten: self._forget_session,
        }

    def take(self, event: Event | None, offset: Offset, received_ms: int) -> None:
        """Take in the next record of the log; None, bytes that are no event, adds nothing."""
        if event is None or (isinstance(event, SessionEvent) and event.session in self._forgotten):
            return
        self._here.now_ms, self._here.offset = received_ms, offset
        hour_ms = hour_of(received_ms)
        if hour_ms != self._here.hour_ms:
            self._turn(hour_ms)
        self._handlers[type(event)](event)

    def drain(self) -> Increments:
        """Return what was added since the last drain, and begin anew."""
        self._close_day()
        out, self._here.out = self._here.out, Increments()
        out.sessions = {offset: sitting.row() for offset, sitting in self._changed.items()}
        self._changed = {}
        return out

    def state(self) -> bytes:
        """Return what goes on into later events, for storing; what was not drained is not in it."""
        return msgspec.msgpack.encode(
            AggregateState(
                slates=self._slates.held.to_state(),
                sittings=self._sittings.held.to_state(),
                catalogue=self._catalogue.to_state(),
                hour_ms=self._here.hour_ms,
                day_ms=self._here.day_ms,
                forgotten=list(self._forgotten),
            )
        )

    def restore(self, stored: bytes) -> None:
        """Become what `state` described. Raises `msgspec.DecodeError` on anything else."""
        state = msgspec.msgpack.decode(stored, type=AggregateState)
        self._slates.held.restore(state.slates)
        self._sittings.held.restore(state.sittings)
        self._catalogue = Catalogue.from_state(state.catalogue)
        self._here.hour_ms, self._here.day_ms = state.hour_ms, state.day_ms
        self._forgotten = dict.fromkeys(state.forgotten)

    # -- time ------------------------------------------------------------------------------------------------------

    def _turn(self, hour_ms: int) -> None:
        day_ms = day_of(hour_ms)
        if day_ms != self._here.day_ms:
            self._close_day()
            self._catalogue.turn()
        self._here.hour_ms, self._here.day_ms = hour_ms, day_ms

    def _close_day(self) -> None:
        if self._shown_changed:
            self._shown_changed = False
            for row in self._catalogue.today(self._here.day_ms):
                self._here.out.shown[row.day_ms, row.arm, row.simulated] = row

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
            # Each event brings its own copies of these; what is kept shares one.
            session=sitting.session,
            surface=sys.intern(surface),
            arm=sys.intern(arm),
            simulated=event.simulated,
            served_ms=event.event_time_ms,
            received_ms=self._here.now_ms,
            size=len(event.items),
            explored=event.explored,
        )
        if not self._slates.add(event.slate, slate):
            return
        sitting.slates += 1
        traffic = self._here.out.traffic[self._here.hour_ms, arm, event.simulated, surface]
        traffic[SLATES] += 1
        traffic[SLOTS] += len(event.propensities)
        traffic[EXPLORED_SLOTS] += len(event.explored)
        traffic[PROPENSITY] += sum(map(_ppm, event.propensities))

    def _sitting(self, event: SessionEvent, arm: str) -> Sitting:
        """Return the session's sitting, a new one after its gap, with this event counted."""
        sitting = self._sittings.running(event.session, self._here.now_ms) or self._sit_down(event, arm)
        sitting.last_offset, sitting.ended_ms = self._here.offset, self._here.now_ms
        sitting.events += 1
        self._sittings.put(sitting)
        self._changed[sitting.first_offset] = sitting
        return sitting

    def _sit_down(self, event: SessionEvent, arm: str) -> Sitting:
        self._here.out.sittings[self._here.hour_ms, arm, event.simulated][SESSIONS] += 1
        self._here.out.ends[self._here.day_ms, arm, event.simulated, "", ""][SESSIONS] += 1
        return Sitting(
            first_offset=self._here.offset,
            session=event.session,
            last_offset=self._here.offset,
            started_ms=self._here.now_ms,
            ended_ms=self._here.now_ms,
            arm=arm,
            simulated=event.simulated,
            hour_ms=self._here.hour_ms,
            day_ms=self._here.day_ms,
        )

    def _about(self, event: ItemEvent, action: str) -> tuple[Sitting, OpenSlate | None]:
        """Return the sitting, and the slate if it is of ours and remembered; note that the sitting ends here so far."""
        slate = self._slates.find(event, self._here.now_ms)
        sitting = self._sitting(event, "" if slate is None else slate.arm)
        surface = slate.surface if slate is not None else UNKNOWN if event.slate else HISTORY
        if surface != sitting.last_surface or action != sitting.last_action:
            ends, key = self._here.out.ends, (sitting.day_ms, sitting.arm, sitting.simulated)
            ends[(*key, sitting.last_surface, sitting.last_action)][0] -= 1
            ends[(*key, surface, action)][0] += 1
            sitting.last_surface, sitting.last_action = surface, action
        return sitting, slate if surface != HISTORY else None

    # -- what visitors do --------------------------------------------------------------------------------------------

    def _impression(self, event: Impression) -> None:
        sitting, slate = self._about(event, "impression")
        if slate is None:
            loose_traffic(self._here, event, sitting.last_surface)[SEEN] += 1
        elif not slate.was_seen(event.position):
            self._see(event, sitting, slate)

    def _click(self, event: Click) -> None:
        sitting, slate = self._about(event, "click")
        row = self._catalogue.row(event.item)
        if slate is None:
            clicked_loosely(self._here, event, sitting.last_surface)
        elif event.position not in slate.clicked:
            if not slate.was_seen(event.position):
                self._see(event, sitting, slate)
            clicked(self._here, event, sitting, slate)
        else:
            return
        self._catalogue.clicked(row)

    def _dismissal(self, event: Dismissal) -> None:
        sitting, slate = self._about(event, "dismissal")
        sitting.dismissals += 1
        here = self._here
        row = (
            loose_traffic(here, event, sitting.last_surface) if slate is None else traffic_of(here, slate, here.hour_ms)
        )
        row[DISMISSALS] += 1

    def _dwell(self, event: Dwell | DismissalUndone) -> None:
        self._about(event, event.tag())

    def _begun(self, event: SessionBegan) -> None:
        """Add nothing: a visit counts from the first thing on that it is shown."""

    def _forget_session(self, event: SessionForgotten) -> None:
        """Take back the session's own rows, and pass over what still comes of it.

        What was counted stays counted: counts are of nobody in particular.
        """
        self._sittings.held.pop(event.session)
        self._changed = {
            offset: sitting for offset, sitting in self._changed.items() if sitting.session != event.session
        }
        self._here.out.forgotten[event.session] = self._forgotten[event.session] = None
        if len(self._forgotten) > self._max_open:
            del self._forgotten[next(iter(self._forgotten))]

    def _see(self, event: ItemEvent, sitting: Sitting, slate: OpenSlate) -> None:
        self._shown_changed = True
        seen(self._here, self._catalogue, event, sitting, slate)


def _ppm(propensity: float) -> int:
    """Return a probability in millionths: of what is none the nearest that is, 0 where it is no number at all."""
    return round(_MILLION * min(max(0.0, propensity), 1.0))  # not max(propensity, 0.0), which for NaN is NaN
