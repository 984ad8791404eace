"""Item statistics: counts fade with time and with the sessions that come, and say only what is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import copying
from recsys.layout import POPULARITY
from recsys.statistics import BEGINNINGS_SCALE, SESSIONS_KEPT, count
from tests.unit.engine_samples import CONFIG, START_MS, empty_world

STEPS = st.lists(
    st.tuples(
        st.integers(0, 10**9),
        st.integers(0, 50_000),
        st.integers(0, 1),
        st.integers(0, 2),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@given(steps=STEPS)
def test_counts_are_sums_in_which_each_click_has_faded_on_its_own(
    steps: list[tuple[int, int, int, int, bool, bool]],
) -> None:
    world, happened, at_ms = empty_world(1), [], START_MS
    for waited_ms, sessions, impressions, clicks, shown, begins in steps:
        at_ms, world.serial = at_ms + waited_ms, world.serial + sessions
        count(world, 0, at_ms, impressions=impressions, clicks=clicks, shown=shown, begins=begins)
        happened.append((at_ms, world.serial, impressions, clicks, shown, begins))

    def faded(half_life_s: int, amounts: list[int]) -> float:
        ages = [(at_ms - then_ms) / (1_000 * half_life_s) for then_ms, *_ in happened]
        return sum(amount * 0.5**age for amount, age in zip(amounts, ages, strict=True))

    items, clicks = world.items, [step[3] for step in happened]
    shown_clicks = [step[3] if step[4] else 0 for step in happened]
    assert items["clicks"][0] == pytest.approx(faded(CONFIG.popularity_half_life_s, shown_clicks))
    assert items["impressions"][0] == pytest.approx(faded(CONFIG.popularity_half_life_s, [s[2] for s in happened]))
    assert items["recent_clicks"][0] == pytest.approx(faded(CONFIG.trending_half_life_s, clicks))
    last = int(items["counted_serial"][0])
    expected = sum(
        (step[3] * np.exp((step[1] - last) / SESSIONS_KEPT) for step in happened if step[3]), start=np.zeros(3)
    )
    np.testing.assert_allclose([items[name][0] for name in POPULARITY], expected, rtol=1e-4, atol=1e-6)
    begun = sum(step[3] * np.exp((step[1] - last) / SESSIONS_KEPT[BEGINNINGS_SCALE]) for step in happened if step[5])
    assert items["beginnings"][0] == pytest.approx(begun, rel=1e-4, abs=1e-6)


def test_an_event_older_than_the_last_one_counts_as_if_it_were_now() -> None:
    world = empty_world(1)
    count(world, 0, START_MS + 5_000, clicks=1)
    count(world, 0, START_MS, clicks=1)
    assert (world.items["clicks"][0], world.items["counted_ms"][0]) == (2.0, START_MS + 5_000)


def test_counting_marks_the_item_as_changed_and_no_other() -> None:
    world = empty_world(3)
    copying.settle(world)
    count(world, 1, START_MS, impressions=1)
    assert copying.changes(world)[1]["items/row"].tolist() == [1]
