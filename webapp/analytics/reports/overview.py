"""The overview: what visitors did, how the slates were spread, and which items and places stand out."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

from django.db.models import Exists, OuterRef, QuerySet, Sum

from recsys.aggregates.buckets import DAY_MS, HOUR_MS, day_of
from recsys.aggregates.increments import MOMENTS, TRAFFIC
from recsys.aggregates.slots import HISTORY, UNKNOWN
from webapp.analytics.models import ItemTraffic, SessionEnd, ShownDay, SittingMoments, Traffic
from webapp.analytics.reports.bucket import Bucket
from webapp.analytics.reports.counts import Sums, between, between_days, by, parts_in_days, total
from webapp.analytics.reports.window import Window
from webapp.catalog.models import Item

_RATE: Final = ("sessions", "looked", *MOMENTS)
_NOTHING: Final[Sums] = dict.fromkeys((*TRAFFIC, *_RATE), 0)
_MILLION: Final = 1_000_000
#: Items that are looked up by title for the two short lists.
_STANDING_OUT: Final = 200


class StandingOut(NamedTuple):
    """An item with what lists of ours showed of it and what was clicked on these, now and in the time before.

    `opened` are all clicks, those on no list of ours among them.
    """

    item: str
    title: str
    impressions: int
    clicks: int
    opened: int
    before: int
    times_expected: float


class End(NamedTuple):
    """Where sittings ended."""

    surface: str
    action: str
    sessions: int


class Overview:
    """Everything on the page for one window; each part is read when it is asked for."""

    def __init__(self, window: Window) -> None:
        self.window = window

    @cached_property
    def buckets(self) -> list[Bucket]:
        """The window's hours or days, oldest first."""
        hours = self.window.step_ms // HOUR_MS
        span = {"hours": hours, "start_ms__gte": self.window.start_ms, "start_ms__lt": self.window.end_ms}
        traffic = by(self._traffic().filter(**span), "start_ms", TRAFFIC)
        sittings = by(self._sittings().filter(**span), "start_ms", _RATE)
        shown = self._shown(self.window.start_ms, self.window.end_ms)
        return [
            _with_shown(
                Bucket(at_ms, traffic.get(at_ms, _NOTHING), sittings.get(at_ms, _NOTHING)),
                [row for row in shown if row.day_ms == at_ms] if self.window.step_ms == DAY_MS else [],
            )
            for at_ms in self.window.buckets
        ]

    @cached_property
    def now(self) -> Bucket:
        """The whole window."""
        return self._whole(*self.window.time)

    @cached_property
    def before(self) -> Bucket:
        """The time before, as long as the window is by now."""
        return self._whole(*self.window.before)

    @cached_property
    def simulated_sessions(self) -> int:
        """How many of the window's sittings were simulated."""
        return total(self._sittings().filter(between(*self.window.time), simulated=True), ("sessions",))["sessions"]

    @cached_property
    def loose(self) -> Sums:
        """What belongs to no slate that is known: clicks and impressions."""
        rows = Traffic.objects.filter(between(*self.window.time), self.window.visitors, surface__in=(HISTORY, UNKNOWN))
        return total(rows, ("impressions", "clicks"))

    @cached_property
    def ends(self) -> list[End]:
        """Where the window's sittings ended, the most first."""
        rows = (
            SessionEnd.objects.filter(
                self.window.visitors, start_ms__gte=day_of(self.window.start_ms), start_ms__lt=self.window.end_ms
            )
            .values("surface", "action")
            .annotate(total=Sum("sessions"))
            .order_by("-total", "surface", "action")
        )
        return [End(row["surface"], row["action"], row["total"]) for row in rows if row["total"]]

    @cached_property
    def items(self) -> list[StandingOut]:
        """Items that were seen or clicked in the window or before, without their titles."""
        now, before = (by(self._items(span), "item", ("impressions", "clicks", "loose_clicks")) for span in self._days)
        grown = (sum(sums["clicks"] for sums in now.values()) + 1) / (
            sum(sums["clicks"] for sums in before.values()) + 1
        )
        return [
            StandingOut(
                item,
                "",
                sums["impressions"],
                sums["clicks"],
                sums["clicks"] + sums["loose_clicks"],
                earlier := before.get(item, _NOTHING)["clicks"],
                (sums["clicks"] + 1) / (earlier * grown + 1),
            )
            for item, sums in now.items()
        ]

    @cached_property
    def top(self) -> list[StandingOut]:
        """The items with the most clicks on lists of ours; among equals, those that were opened most in all."""
        opened = [found for found in self.items if found.opened]
        opened.sort(key=lambda found: (-found.clicks, -found.opened, found.item))
        return _titled(opened[:_STANDING_OUT])

    @cached_property
    def rising(self) -> list[StandingOut]:
        """The items whose clicks grew most, against what all items' clicks did; none without a time before."""
        if not self.before.clicks:
            return []
        grown = [found for found in self.items if found.times_expected > 1]
        return _titled(sorted(grown, key=lambda found: (-found.times_expected, found.item))[:_STANDING_OUT])

    @property
    def never_shown(self) -> QuerySet[Item]:
        """Available items that nobody of these visitors saw in the window."""
        seen = ItemTraffic.objects.filter(self.window.visitors, item=OuterRef("item_id"), impressions__gt=0)
        nowhere = [~Exists(seen.filter(part)) for part in parts_in_days(*self._days[0])]
        return Item.objects.filter(*nowhere, removed=False)

    @property
    def available(self) -> int:
        """Items that could be shown."""
        return Item.objects.filter(removed=False).count()

    @property
    def _days(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The window's days and the ones before; items are counted by day, so 24 hours are today."""
        if self.window.step_ms == DAY_MS:
            return (self.window.start_ms, self.window.end_ms), self.window.before
        today_ms = day_of(self.window.end_ms - 1)
        return (today_ms, today_ms + DAY_MS), (today_ms - DAY_MS, today_ms)

    def _whole(self, start_ms: int, end_ms: int) -> Bucket:
        return _with_shown(
            Bucket(
                start_ms,
                total(self._traffic().filter(between(start_ms, end_ms)), TRAFFIC),
                total(self._sittings().filter(between(start_ms, end_ms)), _RATE),
            ),
            self._shown(start_ms, end_ms),
        )

    def _traffic(self) -> QuerySet[Traffic]:
        return Traffic.objects.filter(self.window.visitors).exclude(surface__in=(HISTORY, UNKNOWN))

    def _sittings(self) -> QuerySet[SittingMoments]:
        return SittingMoments.objects.filter(self.window.visitors)

    def _items(self, days: tuple[int, int]) -> QuerySet[ItemTraffic]:
        return ItemTraffic.objects.filter(between_days(*days), self.window.visitors)

    def _shown(self, start_ms: int, end_ms: int) -> list[ShownDay]:
        found = ShownDay.objects.filter(day_ms__gte=day_of(start_ms), day_ms__lt=end_ms, **self.window.shown_key)
        return list(found.order_by("day_ms"))


def _with_shown(bucket: Bucket, days: Sequence[ShownDay]) -> Bucket:
    if not days:
        return bucket
    return dataclasses.replace(
        bucket,
        items_shown=sum(day.items_shown for day in days) / len(days),
        catalogue=sum(day.catalogue for day in days) / len(days),
        top_tenth=sum(day.top_tenth_ppm for day in days) / len(days) / _MILLION,
    )


def _titled(found: Sequence[StandingOut]) -> list[StandingOut]:
    titles = Item.objects.in_bulk([each.item for each in found])
    return [
        each._replace(title=str(titles[each.item]) if each.item in titles else f"{each.item} (not in the catalogue)")
        for each in found
    ]
