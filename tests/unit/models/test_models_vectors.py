"""Item vectors: what is clicked together comes together; affinities are cosines; all is a function of the clicks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.layout import VECTOR_WIDTH
from recsys.models import vectors
from recsys.models.random import uniform, uniforms
from recsys.tables import Table

ITEMS = 200
FADING = np.exp(-np.arange(vectors.CLICKS) / vectors.DECAY)


def table(items: int = ITEMS) -> Table:
    """Return vectors of items that nobody clicked yet."""
    made = Table({"vector": ("f4", (VECTOR_WIDTH,), 0.0), "length": ("f4", (), 0.0), "squares": ("f4", (), 0.0)})
    made.grow(items)
    for row in range(items):
        vectors.initialise(made, row)
    made.settle()
    return made


def learn(
    of: Table, clicked: list[int], row: int, draw: int, heard: list[int] | None = None, beside: tuple[int, ...] = ()
) -> None:
    """Learn that `row` came after `clicked` (newest first)."""
    known = np.array(range(len(of)) if heard is None else heard, dtype=np.int32)
    newest_first = np.array(clicked, dtype=np.int64)
    others = np.array(beside, dtype=np.int64)
    columns = of["vector"], of["length"], of["squares"]
    vectors.learn_next(*columns, known, newest_first, row, others, vectors.DRAWN, draw, of.changed)


def whole(of: Table) -> dict[str, bytes]:
    return {name: column.tobytes() for name, column in of.whole().items()}


def cosines(of: Table) -> np.ndarray:
    units = of["vector"].astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return units @ units.T


CLICKED = st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=12, unique=True)


@given(clicked=CLICKED, rows=st.lists(st.integers(0, ITEMS - 1), unique=True, max_size=20))
def test_affinities_are_cosines_with_the_session_its_last_click_and_the_nearest_before(
    clicked: list[int], rows: list[int]
) -> None:
    made = table()
    unit = made["vector"].astype(np.float64) / np.linalg.norm(made["vector"].astype(np.float64), axis=1)[:, None]
    taken = clicked[: vectors.CLICKS]
    session = FADING[: len(taken)] @ made["vector"][taken].astype(np.float64)
    earlier = clicked[1 : 1 + vectors.EARLIER] or clicked[:1]
    expected = np.stack(
        [
            unit[rows] @ (session / np.linalg.norm(session)),
            unit[rows] @ unit[clicked[0]],
            (unit[rows] @ unit[earlier].T).max(axis=1, initial=-1.0),
        ],
        axis=1,
    )
    found = np.full((len(rows), 5), 7.0, dtype=np.float32)
    newest_first, asked = np.array(clicked, dtype=np.int64), np.array(rows, dtype=np.int64)
    vectors.affinities(made["vector"], made["length"], newest_first, asked, found, 1)
    np.testing.assert_allclose(found[:, 1:4], expected, atol=1e-5)
    assert (found[:, [0, 4]] == 7.0).all(), "other columns are others'"
    np.testing.assert_allclose(
        vectors.session_vector(made["vector"], newest_first), session / np.linalg.norm(session), atol=1e-5
    )


def test_items_clicked_together_come_closer_than_others() -> None:
    made, rng = table(), np.random.default_rng(1)
    before = cosines(made)
    for draw in range(3_000):
        group = rng.permutation(np.arange(5) + 5 * rng.integers(ITEMS // 5))
        learn(made, group[:2].tolist(), int(group[2]), draw)
    after, together = cosines(made), np.equal.outer(np.arange(ITEMS) // 5, np.arange(ITEMS) // 5)
    np.fill_diagonal(before, np.nan)
    np.fill_diagonal(after, np.nan)
    assert np.nanmean(before[together]) < 0.2
    assert np.nanmean(after[together]) > np.nanmean(after[~together]) + 0.5
    assert np.nanmin(after[together]) > np.nanmean(after[~together])


@given(clicked=CLICKED, row=st.integers(0, ITEMS - 1), draw=st.integers(0, 2**40))
def test_the_same_draw_number_gives_the_same_bytes_and_marks_exactly_what_changed(
    clicked: list[int], row: int, draw: int
) -> None:
    one, two, before = table(), table(), table()
    learn(one, clicked, row, draw)
    learn(two, clicked, row, draw)
    assert whole(one) == whole(two)
    differs = np.zeros(ITEMS, dtype=np.bool_)
    for name, column in one.whole().items():
        differs |= (column != before[name]).reshape(ITEMS, -1).any(axis=1)
    np.testing.assert_array_equal(one.changed, differs)
    np.testing.assert_allclose(one["length"], np.linalg.norm(one["vector"].astype(np.float64), axis=1), rtol=1e-5)


def test_another_draw_number_draws_other_items() -> None:
    one, two = table(2_000), table(2_000)
    learn(one, [0], 1, draw=1)
    learn(two, [0], 1, draw=2)
    assert whole(one) != whole(two)


def test_only_items_that_were_clicked_before_are_pushed_away() -> None:
    made = table()
    learn(made, [0, 1], 2, draw=3, heard=[5, 6])
    assert set(np.flatnonzero(made.changed).tolist()) <= {0, 1, 2, 5, 6}


def test_what_could_have_been_clicked_as_well_is_pushed_away() -> None:
    made = table()
    learn(made, [0, 1], 2, draw=3, heard=[5], beside=(7, 2, 5))
    assert set(np.flatnonzero(made.changed).tolist()) == {0, 1, 2, 5, 7}
    session = np.array([0, 1])
    before, after = (vectors.session_vector(of["vector"], session) @ of["vector"][7] for of in (table(), made))
    assert after < before


@pytest.mark.parametrize("known", [1, 2, 5, vectors.DRAWN, vectors.DRAWN + 1])
def test_a_step_is_bounded_however_few_items_are_known(known: int) -> None:
    made = table()
    learn(made, [0], known, draw=1, heard=list(range(known)))
    assert cosines(made)[0, known] > cosines(table())[0, known] + 0.3
    assert made["length"].max() < 4.0


def test_clicks_beyond_the_sessions_memory_do_not_matter() -> None:
    one, two = table(), table()
    newest = list(range(vectors.CLICKS))
    learn(one, [*newest, 20, 21], 30, draw=1)
    learn(two, newest, 30, draw=1)
    assert whole(one) == whole(two)


def test_a_step_makes_what_came_next_likelier() -> None:
    made = table()
    before = cosines(made)[3, 4]
    learn(made, [3], 4, draw=9)
    assert cosines(made)[3, 4] > before


@given(row=st.integers(0, 200))
def test_a_first_vector_depends_on_the_row_alone_and_is_about_as_long_as_any(row: int) -> None:
    alone, among = table(201), table(row + 1)
    assert alone["vector"][row].tobytes() == among["vector"][row].tobytes()
    assert 0.6 < alone["length"][row] < 1.4
    assert alone["squares"][row] == np.float32(vectors.FIRST_SQUARE)


@pytest.mark.parametrize("row", [0, 7])
def test_numbered_draws_are_between_0_and_1_and_depend_on_their_number_alone(row: int) -> None:
    drawn = uniforms(row, 10_000)
    assert 0.0 < drawn.min() < 0.01 and 0.99 < drawn.max() < 1.0
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert [uniform(row, number) for number in (0, 5, 9_999)] == drawn[[0, 5, 9_999]].tolist()
    np.testing.assert_array_equal(uniforms(row, 10), drawn[:10])
