"""One feature code: a row's signals depend on world, session and time, and on nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import columns, features
from recsys.layout import (
    AFFINITY,
    CONTEXT_START,
    FACTS,
    NETWORK,
    NUMBER_START,
    OPENED,
    POPULARITY,
    SIGNAL_COUNT,
    SIGNALS,
    STEPS,
    TASTE_START,
    VOTES,
    column_names,
)
from recsys.models import appeal, network
from recsys.models.vectors import affinities
from recsys.retrieval import neighbours, voting
from recsys.retrieval.candidates import retrieve
from recsys.sessions import SessionContext
from recsys.statistics import SESSIONS_KEPT, count, fading
from recsys.world import World
from tests.unit.engine_samples import START_MS, empty_world, film, trained_world
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
    context.taste.note(4, True, 0.0)
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
    of_the_item = np.isin(SIGNALS, (*POPULARITY, "clicks", "beginnings", "appeal", "freshness"))
    assert table[:, of_the_item].any(axis=0).all()
    assert not table[:, ~of_the_item].any()


def test_what_sessions_begin_with_counts_for_those_that_have_not_begun_alone() -> None:
    refusing = SessionContext("s")
    refusing.dismiss(3)
    assert column(signals(*range(ITEMS), context=refusing), "beginnings").any()
    assert not column(signals(*range(ITEMS), context=busy_session()), "beginnings").any()


def test_what_was_opened_and_passed_over_is_marked() -> None:
    context = busy_session()
    context.click(12, START_MS)
    table = signals(4, 5, 6, 12, 20, context=context)
    opened, last, second, recency, again = (column(table, name) for name in OPENED)
    assert opened.tolist() == [1.0, 0.0, 0.0, 1.0, 1.0]
    assert last.tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]
    assert second.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert recency == pytest.approx(np.exp([-2 / 3, -np.inf, -np.inf, 0.0, -1 / 3]))
    assert again == pytest.approx([0.0, 0.0, 0.0, np.log(2.0), 0.0])
    assert column(table, "passed_over") == pytest.approx([0.0, np.log(2.0), np.log(3.0), 0.0, 0.0])


def test_facts_are_the_same_for_all_items_and_tell_sessions_apart() -> None:
    first, second = SessionContext("s"), busy_session()
    first.click(4, START_MS)
    tables = [signals(*range(ITEMS), context=context)[:, SIGNALS.index(FACTS[0]) :] for context in (first, second)]
    for table in tables:
        np.testing.assert_array_equal(table, np.broadcast_to(table[0], table.shape))
    assert column_of_facts(tables[0], "fact_clicks") == pytest.approx(0.2)
    assert column_of_facts(tables[1], "fact_clicks") == pytest.approx(0.6)
    assert (column_of_facts(tables[0], "fact_first"), column_of_facts(tables[1], "fact_first")) == (1.0, 0.0)


def column_of_facts(table: np.ndarray, name: str) -> float:
    return float(table[0, FACTS.index(name)])


def test_likeness_follows_what_was_clicked_and_dismissed() -> None:
    horror, animation, western = 28, 9, 7
    table = signals(horror, western, animation)
    assert column(table, "similarity_session").argmax() == 0
    assert column(table, "similarity_last").argmax() == 0
    dismissed_like = signals(11, western, animation)
    assert column(dismissed_like, "similarity_dismissed").argmax() == 0


def test_votes_enter_by_channel_and_in_sum() -> None:
    rows = np.arange(ITEMS)
    table, found = signals(*rows), neighbours.votes(trained_world(), busy_session(), rows)
    assert found.channels.max() > 0.01
    for place, name in enumerate((*VOTES, *STEPS)):
        expected = columns.COUNT_SCALE * np.log1p(columns.VOTE_SCALE * found.channels[:, place])
        np.testing.assert_allclose(column(table, name), expected, rtol=1e-5, atol=1e-7)
    before, after = found.channels[:, 0 : len(VOTES) : 2].sum(axis=1), found.channels[:, 1 : len(VOTES) : 2].sum(axis=1)
    np.testing.assert_allclose(column(table, "votes_before"), before, rtol=1e-5)
    np.testing.assert_allclose(column(table, "votes_after"), after, rtol=1e-5)
    total = 0.3 * np.log(after + voting.BEFORE * before + 1e-3) + 1.0
    np.testing.assert_allclose(column(table, "votes"), total, rtol=1e-5, atol=1e-6)


@given(clicked=st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=6))
def test_signals_of_what_was_retrieved_are_those_that_any_list_of_these_items_gets(clicked: list[int]) -> None:
    world, context = trained_world(), SessionContext("s")
    for row in clicked:
        context.click(row, START_MS)
    found = retrieve(world, context)
    served = features.signals(world, context, found.rows, world.now_ms, found)
    np.testing.assert_array_equal(served, features.signals(world, context, found.rows, world.now_ms))


def test_affinities_are_those_of_the_learned_vectors() -> None:
    world, rows = trained_world(), np.arange(ITEMS)
    expected = np.zeros((ITEMS, len(AFFINITY)), dtype=np.float32)
    newest_first = np.array(busy_session().clicked[::-1])
    affinities(world.vectors["vector"], world.vectors["length"], newest_first, rows, expected, 0)
    start = SIGNALS.index(AFFINITY[0])
    np.testing.assert_array_equal(signals(*rows)[:, start : start + len(AFFINITY)], expected)


def test_liking_is_what_the_sessions_taste_expects() -> None:
    world, rows = trained_world(), np.arange(40)
    expected = busy_session().taste.logits(world, rows)
    np.testing.assert_array_equal(column(signals(*rows), "liking"), expected.astype(np.float32))
    assert expected[4] > 0


def test_clicks_raise_an_item_and_fade_with_the_sessions_that_come() -> None:
    world = empty_world(2)
    for _ in range(5):
        count(world, 0, START_MS, impressions=1, clicks=1)
    rows, context = np.array([0, 1]), SessionContext("s")
    now = features.signals(world, context, rows, START_MS)
    world.serial += int(SESSIONS_KEPT[0])
    later = features.signals(world, context, rows, START_MS)
    for scale, name in enumerate(POPULARITY):
        assert column(now, name)[1] == column(later, name)[1] == 0.0
        assert column(now, name)[0] == pytest.approx(columns.COUNT_SCALE * np.log1p(5.0))
        faded = 5.0 * np.exp(-SESSIONS_KEPT[0] / SESSIONS_KEPT[scale])
        assert column(later, name)[0] == pytest.approx(columns.COUNT_SCALE * np.log1p(faded), rel=1e-5)


def judged(error: float) -> World:
    """Return a world of two items, of which the first was chosen more (less) often than expected."""
    world = empty_world(2)
    columns = (world.items[name] for name in ("appeal_information", "appeal_shift", "appealed_ms"))
    rows, errors, shares = np.array([0]), np.array([error]), np.array([0.5])
    appeal.learn(rows, errors, shares, START_MS, *columns, fading(world), world.items.changed)
    return world


@pytest.mark.parametrize("error", [-0.5, 0.5])
def test_an_item_has_the_appeal_that_its_choices_showed_until_that_fades(error: float) -> None:
    world, rows = judged(error), np.array([0, 1])
    half_life_ms = 1_000 * world.config.popularity_half_life_s
    now, later, never = (
        column(features.signals(world, SessionContext("s"), rows, START_MS + halves * half_life_ms), "appeal")
        for halves in (0, 1, 100)
    )
    assert now[0] == pytest.approx(-error / (1.0 / appeal.VARIANCE + 0.25))
    assert later[0] == pytest.approx(-0.5 * error / (1.0 / appeal.VARIANCE + 0.125))
    assert never[0] == pytest.approx(0.0, abs=1e-6)
    assert now[1] == later[1] == never[1] == 0.0


def test_items_lose_their_freshness() -> None:
    table = signals(0, after_ms=0)
    later = signals(0, after_ms=14 * DAY_MS)
    assert column(later, "freshness")[0] == pytest.approx(column(table, "freshness")[0] / np.e, rel=1e-5)


def test_a_design_row_holds_signals_network_context_and_the_tastes_that_the_world_has() -> None:
    world = empty_world(3)
    rows = np.array([2, 0])
    table = np.arange(2 * SIGNAL_COUNT, dtype=np.float32).reshape(2, SIGNAL_COUNT)
    design = features.design(world, rows, table, np.array([0, 4]), "search")
    names = column_names(world.tastes)
    assert design.shape == (2, TASTE_START + len(world.tastes))
    assert design.dtype == np.float32
    np.testing.assert_array_equal(design[:, :SIGNAL_COUNT], table)
    learned = network.outputs(world.network.hidden(table), world.network.outer)
    np.testing.assert_array_equal(design[:, NETWORK], learned)
    assert names[NETWORK] == "network"
    np.testing.assert_allclose(design[:, names.index("position")], [0.0, np.log(5.0)], rtol=1e-6)
    assert design[:, names.index("surface:search")].tolist() == [1.0, 1.0]
    assert design[0, names.index(f"taste:{film(2).categories[0]}")] == 1.0
    np.testing.assert_array_equal(design[:, TASTE_START:], world.contents["taste"][rows, : len(world.tastes)])


def test_candidates_have_no_context_while_they_are_ranked() -> None:
    world = empty_world(3)
    design = features.design(world, np.arange(3), np.ones((3, SIGNAL_COUNT), dtype=np.float32), None, None)
    assert not design[:, CONTEXT_START:NUMBER_START].any()
