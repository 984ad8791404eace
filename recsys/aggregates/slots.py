"""What a slot of a slate adds to the counts when it is seen, and when it is clicked."""

from typing import Final

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
from recsys.aggregates.open import OpenSlate, Sitting
from recsys.aggregates.shown import Catalogue
from recsys.events import Click, ItemEvent
from recsys.offsets import Offset

#: Surface of what is on no slate of ours, and of what names one that is not remembered.
HISTORY: Final = "history"
UNKNOWN: Final = "unknown"

#: The slate that is made for one session, whose impressions are numbered.
FOR_YOU: Final = "for_you"

# Places in a row of each table.
(
    SLATES,
    SLOTS,
    EXPLORED_SLOTS,
    PROPENSITY,
    SEEN,
    CLICKS,
    _EXPLORED_SEEN,
    _EXPLORED_CLICKS,
    DISMISSALS,
    _NOVELTY,
) = range(len(TRAFFIC))
_ITEM_SEEN, _ITEM_CLICKS, _ITEM_EXPLORED_SEEN, _ITEM_EXPLORED_CLICKS, _LOOSE_CLICKS = range(len(ITEMS))
SESSIONS, _LOOKED, _CLICKED = range(3)
_SITTING_MOMENTS, _NTH_MOMENTS = len(SITTINGS) - len(MOMENTS), len(NTH) - len(MOMENTS)


class Here(msgspec.Struct):
    """Where in the log the fold stands, and what it has added since it was drained.

    Attributes
    ----------
    now_ms : int
        Log time; `hour_ms` and `day_ms` are its hour and day.
    offset : Offset
    out : Increments
    """

    now_ms: int = 0
    hour_ms: int = 0
    day_ms: int = 0
    offset: Offset = ""
    out: Increments = msgspec.field(default_factory=Increments)


def seen(here: Here, catalogue: Catalogue, event: ItemEvent, sitting: Sitting, slate: OpenSlate) -> None:
    """Count an impression."""
    item, position, explored = event.item, event.position, event.position in slate.explored
    novelty = catalogue.seen(catalogue.row(item), slate.arm, slate.simulated)
    traffic = traffic_of(here, slate, here.hour_ms)
    traffic[SEEN] += 1
    traffic[_EXPLORED_SEEN] += explored
    traffic[_NOVELTY] += novelty
    items = here.out.items[here.day_ms, item, slate.arm, slate.simulated]
    items[_ITEM_SEEN] += 1
    items[_ITEM_EXPLORED_SEEN] += explored
    here.out.positions[item, here.day_ms, min(position, LAST_POSITION), slate.simulated][0] += 1
    _seen_in_sitting(here, sitting, explored)
    # Only within the sitting that the slate was served in: a visitor who comes back begins at 1.
    numbered = slate.surface == FOR_YOU and sitting.has(slate.received_ms)
    slate.note_seen(position, _number(here, sitting) if numbered else None, here.now_ms, sitting)


def _seen_in_sitting(here: Here, sitting: Sitting, explored: bool) -> None:
    moments = here.out.sittings[sitting.hour_ms, sitting.arm, sitting.simulated]
    moments[_LOOKED] += not sitting.impressions
    one_more_impression(moments, _SITTING_MOMENTS, sitting.impressions, sitting.clicks)
    sitting.impressions += 1
    sitting.explored_impressions += explored


def _number(here: Here, sitting: Sitting) -> int:
    """Count the sitting's next numbered impression; return the bucket of its number."""
    sitting.numbered += 1
    bucket = nth_bucket(sitting.numbered)
    nth = here.out.nth[sitting.day_ms, sitting.arm, sitting.simulated, bucket]
    mine = sitting.nth.get(bucket)
    if mine is None:
        mine = sitting.nth[bucket] = [0, 0]
        nth[SESSIONS] += 1
    one_more_impression(nth, _NTH_MOMENTS, *mine)
    mine[0] += 1
    return bucket


def clicked(here: Here, event: Click, sitting: Sitting, slate: OpenSlate) -> None:
    """Count a click on what was seen, where its impression was counted."""
    item, position, explored = event.item, event.position, event.position in slate.explored
    seen_ms = slate.seen_ms(position)
    traffic = traffic_of(here, slate, hour_of(seen_ms))
    traffic[CLICKS] += 1
    traffic[_EXPLORED_CLICKS] += explored
    day_ms = day_of(seen_ms)
    items = here.out.items[day_ms, item, slate.arm, slate.simulated]
    items[_ITEM_CLICKS] += 1
    items[_ITEM_EXPLORED_CLICKS] += explored
    here.out.positions[item, day_ms, min(position, LAST_POSITION), slate.simulated][1] += 1
    _clicked_in_sitting(here, sitting, slate, position, explored)
    delay_ms = max(min(event.event_time_ms, here.now_ms) - slate.served_ms, 0)
    delays = here.out.delays[here.day_ms, slate.arm, slate.simulated, delay_bucket(delay_ms)]
    delays[0] += 1
    delays[1] += not slate.clicked
    slate.clicked += (position,)


def _clicked_in_sitting(here: Here, sitting: Sitting, slate: OpenSlate, position: int, explored: bool) -> None:
    if not sitting.has(slate.seen_ms(position)):
        _seen_in_sitting(here, sitting, explored)
    moments = here.out.sittings[sitting.hour_ms, sitting.arm, sitting.simulated]
    moments[_CLICKED] += not sitting.clicks
    one_more_click(moments, _SITTING_MOMENTS, sitting.impressions, sitting.clicks)
    sitting.clicks += 1
    sitting.explored_clicks += explored
    bucket = slate.bucket(position)
    mine = None if bucket is None else sitting.nth.get(bucket)
    if bucket is not None and mine is not None and sitting.has(slate.received_ms):
        nth = here.out.nth[sitting.day_ms, sitting.arm, sitting.simulated, bucket]
        one_more_click(nth, _NTH_MOMENTS, *mine)
        mine[1] += 1


def clicked_loosely(here: Here, event: Click, surface: str) -> None:
    """Count a click on no slate of ours."""
    loose_traffic(here, event, surface)[CLICKS] += 1
    here.out.items[here.day_ms, event.item, "", event.simulated][_LOOSE_CLICKS] += 1


def traffic_of(here: Here, slate: OpenSlate, hour_ms: int) -> Row:
    """Return the row of `Increments.traffic` that counts what is done on a slate."""
    return here.out.traffic[hour_ms, slate.arm, slate.simulated, slate.surface]


def loose_traffic(here: Here, event: ItemEvent, surface: str) -> Row:
    """Return the row that counts what is done now on no slate of ours; the surface is `HISTORY` or `UNKNOWN`."""
    return here.out.traffic[here.hour_ms, "", event.simulated, surface]
