"""Rows of counts, added up by time: few of them, whatever the period."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Q, QuerySet, Sum

from recsys.aggregates.buckets import DAY_MS, HOUR_MS, WEEK_MS, day_of, week_of

Sums = dict[str, int]


def between(start_ms: int, end_ms: int) -> Q:
    """Return the condition that adds up to the time between: whole days as such, the rest by hours."""
    return functools.reduce(operator.or_, _parts(start_ms, end_ms, HOUR_MS, DAY_MS, day_of))


def between_days(start_ms: int, end_ms: int) -> Q:
    """Return the same for tables by day and week; days that are cut count whole."""
    return functools.reduce(operator.or_, parts_in_days(start_ms, end_ms))


def parts_in_days(start_ms: int, end_ms: int) -> list[Q]:
    """Return `between_days` in parts, each of which is a range of an index."""
    return _parts(day_of(start_ms), day_of(end_ms - 1) + DAY_MS, DAY_MS, WEEK_MS, week_of)


def _parts(start_ms: int, end_ms: int, narrow_ms: int, wide_ms: int, start_of: Callable[[int], int]) -> list[Q]:
    first, last = start_of(start_ms + wide_ms - 1), start_of(end_ms)
    narrow, wide = narrow_ms // HOUR_MS, wide_ms // HOUR_MS
    if first >= last:
        return [Q(hours=narrow, start_ms__gte=start_ms, start_ms__lt=end_ms)]
    return [
        Q(hours=wide, start_ms__gte=first, start_ms__lt=last),
        Q(hours=narrow, start_ms__gte=start_ms, start_ms__lt=first),
        Q(hours=narrow, start_ms__gte=last, start_ms__lt=end_ms),
    ]


def total(rows: QuerySet[Any], columns: Sequence[str]) -> Sums:
    """Return the sums of columns, 0 where there are no rows."""
    found = rows.aggregate(**{f"sum_{column}": Sum(column) for column in columns})
    return {column: found[f"sum_{column}"] or 0 for column in columns}


def by(rows: QuerySet[Any], key: str, columns: Sequence[str]) -> dict[Any, Sums]:
    """Return the sums of columns for each value of another, in its order."""
    found = rows.order_by(key).values(key).annotate(**{f"sum_{column}": Sum(column) for column in columns})
    return {row[key]: {column: row[f"sum_{column}"] or 0 for column in columns} for row in found}
