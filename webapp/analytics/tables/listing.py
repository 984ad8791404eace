"""What one request sees of a table: filtered, sorted, one page of it."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import F, OrderBy, QuerySet
from django.http import QueryDict
from django.utils.safestring import SafeString

from webapp.analytics.tables.columns import Column, Kind, Match, Table
from webapp.numerals import number_named

Rows = Sequence[Any] | QuerySet[Any]

#: Names the table whose rows are wanted as a file.
CSV: Final = "csv"
_FETCHED: Final = 2_000
#: Looked at from A; figures and times from the largest.
_FROM_A: Final = (Kind.TEXT, Kind.CODE)


class Head(NamedTuple):
    """A column's head. `aria_sort` is empty where the rows are not in its order, `url` where they can't be."""

    name: str
    title: str
    form: str
    aria_sort: str
    url: str


class Cell(NamedTuple):
    """One cell of a row; `url` is for those with the permission, everybody where that is empty."""

    text: SafeString | str
    url: str
    permission: str
    form: str


class Listing:
    """A table's rows as a query string asks for them.

    Parameters
    ----------
    table : Table
    rows : sequence or queryset
        A queryset is filtered and sorted by the database, anything else here.
    query : QueryDict
        The request's: values that make no sense are said in `problems`, and left out.
    """

    def __init__(self, table: Table, rows: Rows, query: QueryDict) -> None:
        self.table = table
        self.problems: list[str] = []
        self._query = query
        self.form = table.form_class()(query)
        self.form.is_valid()
        self.order = self._asked_order()
        self._rows = self._sorted(self._filtered(rows))
        #: How many rows the filters leave.
        self.total = self._rows.count() if isinstance(self._rows, QuerySet) else len(self._rows)
        #: The page asked for, or the one nearest to it.
        self.page = self._asked_page()

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def element(self) -> str:
        """Id of the table's element on the page."""
        return f"table-{self.table.name}"

    @property
    def is_asked(self) -> bool:
        """Whether the query string says anything of this table; for one that is folded away otherwise."""
        own = {*self.form.fields, f"{self.table.prefix}sort", f"{self.table.prefix}page"}
        return any(name in own for name in self._query)

    @property
    def refused(self) -> bool:
        """Whether something in the query string makes no sense."""
        return bool(self.problems or self.form.errors)

    @cached_property
    def filters(self) -> list[tuple[Column, Match, Any]]:
        """What is filtered by: column, how, and the value wanted."""
        return [
            (column, match, column.wanted(given))
            for column in self.table.columns
            for match in column.filters
            if (given := self.form.cleaned_data.get(f"{self.table.prefix}{column.name}{match.suffix}"))
            not in (None, "")
        ]

    @property
    def is_filterable(self) -> bool:
        """Whether there is anything to filter, or a filter to take back."""
        return bool(self.form.fields) and bool(self.total or self.filters or self.form.errors)

    @property
    def heads(self) -> list[Head]:
        """The columns' heads, with where a press on each leads."""
        return [self._head(column) for column in self.table.columns]

    @property
    def body(self) -> list[list[Cell]]:
        """The cells of this page, row by row."""
        return [[_cell(column, row) for column in self.table.columns] for row in self.page.object_list]

    @property
    def csv_url(self) -> str:
        """Where all rows are, on all pages, as a file."""
        return self._url(page=None, **{CSV: self.name})

    @property
    def clear_url(self) -> str:
        """This page without the table's filters."""
        return self._url(page=None, **dict.fromkeys(self.form.fields))

    @property
    def previous_url(self) -> str:
        """The page before, empty on the first."""
        return self._url(page=self.page.previous_page_number()) if self.page.has_previous() else ""

    @property
    def next_url(self) -> str:
        """The page after, empty on the last."""
        return self._url(page=self.page.next_page_number()) if self.page.has_next() else ""

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the filter form must carry along: everything in the address that is not a filter or a page number."""
        own = {*self.form.fields, f"{self.table.prefix}page", CSV}
        return [(name, value) for name, values in self._query.lists() if name not in own for value in values]

    def everything(self) -> Iterator[Any]:
        """Yield the rows of all pages, without holding a queryset's in memory."""
        yield from self._rows.iterator(_FETCHED) if isinstance(self._rows, QuerySet) else self._rows

    def _asked_order(self) -> str:
        asked = self._query.get(f"{self.table.prefix}sort", self.table.order)
        if asked in self.table.orders:
            return asked
        self.problems.append(f"Expected one of {', '.join(self.table.orders)} to sort by, received “{asked[:40]}”.")
        return self.table.order

    def _asked_page(self) -> Page[Any]:
        paginator = Paginator(self._rows, self.table.per_page)
        # It would ask the database again.
        paginator.count = self.total
        asked = self._query.get(f"{self.table.prefix}page", "1")
        number = number_named(asked) or 0
        if not 1 <= number <= paginator.num_pages:
            self.problems.append(f"Expected a page from 1 to {paginator.num_pages}, received “{asked[:40]}”.")
        return paginator.get_page(min(max(number, 1), paginator.num_pages))

    def _filtered(self, rows: Rows) -> Rows:
        if isinstance(rows, QuerySet):
            return rows.filter(**{f"{column.source}__{match.lookup}": wanted for column, match, wanted in self.filters})
        return [row for row in rows if all(_keeps(row, *each) for each in self.filters)]

    def _sorted(self, rows: Rows) -> Rows:
        """Sort, whatever has no value last; equals keep a fixed order, so that no page shows a row twice."""
        descending = self.order.startswith("-")
        column = self.table.column(self.order.removeprefix("-"))
        if isinstance(rows, QuerySet):
            return rows.order_by(_ordered(rows, column.source, descending), "pk")
        known = [row for row in rows if column.value_of(row) is not None]
        known.sort(key=lambda row: _comparable(column.value_of(row)), reverse=descending)
        return [*known, *(row for row in rows if column.value_of(row) is None)]

    def _head(self, column: Column) -> Head:
        if not column.sortable:
            return Head(column.name, column.title, column.kind.form, "", "")
        if self.order.removeprefix("-") != column.name:
            first = column.name if column.kind in _FROM_A else f"-{column.name}"
            return Head(column.name, column.title, column.kind.form, "", self._url(page=None, sort=first))
        descending = self.order.startswith("-")
        other = column.name if descending else f"-{column.name}"
        aria_sort = "descending" if descending else "ascending"
        return Head(column.name, column.title, column.kind.form, aria_sort, self._url(page=None, sort=other))

    def _url(self, **changes: Any) -> str:
        """Return this page's query string with some of it changed; None takes a value out."""
        query = self._query.copy()
        query.pop(CSV, None)
        for name, value in changes.items():
            full = name if name == CSV or name in self.form.fields else f"{self.table.prefix}{name}"
            query.pop(full, None)
            if value is not None:
                query[full] = str(value)
        return f"?{query.urlencode()}"


def _cell(column: Column, row: Any) -> Cell:
    url, permission = (column.link.url(row), column.link.permission) if column.link else ("", "")
    return Cell(column.shown(row), url, permission, column.kind.form)


def _keeps(row: Any, column: Column, match: Match, wanted: Any) -> bool:
    value = column.value_of(row)
    return value is not None and match.keeps(value, wanted)


def _ordered(rows: QuerySet[Any], source: str, descending: bool) -> OrderBy | str:
    """Return the order by one field; where it has no NULLs, in the form that an index answers."""
    field = next((each for each in rows.model._meta.concrete_fields if each.name == source), None)
    if field is not None and not field.null:
        return f"-{source}" if descending else source
    value = F(source)
    return value.desc(nulls_last=True) if descending else value.asc(nulls_last=True)


def _comparable(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
