"""What a session's belief makes of its choices: a Gaussian that adds up, and that can be taken apart again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.layout import CONTEXT_START, NUMBER_START, SIGNAL_COUNT, TASTE_START, WIDTH
from recsys.models.base import NONE_OF_THESE
from recsys.sessions import SessionBelief
from recsys.sessions.belief import prior_variance
from tests.unit.engine_samples import empty_world, trained_world


def genre_design(*genres: int) -> np.ndarray:
    """Return design rows that differ in their taste column and their position."""
    design = np.zeros((len(genres), WIDTH), dtype=np.float32)
    design[np.arange(len(genres)), TASTE_START + np.array(genres)] = 1.0
    design[:, CONTEXT_START] = np.log1p(np.arange(len(genres)))
    return design


@pytest.fixture
def belief() -> SessionBelief:
    return SessionBelief(prior_variance(empty_world()))


def test_a_click_raises_the_taste_chosen_and_lowers_those_passed_over(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1, 2), 0, np.zeros(3))
    tastes = belief.delta_mean()[TASTE_START:]
    assert tastes[0] > 0 > tastes[1]
    assert tastes[1] == tastes[2]
    assert tastes[3] == 0


def test_none_of_these_lowers_all_that_was_seen(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1), NONE_OF_THESE, np.zeros(2))
    assert (belief.delta_mean()[TASTE_START : TASTE_START + 2] < 0).all()


def test_evidence_makes_the_belief_surer(belief: SessionBelief) -> None:
    before = belief.delta_variance().copy()
    belief.learn_choice(genre_design(0, 1), 0, np.zeros(2))
    assert (belief.delta_variance() <= before).all()
    assert belief.delta_variance()[TASTE_START] < before[TASTE_START]


def test_how_an_item_was_shown_says_nothing_about_the_visitor(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1, 2), 2, np.zeros(3))
    assert not belief.delta_mean()[CONTEXT_START:NUMBER_START].any()
    assert not belief.delta_variance()[CONTEXT_START:NUMBER_START].any()


def test_what_a_session_learns_does_not_depend_on_how_often_such_lists_are_clicked(belief: SessionBelief) -> None:
    other = SessionBelief(prior_variance(empty_world()))
    belief.learn_choice(genre_design(0, 1), 0, np.array([0.5, 0.0]))
    other.learn_choice(genre_design(0, 1), 0, np.array([-5.5, -6.0]))
    np.testing.assert_allclose(belief.delta_mean(), other.delta_mean(), atol=1e-12)


def test_evidence_taken_back_leaves_the_belief_as_it_was(belief: SessionBelief) -> None:
    belief.learn_choice(genre_design(0, 1), 0, np.zeros(2))
    mean, variance = belief.delta_mean().copy(), belief.delta_variance().copy()
    evidence = belief.learn_choice(genre_design(1, 2), NONE_OF_THESE, np.zeros(2))
    belief.forget(evidence)
    np.testing.assert_allclose(belief.delta_mean(), mean, atol=1e-12)
    np.testing.assert_allclose(belief.delta_variance(), variance, atol=1e-12)


@given(keep=st.floats(0.0, 1.0))
def test_discounted_evidence_lies_between_the_prior_and_itself(keep: float) -> None:
    belief = SessionBelief(prior_variance(empty_world()))
    prior = belief.delta_variance().copy()
    belief.learn_choice(genre_design(0, 1), 0, np.zeros(2))
    mean, variance = belief.delta_mean().copy(), belief.delta_variance().copy()
    belief.discount(keep)
    assert (np.abs(belief.delta_mean()) <= np.abs(mean) + 1e-12).all()
    assert (belief.delta_variance() >= variance - 1e-12).all()
    assert (belief.delta_variance() <= prior + 1e-12).all()


LISTS = st.lists(st.tuples(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(-1, 3)), max_size=6)


@given(lists=LISTS)
def test_a_belief_survives_its_state_to_the_bit(lists: list[tuple[list[int], int]]) -> None:
    belief = SessionBelief(prior_variance(empty_world()))
    for genres, chosen in lists:
        belief.learn_choice(genre_design(*genres), min(chosen, len(genres) - 1), np.zeros(len(genres)))
    restored = SessionBelief.from_state(belief.to_state())
    assert restored.to_state() == belief.to_state()
    assert restored.delta_mean().tobytes() == belief.delta_mean().tobytes()
    assert restored.delta_variance().tobytes() == belief.delta_variance().tobytes()
    for each in (belief, restored):
        each.learn_choice(genre_design(0, 1), 1, np.zeros(2))
    assert restored.to_state() == belief.to_state()


def test_rows_without_taste_columns_teach_the_columns_that_they_have(belief: SessionBelief) -> None:
    narrow, wide = np.zeros((2, TASTE_START + 3), dtype=np.float32), genre_design(0, 1)
    narrow[:, :] = wide[:, : TASTE_START + 3]
    other = SessionBelief(prior_variance(empty_world()))
    evidence = belief.learn_choice(narrow, 0, np.zeros(2))
    other.learn_choice(wide, 0, np.zeros(2))
    assert belief.delta_mean().tobytes() == other.delta_mean().tobytes()
    belief.forget(evidence)
    assert not belief.delta_mean().any()


def test_sessions_of_a_young_world_start_more_open_than_those_of_an_old_one() -> None:
    young, old = prior_variance(empty_world()), prior_variance(trained_world())
    assert (young[:SIGNAL_COUNT] >= old[:SIGNAL_COUNT]).all()
    assert (young[:SIGNAL_COUNT] > old[:SIGNAL_COUNT]).any()
