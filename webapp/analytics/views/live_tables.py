"""The live page's tables. They are filtered while the page is paused: a form must not change under the fingers."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.http import QueryDict

from recsys.offsets import ORIGIN, Offset, offset_key
from webapp.analytics.links import to_session
from webapp.analytics.selectors import Live
from webapp.analytics.tables import AT_LEAST, AT_MOST, CONTAINS, EXACTLY, SINCE, UNTIL, Column, Kind, Listing, Table
from webapp.replication import Heartbeat
from webapp.tracking.edge import OUTCOMES, Account
from webapp.training.status import FoldStatus

_COUNT: Final = Column("count", "Count", Kind.NUMBER, filters=(AT_LEAST, AT_MOST))
_OF: Final = Column("name", "Of", filters=(CONTAINS,))


def _became(outcome: str) -> Callable[[Account], int]:
    return lambda account: account.became.get(outcome, 0)


LABELS: Final = Table(
    name="labels",
    caption="Labels since the log began",
    prefix="l_",
    order="-count",
    empty="The fold has not run yet.",
    columns=(_OF, _COUNT, Column("meaning", "What it is")),
)
TERMS: Final = Table(
    name="received",
    caption="What browsers sent to the processes that run, and what became of it",
    prefix="e_",
    order="-count",
    empty="No web process has shown its account in the last seconds.",
    columns=(_OF, _COUNT, Column("meaning", "What it is")),
)
ACCOUNTS: Final = Table(
    name="accounts",
    caption="The same by process: each balances at its own moment",
    prefix="a_",
    order="name",
    empty="No web process has shown its account in the last seconds.",
    columns=(
        Column("name", "Process", Kind.CODE, filters=(CONTAINS,)),
        Column("began_ms", "Counts since", Kind.TIME),
        Column("received", "Received", Kind.NUMBER, filters=(AT_LEAST,)),
        *(Column(outcome, outcome.capitalize(), Kind.NUMBER, value=_became(outcome)) for outcome in OUTCOMES),
        Column("pending", "Pending", Kind.NUMBER),
        Column("missing", "Nowhere", Kind.NUMBER, filters=(AT_LEAST,)),
    ),
)
REFUSED: Final = Table(
    name="refused",
    caption="Events refused since the counts began, by reason",
    prefix="f_",
    order="-count",
    empty="None. Events that were not signed for, or not well-formed, would be counted here by reason.",
    columns=(Column("name", "Reason", Kind.CODE, filters=(CONTAINS,)), _COUNT, Column("meaning", "What it means")),
)
REPLICAS: Final = Table(
    name="replicas",
    caption="The model in each web process, seen within the last seconds",
    prefix="w_",
    order="name",
    empty="No web process has shown itself in the last seconds. Each one that serves visitors appears here.",
    columns=(
        Column("name", "Process", Kind.CODE, filters=(CONTAINS,)),
        Column("version", "Version", Kind.CODE, filters=(CONTAINS,)),
        Column("age_ms", "Age of its newest event", Kind.DURATION),
        Column("behind_ms", "Behind the log", Kind.DURATION, cell=lambda served: served.standing, filters=(AT_LEAST,)),
        Column("items", "Items", Kind.NUMBER),
    ),
)
SHARDS: Final = Table(
    name="shards",
    caption="Lag by shard",
    prefix="h_",
    order="shard",
    empty="The fold has not run yet.",
    columns=(
        Column("shard", "Shard", filters=(EXACTLY,)),
        Column("lag_ms", "Lag", Kind.DURATION, filters=(AT_LEAST,)),
        Column("offset", "Folded through", Kind.CODE),
        Column("log_end", "Log's end", Kind.CODE),
        Column("archived", "Archived through", Kind.CODE),
        Column("log_length", "Events held", Kind.NUMBER),
    ),
)
SAMPLES: Final = Table(
    name="samples",
    caption="The fold's counts since the log began, at each sample",
    prefix="s_",
    order="-at_ms",
    per_page=25,
    empty="The first sample comes within seconds.",
    columns=(
        Column("at_ms", "Time (UTC)", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("events", "Events", Kind.NUMBER),
        Column("impressions", "Impressions", Kind.NUMBER),
        Column("clicks", "Clicks", Kind.NUMBER),
        Column("listed_clicks", "Of these on lists", Kind.NUMBER),
        Column("lag_ms", "Lag", Kind.DURATION, filters=(AT_LEAST,)),
    ),
)
#: The data of the charts; it stands still whether the page is paused or not.
MINUTE: Final = Table(
    name="minute",
    caption="One minute, second by second",
    prefix="minute_",
    order="-at_ms",
    per_page=20,
    empty="Nothing of this minute is there to be read.",
    columns=(
        Column("at_ms", "Time (UTC)", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("events", "Events", Kind.NUMBER, filters=(AT_LEAST,)),
        Column("simulated", "Of these simulated", Kind.NUMBER),
        Column("yours", "Yours", Kind.NUMBER, filters=(AT_LEAST,)),
        Column("explored", "By chance", Kind.NUMBER),
        Column("outside", "Duplicate, late or refused", Kind.NUMBER, filters=(AT_LEAST,)),
        Column("lag_ms", "Lag of the fold", Kind.DURATION, filters=(AT_LEAST,)),
    ),
)
#: What stands still while the page is paused.
TAIL: Final = Table(
    name="tail",
    caption="The newest events when this page was made",
    order="-at_ms",
    empty="Nothing has happened yet. Open the site in another window and click a film.",
    per_page=25,
    columns=(
        Column("at_ms", "Time (UTC)", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("kind", "Event", filters=(CONTAINS,)),
        Column("title", "What", filters=(CONTAINS,)),
        Column("position", "At", Kind.NUMBER, value=lambda entry: entry.position if entry.position >= 0 else None),
        Column("session", "Session", Kind.CODE, link=to_session(), filters=(CONTAINS,)),
        Column(
            "outcome",
            "Became",
            filters=(EXACTLY,),
            choices=[(name, name) for name in ("accepted", "late", "unreadable", "duplicate", "refused", "returned")],
        ),
        Column("why", "Why"),
        Column("count", "Events", Kind.NUMBER),
        Column("simulated", "Simulated", Kind.YES_NO, filters=(EXACTLY,)),
        Column("offset", "Offset", Kind.CODE),
    ),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """One web process's model, and how it stands. `age_ms` is None of one that has folded nothing."""

    name: str
    version: Offset
    age_ms: int | None
    behind_ms: int
    stale: bool
    items: int

    @property
    def standing(self) -> str:
        """How far behind it is, in words."""
        if not self.behind_ms:
            return "up to date"
        return f"{'stale: ' if self.stale else ''}{Kind.DURATION.written(self.behind_ms)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Shard:
    """One shard's place in the log."""

    shard: str
    lag_ms: int
    offset: Offset
    log_end: Offset
    archived: Offset
    log_length: int


def moving(live: Live, query: QueryDict, *, paused: bool) -> list[Listing]:
    """Return the tables that move, with filters while the page is paused."""
    rows: list[tuple[Table, Sequence[Any]]] = [
        (LABELS, live.labels),
        (TERMS, live.conservation.terms),
        (ACCOUNTS, live.conservation.accounts),
        (REFUSED, live.refused),
        (REPLICAS, [_served(beat, live) for beat in live.replicas]),
        (SHARDS, [_shard(live.status)] if live.status is not None else []),
        *([(SAMPLES, live.samples)] if "table" in query else []),
    ]
    return [Listing(table if paused else table.without_filters(), found, query) for table, found in rows]


def _served(beat: Heartbeat, live: Live) -> Served:
    return Served(
        name=beat.name,
        version=beat.version,
        age_ms=None if beat.version == ORIGIN else max(live.now_ms - offset_key(beat.version)[0], 0),
        behind_ms=beat.behind_ms,
        stale=beat.behind_ms > live.stale_after_ms,
        items=beat.items,
    )


def _shard(status: FoldStatus) -> Shard:
    return Shard("0", status.lag_ms, status.offset, status.log_end, status.archived, status.log_length)
