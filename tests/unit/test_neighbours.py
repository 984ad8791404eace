"""Session neighbours' votes against a plain definition of what they should be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import copying
from recsys.events import ItemRemoved
from recsys.inspection import clicked_beside
from recsys.layout import DEPTHS, STEPS, VOTES
from recsys.retrieval import neighbours, voting
from recsys.retrieval.candidates import retrieve
from recsys.sessions import SessionContext
from recsys.world import ITEM_RING, SESSION_CLICKS, SESSION_RING, World
from tests.unit.engine_samples import empty_world, trained_world
from tests.unit.streams import world_bytes

FILMS = 10
ROWS = np.arange(FILMS)
SESSIONS = st.lists(st.lists(st.integers(0, FILMS - 1), min_size=1, max_size=6), min_size=1, max_size=25)
CLICKED = st.lists(st.integers(0, FILMS - 1), unique=True, min_size=1, max_size=10)


def indexed(sessions: list[list[int]], films: int = FILMS, before: int = 0) -> World:
    """Return a world whose neighbour index holds these sessions, and so many that have been overwritten `before`."""
    world = empty_world(films)
    world.serial = before
    for key, session in enumerate(sessions):
        serial = neighbours.NO_SERIAL
        for row in session:
            serial = neighbours.index_click(world, serial, key, row)
    return world


def asking(*clicked: int) -> SessionContext:
    """Return a session with these clicks, the newest last."""
    context = SessionContext("who asks")
    for row in clicked:
        context.click(row, 0)
    return context


def votes(world: World, *clicked: int) -> np.ndarray:
    return neighbours.votes(world, asking(*clicked), ROWS).channels


def neighbour_weights(sessions: list[list[int]], query: list[int]) -> dict[int, float]:
    """Return the weight of each session that shares an item with the query (newest first), by definition."""
    postings = {item: sum(item in session for session in sessions) for item in query}
    weights = {}
    for serial, session in enumerate(sessions):
        shared = sum(
            math.exp(-match / voting.QUERY_DECAY) / math.sqrt(postings[item] + 1)
            for match, item in enumerate(query)
            if item in session
        )
        recency = math.exp((serial - len(sessions)) / voting.SESSION_DECAY)
        if shared:
            weights[serial] = shared * recency / math.sqrt(len(session))
    return weights


def plain_votes(sessions: list[list[int]], clicked: list[int]) -> tuple[np.ndarray, np.ndarray, float]:
    """Return votes by channel, votes by query item, and the weight behind them, without index, rings or maps."""
    distinct = [list(dict.fromkeys(session)) for session in sessions]
    query = clicked[: -voting.QUERY_CLICKS - 1 : -1]
    weights = neighbour_weights(distinct, query)
    total = sum(weights.values())
    channels = {name: np.zeros(FILMS) for name in (*VOTES, *STEPS)}
    shares = np.zeros((FILMS, len(query)))
    for serial, weight in weights.items():
        session = distinct[serial]
        match = next(match for match, item in enumerate(query) if item in session)
        place = session.index(query[match])
        for other, row in enumerate(session):
            distance, side = abs(other - place), "after" if other > place else "before"
            if distance:
                vote = weight / total * math.exp(-(distance - 1) / voting.DISTANCE_DECAY)
                channels[f"{side}_{DEPTHS[min(match, len(DEPTHS) - 1)]}"][row] += vote
                shares[row, match] += vote
            if distance == 1 and match == 0:
                channels["successor" if side == "after" else "predecessor"][row] += weight / total
    return np.stack(list(channels.values()), axis=1), shares, total


# -- votes -----------------------------------------------------------------------------------------------------


@given(sessions=SESSIONS, clicked=CLICKED)
def test_votes_are_what_the_definition_says(sessions: list[list[int]], clicked: list[int]) -> None:
    world, context = indexed(sessions), asking(*clicked)
    channels, shares, total = plain_votes(sessions, clicked)
    found = neighbours.votes(world, context, ROWS)
    np.testing.assert_allclose(found.channels, channels, rtol=1e-5, atol=1e-9)
    assert found.weight == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(neighbours.vote_shares(world, context, ROWS), shares, atol=1e-12)


@given(sessions=SESSIONS, clicked=CLICKED, rows=st.lists(st.integers(0, FILMS - 1), unique=True, max_size=FILMS))
def test_votes_for_few_rows_are_those_for_all_to_the_bit(
    sessions: list[list[int]], clicked: list[int], rows: list[int]
) -> None:
    world, context = indexed(sessions), asking(*clicked)
    whole = neighbours.votes(world, context, ROWS)
    some = neighbours.votes(world, context, np.array(rows, dtype=np.int64))
    np.testing.assert_array_equal(some.channels, whole.channels[rows])
    assert some.weight == whole.weight


@given(sessions=SESSIONS, clicked=CLICKED, limit=st.integers(voting.QUERY_CLICKS, FILMS + 3))
def test_recall_brings_the_items_with_the_most_votes_and_the_sessions_own(
    sessions: list[list[int]], clicked: list[int], limit: int
) -> None:
    world, context = indexed(sessions), asking(*clicked)
    found = neighbours.recall(world, context, limit)
    channels, _, total = plain_votes(sessions, clicked)
    worth = channels[:, 1 : len(VOTES) : 2].sum(axis=1) + voting.BEFORE * channels[:, 0 : len(VOTES) : 2].sum(axis=1)
    others = [worth[row] for row in set(np.flatnonzero(worth > 0.0).tolist()) - set(clicked)]
    recalled = [worth[row] for row in set(found.rows.tolist()) - set(clicked)]
    most = limit + max(len(clicked) - voting.QUERY_CLICKS, 0)
    assert set(clicked) <= set(found.rows.tolist())
    assert len(set(found.rows.tolist())) == len(found.rows) == min(most, len(clicked) + len(others))
    assert sorted(recalled) == pytest.approx(sorted(others)[len(others) - len(recalled) :])
    np.testing.assert_array_equal(found.channels, neighbours.votes(world, context, found.rows).channels)
    assert found.weight == pytest.approx(total, rel=1e-12)


def test_clicks_too_old_to_ask_come_beside_what_is_recalled() -> None:
    clicked = list(range(SESSION_CLICKS))
    world = indexed([[row, SESSION_CLICKS + row] for row in clicked], films=2 * SESSION_CLICKS)
    asked, older = clicked[-voting.QUERY_CLICKS :], clicked[: -voting.QUERY_CLICKS]
    few = neighbours.recall(world, asking(*clicked), voting.QUERY_CLICKS + 4).rows.tolist()
    assert {*asked, *older} <= set(few)
    assert len(few) == SESSION_CLICKS + 4, "they take nothing from what has votes"
    found = neighbours.recall(world, asking(*clicked), 3 * SESSION_CLICKS).rows.tolist()
    assert sorted(found) == [*clicked, *(SESSION_CLICKS + row for row in asked)], "and bring nothing themselves"


def test_a_session_is_no_neighbour_of_itself() -> None:
    world, context = indexed([[0, 1, 2], [3, 1]]), asking(0, 1)
    before = neighbours.votes(world, context, ROWS)
    serial = neighbours.NO_SERIAL
    for row in (0, 1):
        serial = neighbours.index_click(world, serial, context.key, row)
    after = neighbours.votes(world, context, ROWS)
    np.testing.assert_array_equal(after.channels > 0.0, before.channels > 0.0)
    assert after.weight < before.weight, "what many clicked says less"


def test_no_more_neighbours_vote_than_are_worth_asking() -> None:
    world = indexed([[0, 1]] * voting.NEIGHBOURS + [[2, 3]] * voting.NEIGHBOURS)
    found = votes(world, 2, 0)
    assert found[1].any()
    assert not found[3].any(), "all others share a newer click"


def test_subset_keeps_what_is_said_of_each_row() -> None:
    found = neighbours.votes(indexed([[0, 1, 2]]), asking(0), ROWS)
    longer = found._replace(rows=np.append(found.rows, [77]))
    kept = longer.subset(np.isin(longer.rows, (1, 77)))
    assert kept.rows.tolist() == [1, 77]
    np.testing.assert_array_equal(kept.channels, found.channels[1:2])
    assert kept.weight == found.weight


def test_asking_changes_no_byte_of_the_world() -> None:
    world = trained_world()
    before = world_bytes(world)
    neighbours.votes(world, asking(4, 12), ROWS)
    neighbours.recall(world, asking(4, 12), 20)
    neighbours.similar_items(world, 4, 5)
    assert world_bytes(world) == before


# -- index -----------------------------------------------------------------------------------------------------


def test_an_item_remembers_its_most_recent_sessions() -> None:
    world = indexed([[0, 1]] * (ITEM_RING + 10))
    assert world.rings["postings"][0] == ITEM_RING + 10
    assert sorted(world.rings["ring"][0]) == list(range(10, ITEM_RING + 10))


def test_a_long_session_goes_on_as_another_and_forgets_nothing() -> None:
    world = indexed([list(range(SESSION_CLICKS + 3))], films=SESSION_CLICKS + 3)
    assert world.serial == 2
    assert world.sessions["clicked"][0].tolist() == list(range(SESSION_CLICKS))
    assert world.sessions["clicked"][1, :4].tolist() == [*range(SESSION_CLICKS, SESSION_CLICKS + 3), -1]
    assert world.sessions["key"][0] == world.sessions["key"][1], "none of them is a neighbour of the session itself"
    assert votes(world, 0)[1, VOTES.index("after_last")] == pytest.approx(1.0)
    follow = neighbours.recall(world, asking(SESSION_CLICKS), 2).rows.tolist()
    assert sorted(follow) == [SESSION_CLICKS, SESSION_CLICKS + 1]


def test_a_session_clicks_each_item_once() -> None:
    world = indexed([[1, 2, 1, 2]])
    assert world.sessions["clicked"][0, :3].tolist() == [1, 2, -1]
    assert world.rings["postings"][1] == 1


def test_a_session_overwritten_by_newer_ones_starts_afresh_and_no_longer_votes() -> None:
    world = indexed([[0, 1]])
    world.serial = SESSION_RING
    assert votes(world, 0).any()
    assert neighbours.index_click(world, neighbours.NO_SERIAL, 7, 2) == SESSION_RING
    assert not votes(world, 0).any()
    assert world.sessions["clicked"][0].tolist()[:1] == [2], "its row is another's now"
    assert neighbours.index_click(world, 0, 0, 3) == SESSION_RING + 1


@pytest.mark.parametrize("before", [2**31 - 3, 2**31, 2**32 - 3])
def test_neighbours_vote_alike_when_more_sessions_came_than_32_bits_can_number(before: int) -> None:
    sessions = [[0, 1, 2], [1, 2], [3, 1], [0, 2, 4], [4, 1]]
    early, late = indexed(sessions), indexed(sessions, before=before)
    assert (votes(late, 1, 0) == votes(early, 1, 0)).all()
    for row in ROWS.tolist():
        assert clicked_beside(late, row, 5) == clicked_beside(early, row, 5)
        candidates = [retrieve(world, asking(row)).rows.tolist() for world in (late, early)]
        assert candidates[0] == candidates[1]


def test_indexing_marks_what_changed_and_nothing_else() -> None:
    world = indexed([[0, 1], [2, 3]])
    copying.settle(world)
    neighbours.index_click(world, 1, 1, 4)
    _, changes = copying.changes(world)
    assert changes["rings/row"].tolist() == [4]
    assert changes["sessions/row"].tolist() == [1]
    assert not len(changes["items/row"])


def test_similar_items_are_available_positive_and_leave_the_item_out() -> None:
    world = indexed([[0, 1, 2], [0, 1], [5, 6]])
    assert neighbours.similar_items(world, 0, 5).tolist() == [1, 2]
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-1"))
    assert neighbours.similar_items(world, 0, 5).tolist() == [2]
