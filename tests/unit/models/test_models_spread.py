"""How much sessions differ is learned from how they go on: more where they do, less where they don't."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.errors import CorruptState
from recsys.layout import TASTE_START, WIDTH
from recsys.models.spread import LARGEST, SMALLEST, Spread
from recsys.sessions import SessionBelief

#: Columns of a design: sessions differ in one, all want the same of another, and nobody cares for the third.
DIFFER, AGREE, FIXED = TASTE_START, TASTE_START + 1, 0
START = 0.3


def started() -> Spread:
    variance = np.full(WIDTH, START)
    variance[FIXED] = 0.0
    return Spread(variance)


def a_session(spread: Spread, rng: np.random.Generator, wants: float, choices: int = 8) -> None:
    """Let one session choose by its own weights and the spread learn from it, as the fold does."""
    truth, world = np.zeros(WIDTH), np.zeros(WIDTH)
    truth[DIFFER], truth[AGREE] = wants, 1.0
    world[AGREE] = 1.0
    belief = SessionBelief(spread.variance().copy())
    for _ in range(choices):
        design = np.zeros((6, TASTE_START + 2), dtype=np.float32)
        design[:, [DIFFER, AGREE, FIXED]] = rng.normal(size=(6, 3))
        shares = np.exp(design @ truth[: design.shape[1]])
        chosen = int(rng.choice(6, p=shares / shares.sum()))
        base = design @ world[: design.shape[1]]
        delta, information = belief.delta_mean(), belief.information().copy()
        evidence = belief.learn_choice(design, chosen, base.astype(np.float64), 0.999)
        spread.learn(evidence.shift - evidence.information * delta[: design.shape[1]], delta, information)


def test_what_sessions_truly_differ_in_gets_more_variance_than_what_they_agree_on() -> None:
    spread, rng = started(), np.random.default_rng(1)
    for _ in range(600):
        a_session(spread, rng, wants=float(rng.choice((-1.5, 1.5))))
    variance = spread.variance()
    assert variance[DIFFER] > 1.0 > START > variance[AGREE]
    assert variance[FIXED] == 0.0


def test_where_sessions_do_not_differ_the_variance_falls() -> None:
    spread, rng = started(), np.random.default_rng(2)
    for _ in range(600):
        a_session(spread, rng, wants=0.0)
    assert spread.variance()[DIFFER] < START / 2


FLOATS = st.floats(-1e6, 1e6)


@given(
    variance=hnp.arrays("f8", 4, elements=st.sampled_from([0.0, SMALLEST, 0.3, LARGEST])),
    steps=st.lists(
        st.tuples(
            hnp.arrays("f8", st.integers(0, 4), elements=FLOATS),
            hnp.arrays("f8", 4, elements=FLOATS),
            hnp.arrays("f8", 4, elements=st.floats(0, 1e6)),
        ),
        max_size=8,
    ),
)
def test_variances_stay_within_their_bounds_and_zero_stays_zero(
    variance: np.ndarray, steps: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    spread = Spread(variance)
    for gradient, delta, information in steps:
        spread.learn(gradient, delta, information)
    learned = spread.variance()
    assert (learned[variance == 0.0] == 0.0).all()
    assert ((learned >= SMALLEST) & (learned <= LARGEST))[variance > 0.0].all()


def test_a_session_that_has_not_moved_says_nothing() -> None:
    spread = started()
    before = {name: array.tobytes() for name, array in spread.state().items()}
    spread.learn(np.ones(WIDTH), np.zeros(WIDTH), np.ones(WIDTH))
    assert {name: array.tobytes() for name, array in spread.state().items()} == before


def test_moving_the_way_that_the_next_choice_shows_raises_the_variance_and_the_other_way_lowers_it() -> None:
    spread = Spread(np.full(3, START))
    spread.learn(np.array([1.0, -1.0]), np.array([0.5, 0.5, 0.5]), np.zeros(3))
    up, down, unseen = spread.variance().tolist()
    assert up > START > down
    assert unseen == START, "columns that the choice does not have stay as they are"


def test_a_restored_spread_goes_on_to_the_same_bytes() -> None:
    made, copy = started(), Spread(np.zeros(WIDTH))
    a_session(made, np.random.default_rng(3), wants=1.0)
    copy.restore({name: np.array(array) for name, array in made.state().items()})
    for each in (made, copy):
        a_session(each, np.random.default_rng(4), wants=-1.0)
    assert {name: array.tobytes() for name, array in copy.state().items()} == {
        name: array.tobytes() for name, array in made.state().items()
    }


@pytest.mark.parametrize("name", ["variance", "squares"])
def test_state_that_does_not_fit_is_refused_and_changes_nothing(name: str) -> None:
    spread, state = started(), {key: 2.0 * array for key, array in started().state().items()}
    before = {key: array.tobytes() for key, array in spread.state().items()}
    for wrong in (
        {key: array for key, array in state.items() if key != name},
        {**state, name: state[name].astype(np.float32)},
        {**state, name: state[name][:-1]},
    ):
        with pytest.raises(CorruptState, match=f"spread array '{name}'"):
            spread.restore(wrong)
    assert {key: array.tobytes() for key, array in spread.state().items()} == before
