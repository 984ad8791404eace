"""The same counts as `recsys.aggregates`, the slow way: look at the whole log as often as it takes."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

from recsys.aggregates.buckets import DAY_MS, HOUR_MS, delay_bucket, nth_bucket
from recsys.aggregates.open import KEPT_MS
from recsys.events import Click, Dismissal, Impression, ItemEvent, SessionEvent, SessionForgotten, SlateServed
from recsys.log.base import Record

Counts = collections.Counter[Any]


@dataclasses.dataclass
class Sat:
    """A sitting: its impressions and clicks, and for each numbered impression whether it was clicked."""

    first: Record
    arm: str
    simulated: bool
    last_ms: int
    impressions: int = 0
    clicks: int = 0
    numbered: dict[tuple[str, int], bool] = dataclasses.field(default_factory=dict)
    end: tuple[str, str] = ("", "")


@dataclasses.dataclass
class Recount:
    """Everything that can be told without a running state."""

    traffic: Counts = dataclasses.field(default_factory=collections.Counter)
    items: Counts = dataclasses.field(default_factory=collections.Counter)
    positions: Counts = dataclasses.field(default_factory=collections.Counter)
    delays: Counts = dataclasses.field(default_factory=collections.Counter)
    sittings: list[Sat] = dataclasses.field(default_factory=list)
    forgotten: set[str] = dataclasses.field(default_factory=set)


def recount(log: Sequence[Record], gap_ms: int) -> Recount:
    """Count a log."""
    out = Recount()
    slates = {record.event.slate: record for record in reversed(log) if isinstance(record.event, SlateServed)}
    seen: dict[tuple[str, int], tuple[int, Sat]] = {}
    clicked: set[tuple[str, int]] = set()
    current: dict[str, Sat] = {}
    for record in log:
        event = record.event
        if not isinstance(event, SessionEvent) or event.session in out.forgotten:
            continue
        if isinstance(event, SessionForgotten):
            out.forgotten.add(event.session)
            continue
        slate = _slate_of(event, slates, record.received_ms)
        arm = "" if slate is None or not slate.version else slate.arm
        sat = current.get(event.session)
        if sat is None or record.received_ms - sat.last_ms > gap_ms:
            sat = current[event.session] = Sat(record, arm, event.simulated, record.received_ms)
            out.sittings.append(sat)
        sat.last_ms = record.received_ms
        hour = record.received_ms // HOUR_MS * HOUR_MS
        if isinstance(event, SlateServed):
            out.traffic[hour, arm, event.simulated, event.surface, "slates"] += 1
            out.traffic[hour, arm, event.simulated, event.surface, "explored_slots"] += len(event.explored)
            out.traffic[hour, arm, event.simulated, event.surface, "slots"] += len(event.propensities)
            millionths = sum(round(propensity * 1_000_000) for propensity in event.propensities)
            out.traffic[hour, arm, event.simulated, event.surface, "propensity_ppm"] += millionths
        elif isinstance(event, ItemEvent):
            surface = slate.surface if slate else "unknown" if event.slate else "history"
            sat.end = (surface, event.tag())
            served_ms = slates[event.slate].received_ms if slate else 0
            ours = slate if surface != "history" else None
            _count(out, record, event, ours, served_ms, "" if ours is None else arm, surface, seen, clicked, sat)
    return out


def _slate_of(event: SessionEvent, slates: dict[str, Record], now_ms: int) -> SlateServed | None:
    if isinstance(event, SlateServed):
        return event
    record = slates.get(getattr(event, "slate", ""))
    return record.event if record is not None and now_ms - record.received_ms <= KEPT_MS else None


def _count(
    out: Recount,
    record: Record,
    event: ItemEvent,
    slate: SlateServed | None,
    served_ms: int,
    arm: str,
    surface: str,
    seen: dict[tuple[str, int], tuple[int, Sat]],
    clicked: set[tuple[str, int]],
    sat: Sat,
) -> None:
    hour, day = record.received_ms // HOUR_MS * HOUR_MS, record.received_ms // DAY_MS * DAY_MS
    traffic, slot = (hour, arm, event.simulated, surface), (event.slate, event.position)
    if isinstance(event, Dismissal):
        out.traffic[*traffic, "dismissals"] += 1
    if not isinstance(event, Impression | Click):
        return
    if slate is None:
        out.traffic[*traffic, "clicks" if isinstance(event, Click) else "impressions"] += 1
        out.items[day, event.item, "", event.simulated, "loose_clicks"] += isinstance(event, Click)
        return
    explored = event.position in slate.explored
    if slot not in seen:
        seen[slot] = record.received_ms, sat
        sat.impressions += 1
        if surface == "for_you" and served_ms >= sat.first.received_ms:
            sat.numbered[slot] = False
        out.traffic[*traffic, "impressions"] += 1
        out.traffic[*traffic, "explored_impressions"] += explored
        out.items[day, event.item, arm, event.simulated, "impressions"] += 1
        out.positions[event.item, day, event.position, event.simulated, "impressions"] += 1
    if isinstance(event, Click) and slot not in clicked:
        first = not any(other[0] == event.slate for other in clicked)
        clicked.add(slot)
        seen_ms, seen_by = seen[slot]
        sat.impressions += seen_by is not sat
        sat.clicks += 1
        if slot in sat.numbered:
            sat.numbered[slot] = True
        of_impression = (seen_ms // HOUR_MS * HOUR_MS, arm, event.simulated, surface)
        out.traffic[*of_impression, "clicks"] += 1
        out.traffic[*of_impression, "explored_clicks"] += explored
        day_seen = seen_ms // DAY_MS * DAY_MS
        out.items[day_seen, event.item, arm, event.simulated, "clicks"] += 1
        out.positions[event.item, day_seen, event.position, event.simulated, "clicks"] += 1
        bucket = delay_bucket(event.event_time_ms - slate.event_time_ms)
        out.delays[day, arm, event.simulated, bucket, "clicks"] += 1
        out.delays[day, arm, event.simulated, bucket, "first_clicks"] += first


def nth(sittings: Sequence[Sat]) -> Counts:
    """Return the moments of `increments.NTH` by (day, arm, simulated, bucket, column)."""
    counts: Counts = collections.Counter()
    for sat in sittings:
        by_bucket: dict[int, list[bool]] = collections.defaultdict(list)
        for place, was_clicked in enumerate(sat.numbered.values(), 1):
            by_bucket[nth_bucket(place)].append(was_clicked)
        for bucket, lines in by_bucket.items():
            key = (sat.first.received_ms // DAY_MS * DAY_MS, sat.arm, sat.simulated, bucket)
            _moments(counts, key, len(lines), sum(lines))
    return counts


def moments(sittings: Sequence[Sat]) -> Counts:
    """Return the moments of `increments.SITTINGS` by (hour, arm, simulated, column)."""
    counts: Counts = collections.Counter()
    for sat in sittings:
        key = (sat.first.received_ms // HOUR_MS * HOUR_MS, sat.arm, sat.simulated)
        _moments(counts, key, sat.impressions, sat.clicks)
        counts[*key, "looked"] += sat.impressions > 0
        counts[*key, "clicked"] += sat.clicks > 0
    return counts


def ends(sittings: Sequence[Sat]) -> Counts:
    """Return how many sittings ended where, by (day, arm, simulated, surface, action)."""
    return collections.Counter(
        (sat.first.received_ms // DAY_MS * DAY_MS, sat.arm, sat.simulated, *sat.end) for sat in sittings
    )


def _moments(counts: Counts, key: tuple[Any, ...], impressions: int, clicks: int) -> None:
    counts[*key, "sessions"] += 1
    counts[*key, "impressions"] += impressions
    counts[*key, "clicks"] += clicks
    counts[*key, "impressions_squared"] += impressions**2
    counts[*key, "clicks_squared"] += clicks**2
    counts[*key, "impressions_times_clicks"] += impressions * clicks
