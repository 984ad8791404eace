"""What everybody taught: catalogue, item statistics, neighbour index and the world belief.

The learner writes it, replicas copy it row by row, serving only reads it. All of it is columns (`recsys.tables`)
and a model's arrays, so that a snapshot is bytes with a hash and a delta is the rows that changed.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.config import EngineConfig
from recsys.content_index import ContentIndex
from recsys.description import MAX_TOKENS, content_vector, decade, stable_hash, weighted_tokens
from recsys.events import ItemRemoved, ItemUpserted
from recsys.layout import (
    BEFORE_THE_FIRST_CLICK,
    CONTENT_WIDTH,
    FACTS,
    NUMBER_START,
    NUMBERS,
    SIGNAL_COUNT,
    SIGNALS,
    STATISTICS,
    TASTE_START,
    TASTES,
    VECTOR_WIDTH,
    WIDTH,
)
from recsys.models.base import ClickModel
from recsys.models.entries import Entries
from recsys.models.moments import no_moments, replace_number
from recsys.models.network import Network
from recsys.models.registry import make_model
from recsys.models.spread import Spread
from recsys.models.vectors import initialise
from recsys.offsets import ORIGIN, Offset
from recsys.tables import Table
from recsys.taste_index import TasteIndex

#: Most recent sessions that an item remembers, and distinct clicks that one of them holds: one that clicks more goes on
#: as another. In states of before that, `length` counts clicks that were pushed out, too.
ITEM_RING: Final = 256
SESSION_CLICKS: Final = 24
#: Items that are counted after each item.
SUCCESSORS: Final = 32
#: Sessions that the neighbour index holds; older ones are overwritten.
SESSION_RING: Final = 524_288

_LAST_YEAR: Final = 9_999

#: How much sessions differ in what they make of a signal and of a taste, before anything is known: variances.
SIGNAL_VARIANCE: Final = 0.03
TASTE_VARIANCE: Final = 2.0

_SESSIONS_DIFFER: Final = np.full(WIDTH, SIGNAL_VARIANCE)
_SESSIONS_DIFFER[SIGNAL_COUNT - len(FACTS) : NUMBER_START] = 0.0
_SESSIONS_DIFFER[TASTE_START:] = TASTE_VARIANCE
# A session's own weight of what is over with its first click would take from the others what that click says of them.
_SESSIONS_DIFFER[[SIGNALS.index(name) for name in BEFORE_THE_FIRST_CLICK]] = 0.0


class World:
    """The state that every session starts from.

    Attributes
    ----------
    offset : Offset
        Everything up to here is folded in; also the version that slates log.
    now_ms : int
        Log time: the largest event time folded, never the wall clock.
    serial : int
        Sessions ever indexed; the next one's serial number.
    draws : int
        Examples that random items were drawn for; numbers the next draw.
    evictions : int
        How often rows were renumbered since the log began (`recsys.eviction`): rows mean the same items only where
        this is the same.
    items, contents, rings, vectors, transitions, heard, sessions : Table
        See the columns below. Row r of the first five is item r. `contents` holds what the item is about: ``token`` has
        hashes of its categories and tags, ascending, then -1; ``number`` has NaN where it is missing; only the
        catalogue changes it, so deltas rarely carry it. `heard` lists the items that were ever clicked, in the order of
        their first click, `transitions` what sessions went on with after the item, and how often
        (`recsys.retrieval.transitions`). A session with serial number s stands in row ``s % SESSION_RING``.
    popular : int64 array
        Rows of the items with the most decayed clicks, most first (`recsys.retrieval.popular`).
    first_choices : int64 array
        Rows that those are offered who have not clicked yet: what sessions begin with, most first, then popular items.
    tastes : list of str
        Names of the taste columns in use, in order of first appearance.
    number_names : list of str
        The same for the columns of ``contents["number"]`` after the first, which is the year. Later names are ignored.
    moments : float64 array of shape (3, NUMBERS)
        Count, mean and spread of each number over the catalogue (`recsys.models.moments`), removed items included.
    described : bool
        Whether any item ever said what it is about.
    changed_catalogue : set of int
        Rows whose item entered or changed since the last `recsys.copying.settle`.
    edition : object
        Another one as soon as any item's description changed, or one was removed: what was computed from `contents`,
        `moments` and what is available may be kept as long as this is the same object. No state.
    alike : dict
        What `recsys.retrieval.content.similar` found in this edition. No state.
    content_index : ContentIndex
        What may be like an item. No state: it follows from `items` and `contents`.
    taste_index : TasteIndex
        Which available items have a taste, such as a category. No state, as the other.
    model : ClickModel
        The last layer: beliefs over the weights of a design row.
    network : Network
        What fills the design's network column.
    spread : Spread
        How much sessions differ in each weight.
    entries : Entries
        What visitors want by how they come.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.offset: Offset = ORIGIN
        self.now_ms = 0
        self.serial = 0
        self.draws = 0
        self.evictions = 0
        self.tastes: list[str] = []
        self.number_names: list[str] = []
        self.catalogue: list[ItemUpserted] = []
        self.rows: dict[str, int] = {}
        self.described = False
        self.moments = no_moments(NUMBERS)
        self.begin_edition()
        self.content_index, self.taste_index = ContentIndex(), TasteIndex()
        self.popular: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.first_choices: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.changed_catalogue: set[int] = set()
        self.items = Table(
            {
                "available": ("?", (), False),
                "statistics": ("f8", (len(STATISTICS),), 0.0),
            },
            parts={"statistics": STATISTICS},
        )
        self.contents = Table(
            {
                "token": ("i4", (MAX_TOKENS,), -1),
                "weight": ("f4", (MAX_TOKENS,), 0.0),
                "number": ("f4", (NUMBERS,), np.nan),
                "taste": ("f4", (TASTES,), 0.0),
                "content": ("f4", (CONTENT_WIDTH,), 0.0),
            }
        )
        self.rings = Table({"ring": ("i4", (ITEM_RING,), -1), "postings": ("i8", (), 0)})
        self.vectors = Table(
            {"vector": ("f4", (VECTOR_WIDTH,), 0.0), "length": ("f4", (), 0.0), "squares": ("f4", (), 0.0)}
        )
        self.transitions = Table({"item": ("i4", (SUCCESSORS,), -1), "count": ("f4", (SUCCESSORS,), 0.0)})
        self.heard = Table({"item": ("i4", (), 0)})
        self.sessions = Table(
            {
                "key": ("i8", (), 0),
                "clicked": ("i4", (SESSION_CLICKS,), -1),
                "length": ("i4", (), 0),
            }
        )
        self.model: ClickModel = make_model(config.model, WIDTH, forgetting_half_life_s=config.forgetting_half_life_s)
        self.network = Network(SIGNAL_COUNT, config.seed)
        self.spread = Spread(_SESSIONS_DIFFER)
        self.entries = Entries()

    def of_items(self) -> tuple[Table, ...]:
        """Return the tables in which row r is item r."""
        return (self.items, self.contents, self.rings, self.vectors, self.transitions)

    # -- catalogue ---------------------------------------------------------------------------------------------

    def upsert_item(self, event: ItemUpserted) -> int:
        """Add or change an item; return its row."""
        row = self.rows.get(event.item)
        if row is None:
            row = len(self.catalogue)
            self.rows[event.item] = row
            self.catalogue.append(event)
            for table in self.of_items():
                table.grow(row + 1)
            initialise(self.vectors, row, self.evictions)
            self.items["first_seen_ms"][row] = event.event_time_ms
            self.items["counted_ms"][row] = event.event_time_ms
            self.items["appealed_ms"][row] = event.event_time_ms
        self.catalogue[row] = event
        self.changed_catalogue.add(row)
        self.items["available"][row] = True
        self.contents["taste"][row] = self._taste_vector(event)
        self.contents["content"][row] = content_vector(event)
        numbers = self._describe(row, event)
        self.described = self.described or bool(event.categories or event.tags or numbers)
        self.items.touch(row)
        self.follow_contents(np.array([row]))
        return row

    def remove_item(self, event: ItemRemoved) -> None:
        """Take an item out of every list; what was learned of it stays. Unknown items are ignored."""
        row = self.rows.get(event.item)
        if row is not None:
            self.items["available"][row] = False
            self.items.touch(row)
            self.begin_edition()
            self.follow_contents(np.array([row]))

    def hear(self, row: int) -> None:
        """Note that an item was clicked for the first time."""
        place = len(self.heard)
        self.heard.grow(place + 1)
        self.heard["item"][place] = row

    def begin_edition(self) -> None:
        """Note that the catalogue is not what it was, as far as lists and likeness go."""
        self.edition: object = object()
        self.alike: dict[tuple[int, int], NDArray[np.int64]] = {}

    def index_contents(self) -> None:
        """Make the indexes of what items are about anew: rows are not those any more that they were."""
        self.content_index, self.taste_index = ContentIndex(), TasteIndex()
        self.follow_contents(np.arange(len(self.items)))

    def follow_contents(self, rows: NDArray[np.int64]) -> None:
        """Take into these indexes what became of some distinct rows; they are empty while nothing was described."""
        if self.described:
            self.content_index.follow(rows, self.contents["content"], self.items["available"])
            self.taste_index.follow(rows, self.contents["taste"], self.items["available"])

    def category(self, name: str) -> NDArray[np.int64]:
        """Return the available rows of a category, ascending; none for a name that no item has."""
        column = self._find_taste(name)
        if column is None:
            return np.empty(0, dtype=np.int64)
        rows = self.taste_index.rows(column)
        if len(self.tastes) < TASTES:
            return rows
        # Once all columns are taken, later names share one: only the catalogue tells them apart.
        return np.array([row for row in rows.tolist() if name in self.catalogue[row].categories], dtype=np.int64)

    def _describe(self, row: int, event: ItemUpserted) -> dict[int, float]:
        """Write what the item is about into `contents`, and its numbers into their moments; return the numbers."""
        self.contents["token"][row], self.contents["weight"][row] = weighted_tokens(event)
        numbers = self._numbers(event)
        for column in range(1 + len(self.number_names)):
            replace_number(self.moments, self.contents["number"], row, column, numbers.get(column, math.nan))
        self.contents.touch(row)
        self.begin_edition()
        return numbers

    def _numbers(self, event: ItemUpserted) -> dict[int, float]:
        """Return the item's numbers by column; a name without a column takes a free one."""
        numbers = {} if event.year is None else {0: float(max(-_LAST_YEAR, min(event.year, _LAST_YEAR)))}
        for name, value in event.numbers.items():
            if name not in self.number_names and len(self.number_names) < NUMBERS - 1:
                self.number_names.append(name)
            if name in self.number_names:
                numbers[1 + self.number_names.index(name)] = value
        return numbers

    def _taste_vector(self, event: ItemUpserted) -> NDArray[np.float32]:
        """Return the item's taste columns: categories alike, their squares summing to 1, and half for the decade."""
        vector = np.zeros(TASTES, dtype=np.float32)
        for category in event.categories:
            vector[self._taste_column(category)] += 1.0 / len(event.categories) ** 0.5
        if event.year is not None:
            vector[self._taste_column(decade(event.year))] += 0.5
        return vector

    def _taste_column(self, name: str) -> int:
        """Return the column of a taste, taking a free one; when all are taken, share one by hash."""
        column = self._find_taste(name)
        if column is None:
            column = len(self.tastes)
            self.tastes.append(name)
        return column

    def _find_taste(self, name: str) -> int | None:
        """Return the column of a taste, None where it has none and there is still a free one."""
        if name in self.tastes:
            return self.tastes.index(name)
        return stable_hash(name) % TASTES if len(self.tastes) >= TASTES else None
