"""Whatever decodes can be folded: no event can make the learner or the counts fail, or spoil what they know."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.aggregates.fold import AggregateFold
from recsys.aggregates.increments import TRAFFIC
from recsys.events import (
    MAX_NUMBER,
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Event,
    Impression,
    ItemRemoved,
    ItemUpserted,
    SessionBegan,
    SessionForgotten,
    SlateServed,
    decode,
    encode,
)
from recsys.layout import SIGNAL_COUNT
from recsys.learner import Learner
from recsys.log.base import Record
from recsys.packing import pack
from tests.unit.site import CONFIG
from tests.unit.streams import START_MS

TIMES = st.integers(-(2**63), 2**64 - 1) | st.integers(START_MS - 10**6, START_MS + 10**6)
SIGNALS = st.lists(st.sampled_from((0.0, 1.0, -2.5, np.inf)), min_size=SIGNAL_COUNT, max_size=SIGNAL_COUNT).map(
    lambda numbers: pack(np.array(numbers))
)
IDS = st.sampled_from(("0", "1", "2", "", "unknown"))
SESSIONS = st.sampled_from(("s", "t", ""))
SLATES = st.sampled_from(("", "a", "b"))
POSITIONS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)
NAMES = st.lists(st.text(max_size=4), max_size=3).map(tuple)


def on_an_item(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, event_time_ms=TIMES, session=SESSIONS, slate=SLATES, item=IDS, position=POSITIONS)


EVENTS = st.one_of(
    st.builds(
        ItemUpserted,
        event_time_ms=TIMES,
        item=IDS,
        title=st.text(max_size=4),
        categories=NAMES,
        tags=NAMES,
        year=st.none() | st.integers(-(2**63), 2**63),
        numbers=st.dictionaries(st.text(max_size=4), st.floats(-MAX_NUMBER, MAX_NUMBER), max_size=3),
    ),
    st.builds(ItemRemoved, event_time_ms=TIMES, item=IDS),
    st.builds(
        SlateServed,
        event_time_ms=TIMES,
        session=SESSIONS,
        slate=SLATES,
        surface=st.sampled_from(("for_you", "new", "")),
        items=st.lists(IDS, max_size=4).map(tuple),
        propensities=st.lists(st.floats() | st.floats(0.0, 1.0), max_size=5).map(tuple),
        explored=st.lists(POSITIONS, max_size=3).map(tuple),
        version=st.sampled_from(("", "1-0")),
        signals=st.binary(max_size=8) | SIGNALS,
    ),
    st.builds(SessionBegan, event_time_ms=TIMES, session=SESSIONS),
    st.builds(SessionForgotten, event_time_ms=TIMES, session=SESSIONS),
    *(on_an_item(kind) for kind in (Impression, Click, Dismissal, DismissalUndone)),
    st.builds(Dwell, event_time_ms=TIMES, session=SESSIONS, item=IDS, dwell_ms=POSITIONS),
)


@given(events=st.lists(EVENTS, max_size=25))
@settings(max_examples=60, deadline=None)
def test_whatever_decodes_can_be_folded(events: list[Event]) -> None:
    learner = Learner(CONFIG)
    received_ms = START_MS
    for event in events:
        received_ms += 50_000
        learner.fold([Record(f"{received_ms}-0", event, b"")])
    counters = learner.counters()
    assert counters["records"] == len(events)
    assert counters["listed_clicks"] <= min(counters["impressions"], counters["clicks"])
    world = learner.world
    for part in (world.model, world.network, world.spread):
        assert all(np.isfinite(array).all() for array in part.state().values())
    assert np.isfinite(world.vectors["vector"]).all()
    assert (learner.world.items["counted_ms"] <= received_ms).all()
    snapshot = learner.snapshot()
    assert Learner.from_snapshot(CONFIG, snapshot).snapshot() == snapshot


@given(events=st.lists(EVENTS, max_size=25), step_ms=st.sampled_from((0, 1_000, 10**8)))
@settings(max_examples=60, deadline=None)
def test_whatever_decodes_can_be_counted_in_numbers_that_a_database_holds(events: list[Event], step_ms: int) -> None:
    fold, received_ms = AggregateFold(session_gap_ms=60_000, max_open=3), START_MS
    for event in events:
        received_ms += step_ms
        fold.take(decode(encode(event)), f"{received_ms}-0", received_ms)
    counted = fold.drain()
    for table in (counted.traffic, counted.sittings, counted.nth, counted.items, counted.positions, counted.delays):
        assert all(0 <= count < 2**63 for row in table.values() for count in row)
    again = AggregateFold(session_gap_ms=60_000, max_open=3)
    again.restore(fold.state())
    assert again.state() == fold.state()


def test_what_is_no_probability_counts_as_the_nearest_that_is() -> None:
    fold = AggregateFold(session_gap_ms=60_000)
    for number, propensities in enumerate(((math.nan, 0.5), (math.inf, -math.inf), (-1.0, 2.0))):
        slate = SlateServed(
            event_time_ms=0, session="s", slate=str(number), surface="new", items=("0", "1"), propensities=propensities
        )
        fold.take(slate, f"{number}-0", START_MS)
    (row,) = fold.drain().traffic.values()
    assert row[TRAFFIC.index("propensity_ppm")] == 500_000 + 1_000_000 + 1_000_000
