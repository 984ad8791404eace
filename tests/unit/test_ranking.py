"""Slates: exact propensities, stable noise, diversity, and reasons that add up."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import ranking
from recsys.config import EngineConfig
from recsys.events import decode, encode
from recsys.layout import CONTEXT_START, FACTS, NETWORK, NUMBER_START, SIGNAL_COUNT, SIGNALS, WIDTH
from recsys.models.random import uniform
from recsys.ranking import drawing
from recsys.ranking.reasons import DRAWN, PARTS, _parts
from recsys.ranking.scoring import LEAST_DOUBT, doubt
from recsys.retrieval import neighbours
from recsys.retrieval.candidates import retrieve
from recsys.sessions import ShownSlate
from tests.unit.engine_samples import CONFIG, START_MS, Visit, empty_world, trained_world

NO_CONTENT = np.zeros((8, 4), dtype=np.float32)
#: Three kinds of content, two items each, and two items without any.
CONTENT = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
CONTENT[6:] = 0.0
ROWS = np.arange(8)
SCORES = np.array([1.0, 0.9, 0.5, 0.4, 0.2, 0.1, 0.0, -0.5])


def draw(
    key: int, *, scores: np.ndarray = SCORES, content: np.ndarray = CONTENT, size: int = 3, temperature: float = 0.5
) -> drawing.Draw:
    return drawing.draw(scores, content, np.arange(len(scores)), size, temperature, 0.6, key)


def plain_propensities(scores: np.ndarray, content: np.ndarray, picks: list[int], temperature: float) -> list[float]:
    """Return each slot's softmax probability given the slots above, by definition."""
    found = []
    for slot, pick in enumerate(picks):
        above = picks[:slot]
        likeness = (content @ content[above].T).max(axis=1, initial=0.0)
        weights = np.exp((scores - 0.6 * likeness) / temperature)
        weights[above] = 0.0
        found.append(float(weights[pick] / weights.sum()))
    return found


# -- the draw --------------------------------------------------------------------------------------------------


@given(
    scores=st.lists(st.floats(-20, 20), min_size=8, max_size=8),
    temperature=st.floats(0.05, 3.0),
    key=st.integers(0, 2**63 - 1),
)
def test_propensities_are_the_softmax_given_the_slots_above(scores: list[float], temperature: float, key: int) -> None:
    values = np.array(scores)
    drawn = draw(key, scores=values, size=8, temperature=temperature)
    expected = plain_propensities(values, CONTENT, drawn.picks.tolist(), temperature)
    np.testing.assert_allclose(drawn.propensities, expected, rtol=1e-6, atol=1e-12)
    assert sorted(drawn.picks) == list(range(8))


#: Three of the candidates are tried out, one of them the best.
LENT = np.array([0.3, 0.0, 0.0, 0.5, 0.0, 0.9, 0.0, 0.0])


def tried(key: int, *, size: int = 8, rows: np.ndarray = ROWS, lent: np.ndarray = LENT) -> drawing.Draw:
    return drawing.draw(SCORES[rows], NO_CONTENT, rows, size, 0.5, 0.0, key, lent=lent[rows])


@given(key=st.integers(0, 2**63 - 1), lent=st.lists(st.floats(0.0, 5.0), min_size=8, max_size=8))
def test_propensities_are_exact_where_items_are_tried(key: int, lent: list[float]) -> None:
    drawn = tried(key, lent=np.array(lent))
    expected = plain_propensities(SCORES + lent, NO_CONTENT, drawn.picks.tolist(), 0.5)
    assert sorted(drawn.picks) == list(range(8))
    np.testing.assert_allclose(drawn.propensities, expected, rtol=1e-9)


def test_slots_are_drawn_as_often_as_their_propensities_say_also_where_items_are_tried() -> None:
    sessions = 20_000
    slates = Counter(tuple(tried(drawing.noise_key(1, f"s{n}"), size=2).picks.tolist()) for n in range(sessions))
    for slate in ((0, 1), (0, 3), (1, 0), (3, 0), (3, 5), (5, 7)):
        expected = float(np.prod(plain_propensities(SCORES + LENT, NO_CONTENT, list(slate), 0.5)))
        deviation = (expected * (1 - expected) / sessions) ** 0.5
        assert slates[slate] / sessions == pytest.approx(expected, abs=4 * deviation)


@given(
    key=st.integers(0, 2**63 - 1),
    lent=st.lists(st.sampled_from([0.0, 0.0, 0.4, 2.0, 9.0]), min_size=8, max_size=8),
    gone=st.sets(st.integers(0, 7), max_size=7),
)
def test_items_that_go_leave_the_others_in_order_whatever_is_tried(key: int, lent: list[float], gone: set[int]) -> None:
    left = np.array([row for row in range(8) if row not in gone])
    whole, fewer = tried(key, lent=np.array(lent)), tried(key, rows=left, lent=np.array(lent))
    assert left[fewer.picks].tolist() == [row for row in whole.picks.tolist() if row not in gone]


def test_what_an_item_is_lent_counts_as_chance_and_the_best_are_the_best_without() -> None:
    for key in range(200):
        drawn = tried(key, size=1)
        sums = SCORES + LENT - 0.5 * np.log([-np.log(uniform(key, row)) for row in range(8)])
        won = int(drawn.picks[0])
        assert won == int(sums.argmax())
        assert SCORES[won] + drawn.chance[0] == pytest.approx(sums[won])
        assert drawn.explored[0] == (won != 0)


def test_without_chance_nothing_is_tried() -> None:
    drawn = drawing.draw(SCORES, NO_CONTENT, ROWS, 8, 0.0, 0.0, 1, lent=LENT)
    assert drawn.picks.tolist() == ROWS.tolist()
    assert not drawn.chance.any()


def test_slots_are_drawn_as_often_as_their_propensities_say_also_after_penalties() -> None:
    sessions = 20_000
    slates = Counter(tuple(draw(drawing.noise_key(1, f"s{n}"), size=2).picks.tolist()) for n in range(sessions))
    for slate in ((0, 1), (0, 2), (1, 0), (2, 0), (4, 5), (6, 7)):
        expected = float(np.prod(plain_propensities(SCORES, CONTENT, list(slate), 0.5)))
        deviation = (expected * (1 - expected) / sessions) ** 0.5
        assert slates[slate] / sessions == pytest.approx(expected, abs=4 * deviation)


def test_a_slate_stays_as_it_is_when_an_item_that_was_not_on_it_goes() -> None:
    for key in range(50):
        whole = draw(key, content=NO_CONTENT, size=4)
        left = np.setdiff1d(np.arange(8), whole.picks)[0]
        rows = np.delete(np.arange(8), left)
        fewer = drawing.draw(SCORES[rows], NO_CONTENT, rows, 4, 0.5, 0.6, key)
        np.testing.assert_array_equal(rows[fewer.picks], whole.picks)


def test_an_item_that_goes_leaves_the_others_in_order() -> None:
    for key in range(50):
        whole = draw(key, content=NO_CONTENT, size=8)
        rows = np.delete(np.arange(8), whole.picks[0])
        fewer = drawing.draw(SCORES[rows], NO_CONTENT, rows, 7, 0.5, 0.6, key)
        np.testing.assert_array_equal(rows[fewer.picks], whole.picks[1:])


def test_without_exploration_the_best_is_served_with_certainty_and_ties_go_by_row() -> None:
    drawn = draw(3, scores=np.zeros(8), content=NO_CONTENT, temperature=0.0)
    assert drawn.picks.tolist() == [0, 1, 2]
    assert drawn.propensities.tolist() == [1.0, 1.0, 1.0]
    assert not drawn.explored.any()


def test_likeness_to_a_slot_above_costs_its_share() -> None:
    assert draw(3, temperature=0.0).picks.tolist() == [0, 2, 1]


def test_explored_marks_every_slot_that_the_best_did_not_get() -> None:
    for key in range(30):
        drawn = draw(key, content=NO_CONTENT, size=8)
        left = list(range(8))
        for pick, explored in zip(drawn.picks.tolist(), drawn.explored.tolist(), strict=True):
            assert explored == (pick != left[0])
            left.remove(pick)


def test_far_behind_is_never_a_division_by_zero() -> None:
    drawn = draw(1, scores=np.array([0.0, -1e5, -1e6, -1e6, -1e6, -1e6, -1e6, -1e6]), size=8, temperature=0.01)
    assert drawn.picks[:2].tolist() == [0, 1]
    assert np.isfinite(drawn.propensities).all()


def test_noise_depends_on_seed_and_session() -> None:
    keys = {drawing.noise_key(seed, session) for seed in (1, 2) for session in ("a", "b")}
    assert len(keys) == 4
    assert all(0 <= key < 2**63 for key in keys)


# -- slates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def visit() -> Visit:
    found = Visit(trained_world())
    served = found.show(found.for_you(), seen=6)
    found.click(served.items[2], served.slate, 2)
    return found


def test_a_slate_is_logged_with_all_that_learning_needs(visit: Visit) -> None:
    slate = visit.for_you()
    event = slate.event("abc", "visitor", START_MS, arm="test", visitor="v", simulated=True)
    assert decode(encode(event)) == event
    assert (event.items, event.propensities, event.version) == (slate.items, slate.propensities, visit.world.offset)
    shown = ShownSlate.from_event(event, slate.rows)
    assert shown is not None
    np.testing.assert_allclose(shown.signals, slate.signals, rtol=1 / 2_048, atol=1e-7)
    assert slate.signals.shape == (CONFIG.slate_size, SIGNAL_COUNT)


def test_signals_served_are_the_signals_of_the_items_served(visit: Visit) -> None:
    slate = visit.for_you()
    world, now_ms = visit.world, visit.clock.now_ms()
    again = ranking.score(world, visit.session, np.array(slate.rows), now_ms)
    np.testing.assert_array_equal(again.signals, slate.signals)
    assert tuple(again.scores.tolist()) == slate.scores


@pytest.mark.parametrize("exploration", [0.0, 0.3])
def test_contributions_add_up_to_the_score_and_to_what_the_draw_added(visit: Visit, exploration: float) -> None:
    slate, scored, _ = ranked(visit, exploration)
    strengths = slate.strengths
    assert strengths is not None
    scores = scored.scores[list(slate.rows)]
    np.testing.assert_allclose(strengths.parts.sum(axis=1), scores - scored.scores.mean(), atol=1e-9)
    for slot in range(len(slate.rows)):
        contributions = strengths.contributions(slot)
        assert tuple(contributions) == (*PARTS, *DRAWN)
        drawn = strengths.drawn[slot].sum()
        assert sum(contributions.values()) == pytest.approx(scores[slot] - scored.scores.mean() + drawn, abs=1e-9)
        assert exploration or contributions["chance"] == 0.0


def test_what_no_reason_names_is_the_part_called_other(visit: Visit) -> None:
    slate, scored, _ = ranked(visit)
    mixed = [*map(SIGNALS.index, FACTS), NETWORK, *range(CONTEXT_START, NUMBER_START)]
    weights = (visit.world.model.weight_mean() + visit.session.belief.delta_mean())[mixed]
    others = scored.design[:, mixed] @ weights
    for slot, row in enumerate(slate.rows):
        expected = float(others[row] - others.mean())
        assert slate.strengths.contributions(slot)["other"] == pytest.approx(expected, abs=1e-6)


@given(key=st.integers(0, 2**63 - 1))
def test_whoever_has_the_largest_sum_has_won_the_slot(key: int) -> None:
    drawn = draw(key, size=1, temperature=0.5)
    fuel = np.array([-np.log(uniform(key, row)) for row in range(len(SCORES))])
    sums = SCORES - 0.5 * np.log(fuel)
    assert int(drawn.picks[0]) == int(sums.argmax())
    assert SCORES[drawn.picks[0]] + drawn.chance[0] == pytest.approx(sums.max())


def test_each_reason_is_the_largest_lead_over_the_average_candidate(visit: Visit) -> None:
    slate, _, parts = ranked(visit)
    names = ("popular", "new", "neighbours", "session", "taste")
    for row, reason in zip(slate.rows, slate.reasons, strict=True):
        leads = dict(zip(names, (parts[row] - parts.mean(axis=0)).tolist(), strict=False))
        assert reason.kind == max(leads, key=lambda kind: leads[kind])
        assert reason.contribution == pytest.approx(leads[reason.kind], abs=1e-5)


def ranked(visit: Visit, exploration: float = 0.0) -> tuple[ranking.Slate, ranking.Scored, np.ndarray]:
    """Rank the whole catalogue; return the slate, all scores, and all scores' parts."""
    rows = np.arange(len(visit.world.items))
    everything = neighbours.votes(visit.world, visit.session.known, rows)
    config, now_ms = EngineConfig(exploration=exploration), visit.clock.now_ms()
    slate = ranking.rank(config, visit.world, visit.session, everything, now_ms, 12)
    scored = ranking.score(visit.world, visit.session, rows, now_ms)
    return slate, scored, _parts(visit.world, visit.session, scored.design, scored.scores)


def test_reasons_name_items_of_the_session_or_tastes_of_the_item(visit: Visit) -> None:
    for row, reason in zip(visit.for_you().rows, visit.for_you().reasons, strict=True):
        if reason.kind in ("session", "neighbours"):
            clicked = {visit.world.catalogue[clicked].item for clicked in visit.session.context.clicked}
            assert set(reason.because) <= clicked
        if reason.kind == "taste":
            film = visit.world.catalogue[row]
            assert set(reason.because) <= {*film.categories, f"{(film.year or 0) // 10 * 10}s"}


def test_a_draw_against_the_odds_is_named_as_such() -> None:
    config = EngineConfig(exploration=3.0)
    visit = Visit(trained_world(), config=config)
    slate = visit.for_you()
    assert any(slate.explored)
    assert tuple(reason.kind == "explored" for reason in slate.reasons) == slate.explored
    logged = slate.event("abc", "visitor", START_MS).explored
    assert [slate.explored[position] for position in logged] == [True] * sum(slate.explored)


def test_a_session_that_knows_more_explores_less() -> None:
    visit = Visit(trained_world())
    design = ranking.score(visit.world, visit.session, np.arange(len(visit.world.items)), visit.world.now_ms).design
    assert doubt(visit.session, design) == pytest.approx(1.0)
    for _ in range(3):
        before = doubt(visit.session, design)
        served = visit.show(visit.for_you())
        visit.click(served.items[0], served.slate, 0)
        assert LEAST_DOUBT <= doubt(visit.session, design) < before


def test_the_control_arm_explores_at_the_configured_temperature() -> None:
    visit = Visit(trained_world(), adaptive=False)
    assert doubt(visit.session, np.ones((3, WIDTH), dtype=np.float32)) == 1.0


def test_fixed_lists_keep_their_order_with_certainty(visit: Visit) -> None:
    slate, _ = ranking.fixed(visit.world, visit.session, "search", [[9, 3, 5], [3]], visit.clock.now_ms())
    assert slate.rows == (9, 3, 5)
    assert slate.propensities == (1.0, 1.0, 1.0)
    assert slate.signals.shape == (3, SIGNAL_COUNT)
    assert slate.reasons == ()


def test_no_candidates_make_an_empty_slate() -> None:
    visit = Visit(empty_world())
    nothing = retrieve(visit.world, visit.session.known)
    slate = ranking.rank(CONFIG, visit.world, visit.session, nothing, START_MS, 12)
    assert slate.items == ()
    assert slate.event("a", "s", START_MS).signals == b""
