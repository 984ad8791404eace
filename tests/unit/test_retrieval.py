"""Sources of candidates against plain definitions of what they should return."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import rowmap
from recsys.config import EngineConfig
from recsys.events import ItemRemoved
from recsys.retrieval import candidates, content, fresh, members, neighbours, popular, trending, voting
from recsys.retrieval.candidates import retrieve
from recsys.retrieval.top import largest_first, positive_top_rows, top_rows, top_unordered
from recsys.sessions import SessionContext
from recsys.statistics import SESSIONS_KEPT, count
from recsys.world import World
from tests.unit.engine_samples import START_MS, empty_world, film, trained_world
from tests.unit.streams import world_bytes

KEYS = st.integers(0, 40) | st.integers(0, 2**31 - 1)


def asking(*clicked: int) -> SessionContext:
    """Return a session with these clicks, the newest last."""
    context = SessionContext("who asks")
    for row in clicked:
        context.click(row, START_MS)
    return context


# -- small parts -----------------------------------------------------------------------------------------------


@given(scores=st.lists(st.integers(-3, 3), max_size=40), k=st.integers(0, 50))
def test_top_rows_are_the_largest_with_ties_by_row(scores: list[int], k: int) -> None:
    values = np.array(scores, dtype=np.float64)
    expected = np.lexsort((np.arange(len(values)), -values))[:k]
    np.testing.assert_array_equal(top_rows(values, k), expected)
    np.testing.assert_array_equal(top_unordered(values, k), np.sort(expected))
    assert sorted(largest_first(values, k)) == sorted(expected)
    assert (values[positive_top_rows(values, k)] > 0).all()


@given(scores=st.lists(st.floats(allow_nan=False), max_size=40), k=st.integers(0, 50))
def test_the_largest_are_found_among_numbers_of_any_size(scores: list[float], k: int) -> None:
    values = np.array(scores, dtype=np.float64)
    assert sorted(largest_first(values, k)) == sorted(np.lexsort((np.arange(len(values)), -values))[:k])


@given(rows=st.lists(KEYS, unique=True, max_size=60), others=st.lists(KEYS))
def test_a_row_map_finds_each_row_and_no_other(rows: list[int], others: list[int]) -> None:
    table = rowmap.row_map(np.array(rows, dtype=np.int64))
    for row in [*rows, *others]:
        assert rowmap.find(table, row) == (rows.index(row) if row in rows else -1)


# -- trending, fresh, content ----------------------------------------------------------------------------------


def test_trending_counts_recent_clicks_as_they_have_faded_and_breaks_ties_by_row() -> None:
    world = empty_world(5)
    half_life_ms = 1_000 * world.config.trending_half_life_s
    for _ in range(3):
        count(world, 3, START_MS, clicks=1)
    for _ in range(2):
        count(world, 1, START_MS + half_life_ms, clicks=1)
    assert trending.top(world, 4, START_MS + half_life_ms).tolist() == [1, 3, 0, 2]


@given(
    clicks=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=40),
    gone=st.sets(st.integers(0, 9)),
    k=st.integers(0, 12),
)
def test_trending_is_the_order_of_all_items_cut_off(clicks: list[tuple[int, int]], gone: set[int], k: int) -> None:
    world = empty_world(10)
    half_life_ms = 1_000 * world.config.trending_half_life_s
    for row, day in clicks:
        count(world, row, START_MS + day * half_life_ms, clicks=1)
    for row in gone:
        world.remove_item(ItemRemoved(event_time_ms=0, item=f"film-{row}"))
    now_ms = START_MS + 5 * half_life_ms
    idle = (now_ms - world.items["counted_ms"]) / half_life_ms
    recent = world.items["recent_clicks"] * 2.0**-idle
    order = [row for row in np.lexsort((np.arange(10), -recent)).tolist() if row not in gone]
    assert trending.top(world, k, now_ms).tolist() == order[:k]


def test_only_available_items_trend_or_are_new() -> None:
    world = empty_world(4)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-3"))
    assert trending.top(world, 9, START_MS).tolist() == [0, 1, 2]
    assert fresh.newest(world, 9).tolist() == [2, 1, 0]


def test_popular_items_are_those_with_the_most_clicks_as_they_have_faded() -> None:
    world = empty_world(6)
    for _ in range(3):
        count(world, 4, START_MS, clicks=1)
    world.serial += int(2 * SESSIONS_KEPT[0])
    for row in (1, 5, 1, 0):
        count(world, row, START_MS, clicks=1)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-5"))
    popular.refresh(world)
    assert world.popular.tolist() == [1, 0, 4], "what nobody clicked is not popular, nor what is gone"


def test_popular_items_are_looked_up_at_once_while_they_are_few_and_now_and_then_when_they_are_many() -> None:
    world = empty_world(popular.KEPT + 50)
    assert popular.is_due(world)
    for row in range(popular.KEPT + 50):
        count(world, row, START_MS, clicks=1)
    popular.refresh(world)
    assert len(world.popular) == popular.KEPT
    due = [serial for serial in range(1, 3 * popular.EVERY_SESSIONS) if popular.is_due(at_session(world, serial))]
    assert due == [popular.EVERY_SESSIONS, 2 * popular.EVERY_SESSIONS]


def test_what_was_popular_before_has_no_say_in_what_is_now() -> None:
    rng = np.random.default_rng(3)
    often, once = empty_world(3 * popular.KEPT), empty_world(3 * popular.KEPT)
    for session in range(2_000):
        row = int(rng.zipf(1.1)) % (3 * popular.KEPT)
        for world in (often, once):
            world.serial += int(SESSIONS_KEPT[0]) // 500
            count(world, row, START_MS, clicks=1, begins=session % 3 == 0)
        if session % 100 == 0:
            often.remove_item(ItemRemoved(event_time_ms=0, item=f"film-{row}"))
            once.remove_item(ItemRemoved(event_time_ms=0, item=f"film-{row}"))
            popular.refresh(often)
    popular.refresh(often)
    popular.refresh(once)
    assert len(once.popular) == popular.KEPT
    assert often.popular.tolist() == once.popular.tolist()
    assert often.first_choices.tolist() == once.first_choices.tolist()


def test_what_sessions_begin_with_is_offered_first_and_popular_items_follow() -> None:
    world = empty_world(6)
    for row, begins in ((2, True), (2, True), (4, True), (1, False), (1, False), (1, False), (4, False)):
        count(world, row, START_MS, clicks=1, begins=begins)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-4"))
    popular.refresh(world)
    assert world.popular.tolist() == [1, 2]
    assert world.first_choices.tolist() == [2, 1], "an item once, and none that is gone"


def test_of_a_large_category_those_that_are_clicked_and_then_the_newest_are_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "SCORED", 4)
    world = empty_world(80)
    horror = world.category("Horror").tolist()
    assert len(horror) > 10
    count(world, horror[1], START_MS, clicks=1)
    world.serial += int(5 * SESSIONS_KEPT[-1])
    count(world, horror[3], START_MS, clicks=1)
    assert members.Members().of(world, "Horror").tolist() == [horror[1], horror[3], *horror[-2:]]
    monkeypatch.setattr(members, "SCORED", len(horror))
    assert members.Members().of(world, "Horror").tolist() == horror


def test_a_category_is_looked_up_anew_when_the_catalogue_changed_or_enough_sessions_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(members, "SCORED", 3)
    world, known = empty_world(80), members.Members()
    horror = world.category("Horror").tolist()
    assert known.of(world, "Horror").tolist() == horror[-3:]
    count(world, horror[0], START_MS, clicks=1)
    world.remove_item(ItemRemoved(event_time_ms=0, item=f"film-{horror[-1]}"))
    assert known.of(world, "Horror").tolist() == [horror[0], *horror[-3:-1]], "what is gone is gone at once"
    count(world, horror[1], START_MS, clicks=1)
    assert known.of(world, "Horror").tolist() == [horror[0], *horror[-3:-1]]
    world.serial += popular.EVERY_SESSIONS
    assert known.of(world, "Horror").tolist() == [horror[0], horror[1], horror[-2]]
    world.upsert_item(film(horror[-1]))
    assert known.of(world, "Horror").tolist() == [horror[0], horror[1], horror[-1]]
    assert known.of(empty_world(5), "Horror").tolist() == [4]


def at_session(world: World, serial: int) -> World:
    world.serial = serial
    return world


def test_content_likeness_is_the_cosine_of_the_vectors() -> None:
    vectors = trained_world().contents["content"]
    rows = np.array([5, 1, 100])
    np.testing.assert_allclose(content.cosines(vectors, rows, vectors[:4]), vectors[rows] @ vectors[:4].T, atol=1e-6)


def test_items_most_alike_come_first_and_an_item_is_not_like_itself() -> None:
    world = trained_world()
    found = content.similar(world, 4, 10)
    likeness = world.contents["content"][found] @ world.contents["content"][4]
    assert 4 not in found
    assert (np.diff(likeness) <= 1e-6).all()
    assert "Horror" in world.catalogue[found[0]].categories


def test_what_is_alike_is_remembered_until_the_catalogue_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_REMEMBERED", 2)
    world = empty_world(80)
    first, second, third = (content.similar(world, row, 10).tolist() for row in (4, 5, 6))
    assert len(world.alike) <= 2
    assert [content.similar(world, row, 10).tolist() for row in (4, 5, 6, 6)] == [first, second, third, third]
    assert content.similar(world, 4, 3).tolist() == first[:3]
    world.remove_item(ItemRemoved(event_time_ms=0, item=f"film-{first[0]}"))
    assert first[0] not in content.similar(world, 4, 10)


# -- candidates ------------------------------------------------------------------------------------------------


def test_candidates_are_a_union_of_sources_with_what_neighbours_found_first() -> None:
    world = empty_world(200, EngineConfig(candidates=24))
    for key, session in enumerate(([7, 101, 102], [7, 101])):
        serial = neighbours.NO_SERIAL
        for row in session:
            serial = neighbours.index_click(world, serial, key, row)
    count(world, 55, START_MS, clicks=1)
    popular.refresh(world)
    found = retrieve(world, asking(7))
    alike = content.similar(world, 7, candidates.CONTENT_ITEMS).tolist()
    newest = fresh.newest(world, candidates.FEWEST - 3 - 1).tolist()  # beside three voted for and one popular
    assert sorted(found.rows[:3].tolist()) == [7, 101, 102]
    assert set(found.rows.tolist()) == {7, 101, 102, 55, *alike, *newest}
    np.testing.assert_array_equal(found.channels[:3], neighbours.votes(world, asking(7), found.rows[:3]).channels)


def test_popular_items_that_neighbours_found_already_fill_no_place() -> None:
    world = empty_world(300, EngineConfig(candidates=24))
    serial = neighbours.NO_SERIAL
    for row in (7, 101, 102):
        serial = neighbours.index_click(world, serial, 0, row)
    for clicks, row in enumerate((*range(110, 190), 7, 101, 102), start=1):
        count(world, row, START_MS, clicks=clicks)
    popular.refresh(world)
    found = retrieve(world, asking(7)).rows.tolist()
    assert world.popular[:3].tolist() == [102, 101, 7]
    assert set(world.popular[: candidates.FEWEST].tolist()) <= set(found)
    assert world.popular[candidates.FEWEST] not in found


@given(limit=st.integers(voting.QUERY_CLICKS, 60), clicked=st.lists(st.integers(0, 239), unique=True, max_size=12))
def test_candidates_are_distinct_and_bounded_and_hold_the_sessions_clicks(limit: int, clicked: list[int]) -> None:
    world = trained_world()
    neighbourly = neighbours.recall(world, asking(*clicked), limit).rows.tolist() if clicked else []
    found = retrieve(world, asking(*clicked)).rows.tolist()
    others = candidates.CONTENT_CLICKS * candidates.CONTENT_ITEMS + popular.KEPT + candidates.FRESH_ITEMS
    assert len(set(found)) == len(found) <= world.config.candidates + others
    assert len(found) >= candidates.FEWEST
    assert set(clicked) <= set(found)
    assert len(neighbourly) <= limit + max(len(clicked) - voting.QUERY_CLICKS, 0)


def test_a_session_without_clicks_gets_what_sessions_begin_with_then_what_is_popular_and_what_is_new() -> None:
    world = trained_world()
    found = retrieve(world, SessionContext("s"))
    expected = [*world.first_choices[: world.config.candidates].tolist(), *fresh.newest(world, candidates.FRESH_ITEMS)]
    assert len(world.first_choices) >= world.config.candidates
    assert found.rows.tolist() == list(dict.fromkeys(expected))
    assert found.weight == 0.0


def test_where_neighbours_find_little_what_is_clicked_around_it_comes_before_what_is_popular() -> None:
    world = empty_world(300)
    for row in range(100, 200):
        count(world, row, START_MS, clicks=1)
    popular.refresh(world)
    for key, session in enumerate(([7, 201], [201, 202, 203, 204], [205, 201], [204, 206])):
        serial = neighbours.NO_SERIAL
        for row in session:
            serial = neighbours.index_click(world, serial, key, row)
    found = retrieve(world, asking(7))
    assert found.rows[:2].tolist() == [7, 201]
    assert sorted(found.rows[2:5].tolist()) == [202, 203, 205], "two steps away, by clicks next to what has votes"
    assert not {204, 206} & set(found.rows[: candidates.FEWEST].tolist()), "farther than that"
    assert set(world.popular[: candidates.FEWEST - 5].tolist()) <= set(found.rows.tolist()), "which fills up"


def test_where_neighbours_find_enough_nothing_is_asked_beyond_them() -> None:
    world = empty_world(300)
    for key, row in enumerate(range(100, 100 + candidates.FEWEST)):
        serial = neighbours.NO_SERIAL
        for clicked in (7, row, 250):
            serial = neighbours.index_click(world, serial, key, clicked)
    neighbours.index_click(world, neighbours.index_click(world, neighbours.NO_SERIAL, 999, 251), 999, 250)
    assert 251 not in retrieve(world, asking(7)).rows


def test_where_neighbours_find_little_popular_items_fill_up() -> None:
    world = empty_world(300)
    for row in range(100, 200):
        count(world, row, START_MS, clicks=1)
    popular.refresh(world)
    found = set(retrieve(world, asking(7)).rows.tolist())
    assert len(found & set(range(100, 200))) >= candidates.FEWEST - 1


@pytest.mark.parametrize("clicked", [(), (7,)])
@pytest.mark.parametrize("known", [0, 1, 30])
def test_where_little_is_known_of_anything_new_items_fill_up(known: int, clicked: tuple[int, ...]) -> None:
    world = empty_world(300)
    for row in range(known):
        count(world, row, START_MS, clicks=1)
    popular.refresh(world)
    assert len(retrieve(world, asking(*clicked)).rows) >= candidates.FEWEST


def test_only_what_can_be_served_is_retrieved_and_keeps_its_votes() -> None:
    world = empty_world(4)
    serial = neighbours.NO_SERIAL
    for row in (1, 2, 3):
        serial = neighbours.index_click(world, serial, 9, row)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-2"))
    found = retrieve(world, asking(1))
    assert set(found.rows.tolist()) == {0, 1, 3}
    expected = neighbours.votes(world, asking(1), found.rows)
    np.testing.assert_array_equal(found.channels, expected.channels[: len(found.channels)])
    assert not expected.channels[len(found.channels) :].any()
    assert found.weight == expected.weight


def test_retrieving_changes_no_byte_of_the_world() -> None:
    world = trained_world()
    before = world_bytes(world)
    retrieve(world, asking(4, 12))
    assert world_bytes(world) == before


def test_a_catalogue_without_history_has_candidates_and_an_empty_one_has_none() -> None:
    young = retrieve(empty_world(6), SessionContext("s"))
    assert young.rows.tolist() == [5, 4, 3, 2, 1, 0]
    nothing = retrieve(empty_world(), SessionContext("s"))
    assert (nothing.rows.tolist(), nothing.weight) == ([], 0.0)
