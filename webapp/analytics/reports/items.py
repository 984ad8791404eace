"""One item's life: where it was shown, what became of it, what stands beside it, and what is believed of it."""

import dataclasses
import functools
import operator
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from django.db.models import ExpressionWrapper, F, FloatField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, NullIf

from recsys.aggregates.buckets import DAY_MS, HOUR_MS, day_of
from recsys.events import Click, SlateServed
from recsys.inspection import ItemBelief, clicked_beside, item_belief
from recsys.log.base import Record
from recsys.retrieval import content
from webapp import wiring
from webapp.analytics.intervals import Interval, click_through, click_through_interval
from webapp.analytics.models import ItemPosition, ItemTraffic
from webapp.analytics.reports.counts import Sums, by, parts_in_days
from webapp.analytics.reports.window import Window
from webapp.catalog.models import Item

#: Neighbours of either kind, and records of the live log that are looked through for recent slates.
BESIDE: Final = 20
RECENT_RECORDS: Final = 2_000

_COUNTS: Final = ("impressions", "clicks", "explored_impressions", "loose_clicks")
_LISTED: Final[dict[str, Combinable]] = {
    "impressions": F("impressions"),
    "clicks": F("clicks"),
    "opened": F("clicks") + F("loose_clicks"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """Impressions on lists of ours and clicks on these, at one position, or of a day by its start.

    `loose` are clicks on no list of ours, which have no impressions and no part in the rate. The interval takes
    impressions as independent: read it as a lower bound of the uncertainty.
    """

    at: int
    impressions: int
    clicks: int
    explored: int = 0
    loose: int = 0

    @property
    def opened(self) -> int:
        """All clicks."""
        return self.clicks + self.loose

    @property
    def rate(self) -> float | None:
        """The share of impressions that were clicked; None without any."""
        return click_through(self)

    @property
    def interval(self) -> Interval | None:
        """Its 95 % interval; None without impressions."""
        return click_through_interval(self)

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return self.interval.low if self.interval else None

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return self.interval.high if self.interval else None


@dataclasses.dataclass(frozen=True, slots=True)
class Neighbour:
    """Another item, and why it is one: sessions that clicked both, or likeness of content."""

    item: str
    title: str
    sessions: int | None = None
    share: float | None = None
    likeness: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RecentSlate:
    """A slate of the live log that showed the item."""

    at_ms: int
    session: str
    slate: str
    surface: str
    position: int
    propensity: float | None
    explored: bool
    clicked: bool
    simulated: bool


class ItemLife:
    """Everything on an item's page; each part is read when it is asked for."""

    def __init__(self, item: str, window: Window) -> None:
        self.item = item
        self.window = window
        self._world = wiring.replica().world
        self._row = self._world.rows.get(item)

    @cached_property
    def positions(self) -> list[Counted]:
        """Impressions and clicks by position, of all arms; positions without any are left out."""
        rows = ItemPosition.objects.filter(
            item=self.item, start_ms__gte=day_of(self.window.start_ms), start_ms__lt=self.window.end_ms
        )
        if self.window.simulated is not None:
            rows = rows.filter(simulated=self.window.simulated)
        return [_counted(position, sums) for position, sums in by(rows, "position", ("impressions", "clicks")).items()]

    @cached_property
    def days(self) -> list[Counted]:
        """Impressions and clicks by day, every day of the window, oldest first."""
        first = day_of(self.window.start_ms)
        rows = ItemTraffic.objects.filter(
            self.window.visitors, item=self.item, hours=DAY_MS // HOUR_MS, start_ms__gte=first,
            start_ms__lt=self.window.end_ms,
        )  # fmt: skip
        found = by(rows, "start_ms", _COUNTS)
        return [_counted(at_ms, found.get(at_ms)) for at_ms in range(first, self.window.end_ms, DAY_MS)]

    @property
    def total(self) -> Counted:
        """The whole window."""
        return Counted(
            at=self.window.start_ms,
            impressions=sum(day.impressions for day in self.days),
            clicks=sum(day.clicks for day in self.days),
            explored=sum(day.explored for day in self.days),
            loose=sum(day.loose for day in self.days),
        )

    @cached_property
    def belief(self) -> ItemBelief | None:
        """What this process's replica believes of it; None where that does not know it yet."""
        return None if self._row is None else item_belief(self._world, self._row)

    @cached_property
    def neighbours(self) -> tuple[int, list[Neighbour]]:
        """How many remembered sessions opened it, and what else they opened."""
        if self._row is None:
            return 0, []
        sessions, found = clicked_beside(self._world, self._row, BESIDE)
        return sessions, [
            Neighbour(*self._named(row), sessions=together, share=together / sessions) for row, together in found
        ]

    @cached_property
    def alike(self) -> list[Neighbour]:
        """What is like it by content, most first."""
        if self._row is None:
            return []
        rows = content.similar(self._world, self._row, BESIDE)
        vectors = self._world.contents["content"]
        likeness = content.cosines(vectors, rows, vectors[self._row : self._row + 1])[:, 0]
        return [
            Neighbour(*self._named(row), likeness=float(value))
            for row, value in zip(rows.tolist(), likeness.tolist(), strict=True)
        ]

    def recent(self) -> list[RecentSlate]:
        """Return the slates among the newest records that showed it, newest first. Raises `LogUnavailable`."""
        return recent_slates(self.item, wiring.event_log().newest(RECENT_RECORDS))

    def _named(self, row: int) -> tuple[str, str]:
        event = self._world.catalogue[row]
        return event.item, event.title


def recent_slates(item: str, records: Sequence[Record]) -> list[RecentSlate]:
    """Return the slates among some records that showed an item, newest first."""
    clicked = {
        record.event.slate for record in records if isinstance(record.event, Click) and record.event.item == item
    }
    found = []
    for record in reversed(records):
        event = record.event
        if isinstance(event, SlateServed) and item in event.items:
            position = event.items.index(item)
            found.append(
                RecentSlate(
                    at_ms=record.received_ms,
                    session=event.session,
                    slate=event.slate,
                    surface=event.surface,
                    position=position,
                    propensity=event.propensities[position] if event.propensities else None,
                    explored=position in event.explored,
                    clicked=event.slate in clicked,
                    simulated=event.simulated,
                )
            )
    return found


def catalogue(window: Window) -> QuerySet[Item]:
    """Return the catalogue with impressions, clicks on these, their share, and all clicks (`opened`) of the window."""
    seen = ItemTraffic.objects.filter(window.visitors, item=OuterRef("item_id")).order_by().values("item")
    # A sum for each, because what an index finds for one range at a time it does not find for several at once.
    parts = [seen.filter(part) for part in parts_in_days(window.start_ms, window.end_ms)]
    return Item.objects.annotate(
        **{
            name: functools.reduce(operator.add, (_sum(part, counts) for part in parts))
            for name, counts in _LISTED.items()
        }
    ).annotate(
        click_through=ExpressionWrapper(
            Cast("clicks", FloatField()) / NullIf("impressions", Value(0)), output_field=FloatField()
        )
    )


def _sum(rows: QuerySet[ItemTraffic, Any], counts: Combinable) -> Coalesce:
    return Coalesce(Subquery(rows.annotate(sum=Sum(counts)).values("sum")), Value(0))


def _counted(at: int, sums: Sums | None) -> Counted:
    sums = sums or {}
    return Counted(at, *(sums.get(name, 0) for name in _COUNTS))
