"""Sources of candidates against plain definitions of what they should return."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.config import EngineConfig
from recsys.events import ItemRemoved
from recsys.retrieval import content, fresh, neighbours, rowmap, trending, voting
from recsys.retrieval.candidates import candidates, retrieve
from recsys.retrieval.top import positive_top_rows, top_rows, top_unordered
from recsys.sessions import SessionContext
from recsys.statistics import count
from recsys.world import ITEM_RING, SESSION_CLICKS, SESSION_RING, World
from tests.unit.engine_samples import START_MS, empty_world, trained_world
from tests.unit.streams import world_bytes

SESSIONS = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=1, max_size=25)


def indexed(sessions: list[list[int]], films: int = 10) -> World:
    """Return a world whose neighbour index holds these sessions."""
    world = empty_world(films)
    for session in sessions:
        serial = neighbours.NO_SERIAL
        for row in session:
            serial = neighbours.index_click(world, serial, row)
    return world


def plain_votes(sessions: list[list[int]], clicked: list[int], films: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the votes as the definition has them, without index, rings or maps."""
    distinct = [list(dict.fromkeys(session)) for session in sessions]
    query = clicked[: -neighbours.QUERY_CLICKS - 1 : -1]
    postings = {item: sum(item in session for session in distinct) for item in query}
    votes, total = np.zeros((2, films)), 0.0
    for serial, session in enumerate(distinct):
        shared = [(match, item) for match, item in enumerate(query) if item in session]
        if not shared:
            continue
        recency = math.exp((serial - len(distinct)) / voting.SESSION_DECAY) / math.sqrt(len(session))
        weight = recency * sum(
            math.exp(-match / voting.QUERY_DECAY) / math.sqrt(postings[item] + 1) for match, item in shared
        )
        total += weight
        place = session.index(shared[0][1])
        for other, row in enumerate(session):
            if other != place:
                distance = abs(other - place)
                votes[int(other < place), row] += weight * math.exp(-(distance - 1) / voting.DISTANCE_DECAY)
    return tuple(votes / total) if total else tuple(votes)


# -- small parts -----------------------------------------------------------------------------------------------


@given(scores=st.lists(st.integers(-3, 3), max_size=40), k=st.integers(0, 50))
def test_top_rows_are_the_largest_with_ties_by_row(scores: list[int], k: int) -> None:
    values = np.array(scores, dtype=np.float64)
    expected = np.lexsort((np.arange(len(values)), -values))[:k]
    np.testing.assert_array_equal(top_rows(values, k), expected)
    np.testing.assert_array_equal(top_unordered(values, k), np.sort(expected))
    assert (values[positive_top_rows(values, k)] > 0).all()


@given(rows=st.lists(st.integers(0, 2**40), unique=True, max_size=60), others=st.lists(st.integers(0, 2**40)))
def test_a_row_map_finds_each_row_and_no_other(rows: list[int], others: list[int]) -> None:
    table = rowmap.row_map(np.array(rows, dtype=np.int64))
    for row in [*rows, *others]:
        assert rowmap.find(table, row) == (rows.index(row) if row in rows else -1)


# -- neighbours ------------------------------------------------------------------------------------------------


@given(sessions=SESSIONS, clicked=st.lists(st.integers(0, 9), unique=True, max_size=10))
def test_votes_are_what_the_definition_says(sessions: list[list[int]], clicked: list[int]) -> None:
    found = neighbours.votes(indexed(sessions), clicked)
    forward, backward = plain_votes(sessions, clicked, 10)
    np.testing.assert_allclose(found.forward, forward, atol=1e-12)
    np.testing.assert_allclose(found.backward, backward, atol=1e-12)


@given(
    sessions=SESSIONS,
    clicked=st.lists(st.integers(0, 9), unique=True, max_size=10),
    rows=st.lists(st.integers(0, 9), unique=True, max_size=10),
)
def test_votes_for_few_rows_are_those_of_the_whole_catalogue_to_the_bit(
    sessions: list[list[int]], clicked: list[int], rows: list[int]
) -> None:
    world = indexed(sessions)
    whole, some = neighbours.votes(world, clicked), neighbours.votes(world, clicked, np.array(rows, dtype=np.int64))
    np.testing.assert_array_equal(some.forward, whole.forward[rows])
    np.testing.assert_array_equal(some.backward, whole.backward[rows])


@given(sessions=SESSIONS, clicked=st.lists(st.integers(0, 9), unique=True, min_size=1, max_size=9))
def test_shares_name_the_clicks_behind_the_votes(sessions: list[list[int]], clicked: list[int]) -> None:
    world, rows = indexed(sessions), np.arange(10)
    found = neighbours.votes(world, clicked)
    shares = neighbours.vote_shares(world, clicked, rows)
    assert shares.shape == (10, len(clicked))
    np.testing.assert_allclose(shares.sum(axis=1), found.forward + found.backward, atol=1e-12)


def test_asking_changes_no_byte_of_the_world() -> None:
    world = trained_world()
    before = world_bytes(world)
    neighbours.votes(world, [4, 12])
    neighbours.similar_items(world, 4, 5)
    candidates(world, SessionContext("s", clicked=[4]), world.now_ms)
    assert world_bytes(world) == before


def test_an_item_remembers_its_most_recent_sessions() -> None:
    world = indexed([[0, 1]] * (ITEM_RING + 10))
    assert world.items["postings"][0] == ITEM_RING + 10
    assert sorted(world.items["ring"][0]) == list(range(10, ITEM_RING + 10))


def test_a_session_remembers_its_most_recent_clicks() -> None:
    world = indexed([list(range(SESSION_CLICKS + 3))], films=SESSION_CLICKS + 3)
    assert world.sessions["clicked"][0].tolist() == list(range(3, SESSION_CLICKS + 3))
    assert world.sessions["length"][0] == SESSION_CLICKS + 3
    assert not neighbours.votes(world, [0]).forward.any()
    assert neighbours.votes(world, [3]).forward[4] == pytest.approx(1.0)


def test_a_session_clicks_each_item_once() -> None:
    world = indexed([[1, 2, 1, 2]])
    assert world.sessions["clicked"][0, :3].tolist() == [1, 2, -1]
    assert world.items["postings"][1] == 1


def test_a_session_overwritten_by_newer_ones_starts_afresh_and_no_longer_votes() -> None:
    world = indexed([[0, 1]])
    world.serial = SESSION_RING
    assert neighbours.index_click(world, neighbours.NO_SERIAL, 2) == SESSION_RING
    assert not neighbours.votes(world, [0]).forward.any()
    assert neighbours.index_click(world, 0, 3) == SESSION_RING + 1


def test_indexing_marks_what_changed_and_nothing_else() -> None:
    world = indexed([[0, 1], [2, 3]])
    world.settle()
    neighbours.index_click(world, 1, 4)
    _, changes = world.changes()
    assert changes["items/row"].tolist() == [4]
    assert changes["sessions/row"].tolist() == [1]


def test_similar_items_are_available_positive_and_leave_the_item_out() -> None:
    world = indexed([[0, 1, 2], [0, 1], [5, 6]])
    assert neighbours.similar_items(world, 0, 5).tolist() == [1, 2]
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-1"))
    assert neighbours.similar_items(world, 0, 5).tolist() == [2]


# -- trending, fresh, content ----------------------------------------------------------------------------------


def test_trending_counts_recent_clicks_as_they_have_faded_and_breaks_ties_by_row() -> None:
    world = empty_world(5)
    half_life_ms = 1_000 * world.config.trending_half_life_s
    for _ in range(3):
        count(world, 3, START_MS, clicks=1)
    for _ in range(2):
        count(world, 1, START_MS + half_life_ms, clicks=1)
    assert trending.top(world, 4, START_MS + half_life_ms).tolist() == [1, 3, 0, 2]


def test_only_available_items_trend_or_are_new() -> None:
    world = empty_world(4)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-3"))
    assert trending.top(world, 9, START_MS).tolist() == [0, 1, 2]
    assert fresh.newest(world, 9).tolist() == [2, 1, 0]


def test_content_likeness_is_the_cosine_of_the_vectors() -> None:
    vectors = trained_world().items["content"]
    rows = np.array([5, 1, 100])
    np.testing.assert_allclose(content.cosines(vectors, rows, vectors[:4]), vectors[rows] @ vectors[:4].T, atol=1e-6)


def test_items_most_alike_come_first_and_an_item_is_not_like_itself() -> None:
    world = trained_world()
    found = content.similar(world, 4, 10)
    likeness = world.items["content"][found] @ world.items["content"][4]
    assert 4 not in found
    assert (np.diff(likeness) <= 1e-6).all()
    assert "Horror" in world.catalogue[found[0]].categories


# -- candidates ------------------------------------------------------------------------------------------------


def test_a_small_catalogue_is_ranked_whole() -> None:
    world = empty_world(6)
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-2"))
    assert candidates(world, SessionContext("s"), START_MS).tolist() == [0, 1, 3, 4, 5]


def test_a_large_catalogue_gives_a_bounded_union_of_sources() -> None:
    config = EngineConfig(whole_catalogue_up_to=10, candidates=24)
    world = empty_world(200, config)
    for session in ([7, 101, 102], [7, 101]):
        serial = neighbours.NO_SERIAL
        for row in session:
            serial = neighbours.index_click(world, serial, row)
    count(world, 55, START_MS, clicks=1)
    found = candidates(world, SessionContext("s", clicked=[7]), START_MS)
    assert len(found) == 24
    assert (np.diff(found) > 0).all()
    assert {101, 102, 55, 199, int(content.similar(world, 7, 1)[0])} <= set(found.tolist())


def test_a_session_without_clicks_gets_trending_and_fresh_items() -> None:
    world = trained_world()
    found = set(retrieve(world, SessionContext("s"), world.now_ms, 10).tolist())
    assert set(trending.top(world, 5, world.now_ms).tolist()) <= found
    assert set(fresh.newest(world, 5).tolist()) <= found


@given(limit=st.integers(1, 60), clicked=st.lists(st.integers(0, 39), unique=True, max_size=5))
def test_retrieval_never_exceeds_its_limit_and_is_never_empty(limit: int, clicked: list[int]) -> None:
    world = empty_world(40)
    found = retrieve(world, SessionContext("s", clicked=clicked), START_MS, limit)
    assert 0 < len(found) <= limit


def test_an_empty_catalogue_has_no_candidates() -> None:
    world = empty_world()
    assert candidates(world, SessionContext("s"), 0).tolist() == []
    assert retrieve(world, SessionContext("s"), 0, 5).tolist() == []
