"""What a stretch of the log adds to each table; `webapp.analytics.models` has a table for each."""

import dataclasses
from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

#: Columns of `Increments.traffic`: by hour, arm, whether simulated, and surface. `slots` are those of slates that log
#: with which probability the policy put an item there; `propensity_ppm` is the sum of that, in millionths, and
#: `explored_slots` those of them that chance filled. `novelty_millibits` is the sum over
#: impressions of -log2 of the share of all clicks so far that were on the item, in thousandths.
TRAFFIC: Final = (
    "slates",
    "slots",
    "explored_slots",
    "propensity_ppm",
    "impressions",
    "clicks",
    "explored_impressions",
    "explored_clicks",
    "dismissals",
    "novelty_millibits",
)
#: Columns of sums over sittings from which a rate's interval follows that takes each sitting, not each impression, as
#: independent of the others (`webapp.analytics.intervals.clustered`): squares and products are of one sitting's counts.
MOMENTS: Final = ("impressions", "clicks", "impressions_squared", "clicks_squared", "impressions_times_clicks")
#: Columns of `Increments.sittings`: by the hour in which the sitting began, arm, and whether simulated. `looked` are
#: sittings with an impression, on which rates stand, and `clicked` those with a click.
SITTINGS: Final = ("sessions", "looked", "clicked", *MOMENTS)
#: Columns of `Increments.nth`: by day in which the sitting began, arm, whether simulated, and bucket of the n-th
#: impression on the slate made for this session. `sessions` are those that got that far.
NTH: Final = ("sessions", *MOMENTS)
#: Columns of `Increments.ends`: by day in which the sitting began, arm, whether simulated, surface, and last action.
ENDS: Final = ("sessions",)
#: Columns of `Increments.items`: by day, item, arm, and whether simulated. `loose_clicks` are those on no slate
#: of ours.
ITEMS: Final = ("impressions", "clicks", "explored_impressions", "explored_clicks", "loose_clicks")
#: Columns of `Increments.positions`: by item, day, position, and whether simulated.
POSITIONS: Final = ("impressions", "clicks")
#: Columns of `Increments.delays`: by day, arm, whether simulated, and `buckets.delay_bucket`: clicks, and those that
#: were the first of their slate.
DELAYS: Final = ("clicks", "first_clicks")

Row = list[int]


class SittingRow(NamedTuple):
    """A sitting so far. `first_offset` names it; times are log time."""

    first_offset: str
    session: str
    last_offset: str
    started_ms: int
    ended_ms: int
    arm: str
    simulated: bool
    events: int
    slates: int
    impressions: int
    clicks: int
    explored_impressions: int
    explored_clicks: int
    dismissals: int
    last_surface: str
    last_action: str


class ShownRow(NamedTuple):
    """How impressions spread over the catalogue in one day so far.

    Attributes
    ----------
    day_ms : int
    arm : str
        An arm, or `EVERY_ARM`.
    simulated : int
        0, 1, or 2 for both.
    items_shown, catalogue : int
        Distinct items with an impression, and items that could have had one.
    impressions : int
    top_tenth_ppm : int
        Millionths of the impressions that the most shown tenth of the catalogue had: 100,000 when all items are alike.
    gini_ppm : int
        Gini coefficient over the catalogue, in millionths: 0 when all items are alike.
    """

    day_ms: int
    arm: str
    simulated: int
    items_shown: int
    catalogue: int
    impressions: int
    top_tenth_ppm: int
    gini_ppm: int


#: Stands for all arms together in `ShownRow`.
EVERY_ARM: Final = "*"
EITHER: Final = 2


def _rows(columns: tuple[str, ...]) -> Callable[[], Row]:
    width = len(columns)
    return lambda: [0] * width


@dataclasses.dataclass(slots=True)
class Increments:
    """Counts to add, by key; rows to write over what stands there (`sessions`, `shown`), and sessions without rows.

    The rows of `forgotten` sessions go, before those of `sessions` are written.
    """

    traffic: defaultdict[tuple[int, str, bool, str], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(TRAFFIC))
    )
    sittings: defaultdict[tuple[int, str, bool], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(SITTINGS))
    )
    nth: defaultdict[tuple[int, str, bool, int], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(NTH))
    )
    ends: defaultdict[tuple[int, str, bool, str, str], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(ENDS))
    )
    items: defaultdict[tuple[int, str, str, bool], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(ITEMS))
    )
    positions: defaultdict[tuple[str, int, int, bool], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(POSITIONS))
    )
    delays: defaultdict[tuple[int, str, bool, int], Row] = dataclasses.field(
        default_factory=lambda: defaultdict(_rows(DELAYS))
    )
    sessions: dict[str, SittingRow] = dataclasses.field(default_factory=dict)
    shown: dict[tuple[int, str, int], ShownRow] = dataclasses.field(default_factory=dict)
    forgotten: dict[str, None] = dataclasses.field(default_factory=dict)


def one_more_impression(row: Row, start: int, impressions: int, clicks: int) -> None:
    """Add to `MOMENTS`, which begin at `start`, that a sitting with these counts has one more impression."""
    row[start] += 1
    row[start + 2] += 2 * impressions + 1
    row[start + 4] += clicks


def one_more_click(row: Row, start: int, impressions: int, clicks: int) -> None:
    """Add to `MOMENTS`, which begin at `start`, that a sitting with these counts has one more click."""
    row[start + 1] += 1
    row[start + 3] += 2 * clicks + 1
    row[start + 4] += impressions
