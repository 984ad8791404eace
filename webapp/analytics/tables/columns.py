"""What a table has: its columns, how each is written, and what it can be filtered by."""

import dataclasses
import datetime
import enum
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webapp.analytics.templatetags import figures

#: What a cell may hold; None where there is nothing to say.
Value = str | int | float | bool | None

_DATE_TIME: Final = "%Y-%m-%dT%H:%M:%S"


class Kind(enum.Enum):
    """What a column's values are, which decides how they are written and filtered."""

    TEXT = enum.auto()
    CODE = enum.auto()
    NUMBER = enum.auto()
    #: From 0 to 1, written and filtered by in percent.
    SHARE = enum.auto()
    #: Milliseconds that something took.
    DURATION = enum.auto()
    #: Milliseconds since 1970, written in UTC.
    TIME = enum.auto()
    YES_NO = enum.auto()

    @property
    def form(self) -> str:
        """How cells look: ``figure`` in a column of digits, to be compared by eye, ``words`` in lines, else empty."""
        if self in (Kind.NUMBER, Kind.SHARE, Kind.DURATION):
            return "figure"
        return "words" if self is Kind.TEXT else ""

    def written(self, value: Value) -> SafeString | str:
        """Return how a page shows a value.

        >>> Kind.NUMBER.written(12.34), Kind.YES_NO.written(False), Kind.NUMBER.written(None)
        ('12.3', 'no', '—')
        """
        if value is None or value == "":
            return figures.NOTHING
        match self:
            case Kind.NUMBER:
                return figures.quantity(float(value))
            case Kind.SHARE:
                return figures.percent(float(value))
            case Kind.DURATION:
                return figures.duration(float(value))
            case Kind.TIME:
                at = figures.clock_time(int(value))
                return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")
            case Kind.YES_NO:
                return "yes" if value else "no"
            case Kind.CODE:
                return format_html("<code>{}</code>", value)
        return str(value)

    def exported(self, value: Value) -> Value:
        """Return how a CSV file has a value: times in ISO 8601, everything else as it is."""
        if value is None:
            return ""
        if self is Kind.TIME:
            return figures.clock_time(int(value)).isoformat()
        if self is Kind.YES_NO:
            return "yes" if value else "no"
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """One way to filter by a column.

    Attributes
    ----------
    suffix : str
        Follows the column's name in the query string.
    lookup : str
        Django's lookup, for querysets.
    keeps : callable
        (value, wanted) → whether the row stays, for everything else.
    label : str
        What the form calls it, the column's title in place of ``{}``.
    """

    suffix: str
    lookup: str
    keeps: Callable[[Any, Any], bool]
    label: str


def _contains(value: Any, wanted: str) -> bool:
    return wanted.casefold() in str(value).casefold()


CONTAINS: Final = Match("", "icontains", _contains, "{} contains")
EXACTLY: Final = Match("", "exact", operator.eq, "{}")
AT_LEAST: Final = Match("_min", "gte", operator.ge, "{} from")
AT_MOST: Final = Match("_max", "lte", operator.le, "{} to")
SINCE: Final = Match("_since", "gte", operator.ge, "{} since (UTC)")
UNTIL: Final = Match("_until", "lt", operator.lt, "{} before (UTC)")


class Link(NamedTuple):
    """Row → address that a cell leads to, empty for none; who lacks the permission is shown the text alone."""

    url: Callable[[Any], str]
    permission: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column, and what can be asked of it.

    Attributes
    ----------
    name : str
        Its name in the query string and in the CSV file, and the attribute of a row that it shows.
    title : str
    kind : Kind
    value : callable, optional
        Row → value, where that is no attribute called `name`.
    field : str
        The model's field, where that is not called `name` (querysets only).
    link : Link, optional
        Where the cell leads.
    cell : callable, optional
        Row → what the page shows in place of the value; sorting, filters and CSV keep to the value.
    filters : sequence of Match
    choices : sequence of (value, label)
        What `EXACTLY` may ask for; free text without.
    sortable : bool
    """

    name: str
    title: str
    kind: Kind = Kind.TEXT
    _: dataclasses.KW_ONLY
    value: Callable[[Any], Value] | None = None
    field: str = ""
    link: Link | None = None
    cell: Callable[[Any], SafeString | str] | None = None
    filters: Sequence[Match] = ()
    choices: Sequence[tuple[str, str]] = ()
    sortable: bool = True

    @property
    def source(self) -> str:
        """The model's field that stands behind it."""
        return self.field or self.name

    def value_of(self, row: Any) -> Value:
        """Return a row's value."""
        found: Value = getattr(row, self.name) if self.value is None else self.value(row)
        return found

    def shown(self, row: Any) -> SafeString | str:
        """Return what the page shows of a row, without its link."""
        return self.kind.written(self.value_of(row)) if self.cell is None else self.cell(row)

    def form_field(self, match: Match) -> forms.Field:
        """Return the form's field for one of its filters."""
        label = match.label.format(self.title)
        if self.choices and match is EXACTLY:
            return forms.ChoiceField(label=label, required=False, choices=[("", "any"), *self.choices])
        match self.kind:
            case Kind.YES_NO:
                return forms.ChoiceField(
                    label=label, required=False, choices=[("", "any"), ("yes", "yes"), ("no", "no")]
                )
            case Kind.TIME:
                return forms.DateTimeField(
                    label=label,
                    required=False,
                    widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format=_DATE_TIME),
                )
            case Kind.SHARE:
                return forms.FloatField(label=f"{label}, %", required=False)
            case Kind.DURATION:
                return forms.FloatField(label=f"{label}, ms", required=False)
            case Kind.NUMBER:
                return forms.FloatField(label=label, required=False)
        return forms.CharField(label=label, required=False, max_length=200)

    def wanted(self, cleaned: Any) -> Any:
        """Return what the form's field has understood as one of the column's own values."""
        if isinstance(cleaned, datetime.datetime):
            return round(cleaned.timestamp() * 1_000)
        if self.kind is Kind.YES_NO:
            return cleaned == "yes"
        return cleaned / 100 if self.kind is Kind.SHARE else cleaned


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns with a name and an order.

    Attributes
    ----------
    name : str
        Names the CSV file, and the table among others of its page.
    caption : str
        What is listed; read out before the table.
    columns : sequence of Column
        The first one names the row.
    order : str
        A column's name; with ``-`` before it, the largest first.
    empty : str
        What the page says when there are no rows at all: what will appear here, and how to make it appear.
    per_page : int
    prefix : str
        Stands before everything the table has in the query string; for pages with several tables.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    order: str
    empty: str
    per_page: int = 50
    prefix: str = ""

    @property
    def orders(self) -> list[str]:
        """Every order that can be asked for."""
        names = [column.name for column in self.columns if column.sortable]
        return [*names, *(f"-{name}" for name in names)]

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)

    def without_filters(self) -> "Table":
        """Return the same table with nothing to fill in."""
        return dataclasses.replace(self, columns=[dataclasses.replace(column, filters=()) for column in self.columns])

    def form_class(self) -> type[forms.Form]:
        """Return the form of all filters, in the order of the columns."""
        fields = {
            f"{self.prefix}{column.name}{match.suffix}": column.form_field(match)
            for column in self.columns
            for match in column.filters
        }
        return type("Filters", (forms.Form,), fields)
