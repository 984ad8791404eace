"""What the log amounts to, in small buckets: the tables behind the staff pages.

`recsys.aggregates` says what the counts mean; `webapp.analytics.aggregating` writes them, and nothing else does. Times
are log time in milliseconds; a bucket is named after its start. Where a table has `hours`, the width of a bucket, each
count stands in the finest one and, added up, in wider ones, so that a page reads few rows whatever time it shows.

A **sitting** (one row of `SessionSitting`) is a session up to its inactivity gap: what the Sessions page lists. Its
events are the log's records of `session` from `first_offset` to `last_offset`.
"""

from typing import ClassVar

from django.db import models

from recsys.events import MAX_ID_LENGTH
from recsys.offsets import ORIGIN, offset_key


def _name() -> "models.CharField[str, str]":
    return models.CharField(max_length=MAX_ID_LENGTH, blank=True)


def _count() -> "models.BigIntegerField[int, int]":
    return models.BigIntegerField(default=0)


class Bucket(models.Model):
    """A row of counts under a key; `KEY` are the key's columns in order, all other columns add up."""

    KEY: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    @classmethod
    def counts(cls) -> tuple[str, ...]:
        """Return the names of the columns that add up."""
        return tuple(
            field.attname
            for field in cls._meta.concrete_fields
            if field.attname not in cls.KEY and not field.primary_key
        )


class Traffic(Bucket):
    """What was served, seen and clicked, by hour and day (`recsys.aggregates.increments.TRAFFIC`)."""

    KEY = ("hours", "start_ms", "arm", "simulated", "surface")

    pk = models.CompositePrimaryKey(*KEY)
    hours = models.SmallIntegerField()
    start_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.BooleanField()
    surface = _name()
    slates = _count()
    slots = _count()
    explored_slots = _count()
    propensity_ppm = _count()
    impressions = _count()
    clicks = _count()
    explored_impressions = _count()
    explored_clicks = _count()
    dismissals = _count()
    novelty_millibits = _count()


class Moments(Bucket):
    """Sums over sittings from which a rate and its interval follow (`recsys.aggregates.increments.MOMENTS`)."""

    sessions = _count()
    impressions = _count()
    clicks = _count()
    impressions_squared = _count()
    clicks_squared = _count()
    impressions_times_clicks = _count()

    class Meta:
        abstract = True


class SittingMoments(Moments):
    """Sittings by the hour and day in which they began, with all that they came to see and click."""

    KEY = ("hours", "start_ms", "arm", "simulated")

    pk = models.CompositePrimaryKey(*KEY)
    hours = models.SmallIntegerField()
    start_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.BooleanField()
    looked = _count()
    clicked = _count()


class NthMoments(Moments):
    """Sittings by which of their impressions: the cold-start curve. `nth` is `recsys.aggregates.buckets.nth_bucket`.

    Of the slate that is made for the session; by the day in which the sitting began.
    """

    KEY = ("start_ms", "arm", "simulated", "nth")

    pk = models.CompositePrimaryKey(*KEY)
    start_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.BooleanField()
    nth = models.SmallIntegerField()


class SessionEnd(Bucket):
    """Where sittings ended, or are now: surface and last action; empty where nothing was seen. By day of beginning."""

    KEY = ("start_ms", "arm", "simulated", "surface", "action")

    pk = models.CompositePrimaryKey(*KEY)
    start_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.BooleanField()
    surface = _name()
    action = _name()
    sessions = _count()


class ItemTraffic(Bucket):
    """What was seen and clicked of an item, by day and week; `loose_clicks` are those on no slate of ours."""

    KEY = ("hours", "start_ms", "item", "arm", "simulated")

    pk = models.CompositePrimaryKey(*KEY)
    hours = models.SmallIntegerField()
    start_ms = models.BigIntegerField()
    item = _name()
    arm = _name()
    simulated = models.BooleanField()
    impressions = _count()
    clicks = _count()
    explored_impressions = _count()
    explored_clicks = _count()
    loose_clicks = _count()

    class Meta:
        indexes = [models.Index(fields=["item", "hours", "start_ms"], name="analytics_item_life")]


class ItemPosition(Bucket):
    """Where on its slates an item was seen and clicked, by day; from `LAST_POSITION` on in one row."""

    KEY = ("item", "start_ms", "position", "simulated")

    pk = models.CompositePrimaryKey(*KEY)
    item = _name()
    start_ms = models.BigIntegerField()
    position = models.SmallIntegerField()
    simulated = models.BooleanField()
    impressions = _count()
    clicks = _count()


class ClickDelay(Bucket):
    """Clicks by how long after their slate was served they came (`recsys.aggregates.buckets.delay_bucket`), by day."""

    KEY = ("start_ms", "arm", "simulated", "delay")

    pk = models.CompositePrimaryKey(*KEY)
    start_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.BooleanField()
    delay = models.SmallIntegerField()
    clicks = _count()
    first_clicks = _count()


class ShownDay(models.Model):
    """How a day's impressions spread over the catalogue (`recsys.aggregates.increments.ShownRow`)."""

    KEY: ClassVar[tuple[str, ...]] = ("day_ms", "arm", "simulated")

    pk = models.CompositePrimaryKey(*KEY)
    day_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.SmallIntegerField(help_text="0 no, 1 yes, 2 either")
    items_shown = models.IntegerField()
    catalogue = models.IntegerField()
    impressions = models.BigIntegerField()
    top_tenth_ppm = models.IntegerField()
    gini_ppm = models.IntegerField()


class SessionSitting(models.Model):
    """One sitting: who it was, when, what it saw and did, and what it did last.

    Times are log time; a session id that comes back after its inactivity gap has a row for each sitting. `last_action`
    is the type of its last event about an item, `last_surface` where that was; both are empty where it did nothing.
    """

    KEY: ClassVar[tuple[str, ...]] = ("first_offset",)

    first_offset = models.CharField(max_length=40, primary_key=True)
    session = models.CharField(max_length=MAX_ID_LENGTH, db_index=True)
    last_offset = models.CharField(max_length=40)
    started_ms = models.BigIntegerField(db_index=True)
    ended_ms = models.BigIntegerField()
    arm = _name()
    simulated = models.BooleanField()
    events = models.IntegerField()
    slates = models.IntegerField()
    impressions = models.IntegerField()
    clicks = models.IntegerField()
    explored_impressions = models.IntegerField()
    explored_clicks = models.IntegerField()
    dismissals = models.IntegerField()
    last_surface = _name()
    last_action = _name()

    def __str__(self) -> str:
        return self.session


class AggregateProgress(models.Model):
    """How far the log is counted: one row, written in the transaction that adds the counts.

    `state` is what the fold held open at `state_offset`; from there to `offset` it is folded again after a restart,
    without adding anything.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    revision = models.CharField(max_length=40)
    offset = models.CharField(max_length=40, default=ORIGIN)
    events = models.BigIntegerField(default=0)
    state_offset = models.CharField(max_length=40, default=ORIGIN)
    state = models.BinaryField(default=bytes)

    @classmethod
    def so_far(cls) -> "AggregateProgress | None":
        """Return how far it is, None before anything was counted; `state`, which is large, is read when asked for."""
        return cls.objects.defer("state").first()

    @property
    def counted_ms(self) -> int:
        """When the newest event that is counted was received."""
        return offset_key(self.offset)[0]


#: All tables of counts, to be emptied before counting anew.
TABLES: tuple[type[models.Model], ...] = (
    Traffic, SittingMoments, NthMoments, SessionEnd, ItemTraffic, ItemPosition, ClickDelay, ShownDay, SessionSitting,
)  # fmt: skip
