"""One feature code: a row's signals depend on world, session and time, and on nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import features
from recsys.layout import CONTEXT_START, SIGNAL_COUNT, SIGNALS, TASTE_START, WIDTH, column_names
from recsys.sessions import SessionContext
from recsys.statistics import count
from tests.unit.engine_samples import CONFIG, START_MS, empty_world, film, trained_world
from tests.unit.streams import world_bytes

DAY_MS = 86_400_000
ITEMS = len(trained_world().items)


def busy_session() -> SessionContext:
    context = SessionContext("s")
    for row in (4, 12, 20):
        context.click(row, START_MS)
    context.dismiss(3)
    context.pass_over([5, 6])
    context.pass_over([6])
    return context


def column(table: np.ndarray, name: str) -> np.ndarray:
    return table[:, SIGNALS.index(name)]


def signals(*rows: int, context: SessionContext | None = None, after_ms: int = 0) -> np.ndarray:
    world = trained_world()
    return features.signals(world, context or busy_session(), np.array(rows, dtype=np.int64), world.now_ms + after_ms)


@given(rows=st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=20, unique=True))
def test_a_rows_signals_do_not_depend_on_the_other_rows(rows: list[int]) -> None:
    whole = signals(*range(ITEMS))
    np.testing.assert_array_equal(signals(*rows), whole[rows])


@given(after_ms=st.integers(-100 * DAY_MS, 10_000 * DAY_MS))
def test_signals_are_finite_at_any_time(after_ms: int) -> None:
    assert np.isfinite(signals(*range(40), after_ms=after_ms)).all()


def test_computing_signals_changes_no_byte_of_the_world() -> None:
    world = trained_world()
    before = world_bytes(world)
    features.design(world, np.arange(ITEMS), signals(*range(ITEMS)), None, None)
    assert world_bytes(world) == before


def test_no_rows_give_an_empty_table() -> None:
    assert signals().shape == (0, SIGNAL_COUNT)


def test_a_session_without_a_past_has_signals_of_the_item_alone() -> None:
    table = signals(*range(ITEMS), context=SessionContext("s"))
    assert not table[:, SIGNALS.index("neighbours_forward") :].any()
    assert table[:, : SIGNALS.index("neighbours_forward")].any(axis=0).all()


def test_what_was_opened_and_passed_over_is_marked() -> None:
    table = signals(4, 5, 6, 7)
    assert column(table, "opened").tolist() == [1.0, 0.0, 0.0, 0.0]
    assert column(table, "passed_over") == pytest.approx([0.0, np.log(2.0), np.log(3.0), 0.0])


def test_likeness_follows_what_was_clicked_and_dismissed() -> None:
    horror, animation, western = 28, 9, 7
    table = signals(horror, western, animation)
    assert column(table, "similarity_session").argmax() == 0
    assert column(table, "similarity_last").argmax() == 0
    dismissed_like = signals(11, western, animation)
    assert column(dismissed_like, "similarity_dismissed").argmax() == 0


def test_neighbours_vote_for_what_sessions_clicked_together() -> None:
    table = signals(*range(ITEMS))
    assert column(table, "neighbours_forward").max() > 0.1
    assert ((column(table, "neighbours_forward") >= 0) & (column(table, "neighbours_forward") < 1)).all()


def test_clicks_raise_an_item_and_fade() -> None:
    world = empty_world(2)
    for _ in range(5):
        count(world, 0, START_MS, impressions=1, clicks=1)
    rows, context = np.array([0, 1]), SessionContext("s")
    now = features.signals(world, context, rows, START_MS)
    later = features.signals(world, context, rows, START_MS + 1_000 * CONFIG.trending_half_life_s)
    for name in ("click_rate", "popularity", "trending"):
        assert column(now, name)[0] > column(now, name)[1] == pytest.approx(0.0)
    assert column(later, "trending")[0] == pytest.approx(features.COUNT_SCALE * np.log1p(2.5), rel=1e-5)
    assert column(later, "popularity")[0] > 0.9 * column(now, "popularity")[0]


def test_an_item_shown_without_a_click_falls_below_one_never_shown() -> None:
    world = empty_world(2)
    count(world, 0, START_MS, impressions=20)
    table = features.signals(world, SessionContext("s"), np.array([0, 1]), START_MS)
    assert column(table, "click_rate")[0] < column(table, "click_rate")[1]


def test_items_lose_their_freshness() -> None:
    table = signals(0, after_ms=0)
    later = signals(0, after_ms=14 * DAY_MS)
    assert column(later, "freshness")[0] == pytest.approx(column(table, "freshness")[0] / np.e, rel=1e-5)


def test_a_design_row_holds_signals_context_and_tastes() -> None:
    world = empty_world(3)
    rows = np.array([2, 0])
    table = np.arange(2 * SIGNAL_COUNT, dtype=np.float32).reshape(2, SIGNAL_COUNT)
    design = features.design(world, rows, table, np.array([0, 4]), "search")
    names = column_names(world.tastes)
    assert design.shape == (2, WIDTH)
    assert design.dtype == np.float32
    np.testing.assert_array_equal(design[:, :SIGNAL_COUNT], table)
    np.testing.assert_allclose(design[:, names.index("position")], [0.0, np.log(5.0)], rtol=1e-6)
    assert design[:, names.index("surface:search")].tolist() == [1.0, 1.0]
    assert design[0, names.index(f"taste:{film(2).categories[0]}")] == 1.0
    np.testing.assert_array_equal(design[:, TASTE_START:], world.items["taste"][rows])


def test_candidates_have_no_context_while_they_are_ranked() -> None:
    world = empty_world(3)
    design = features.design(world, np.arange(3), np.ones((3, SIGNAL_COUNT), dtype=np.float32), None, None)
    assert not design[:, CONTEXT_START:TASTE_START].any()
