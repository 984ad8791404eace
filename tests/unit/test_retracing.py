"""What a session did before after its last click: offered again, and told apart from what it merely opened."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import features
from recsys.layout import RETRACED, SIGNALS
from recsys.retrieval.candidates import retrieve
from recsys.retrieval.retracing import AHEAD, AHEAD_DECAY, PLACE_DECAY, retraced
from recsys.sessions import SessionContext
from recsys.sessions.context import TRAIL
from recsys.world import SESSION_CLICKS
from tests.unit.engine_samples import START_MS, trained_world


def found(*trail: int) -> dict[int, tuple[float, float]]:
    rows, shares = retraced(np.array(trail, dtype=np.int64))
    return {row: (after, soon) for row, (after, soon) in zip(rows.tolist(), shares.tolist(), strict=True)}


def test_what_was_never_clicked_before_says_nothing() -> None:
    assert found() == found(1) == found(1, 2, 3) == {}


def test_what_came_next_counts_most_and_what_came_soon_after_it_less() -> None:
    shares = found(1, 2, 3, 1)
    assert list(shares) == [2, 3, 1], "nearest first"
    assert shares[2] == (1.0, 1.0)
    assert shares[3] == (0.0, pytest.approx(np.exp(-1 / AHEAD_DECAY)))


def test_later_places_count_more_and_shares_of_the_next_click_sum_to_one() -> None:
    shares = found(1, 2, 5, 1, 3, 6, 1)
    assert shares[3][0] == pytest.approx(1 / (1 + np.exp(-1 / PLACE_DECAY)))
    assert shares[2][0] + shares[3][0] == pytest.approx(1.0)


def test_a_place_counts_by_how_many_clicks_before_it_were_the_same() -> None:
    assert found(9, 8, 1, 2, 7, 1, 3, 9, 8, 1)[2][0] > 0.8, "three agree, though the other place is the later one"


def test_the_same_item_again_is_what_came_next_too() -> None:
    assert found(1, 1, 1)[1][0] == 1.0


@given(trail=st.lists(st.integers(0, 5), max_size=TRAIL))
def test_shares_are_of_the_session_alone_and_never_above_the_whole(trail: list[int]) -> None:
    shares = found(*trail)
    came_next = {after for before, after in pairwise(trail) if before == trail[-1]}
    assert {row for row, (after, _) in shares.items() if after > 0.0} == came_next
    assert sum(after for after, _ in shares.values()) == pytest.approx(1.0 if came_next else 0.0)
    assert all(after <= soon + 1e-12 for after, soon in shares.values())
    assert sum(soon for _, soon in shares.values()) <= AHEAD


def test_a_list_longer_than_what_the_session_remembers_of_items_is_offered_as_it_goes_round() -> None:
    world, context = trained_world(), SessionContext("s")
    tracks = list(range(SESSION_CLICKS + 10))
    for row in [*tracks, *tracks[:3]]:
        context.click(row, START_MS)
    after = tracks[3]
    assert after not in context.clicked
    rows = retrieve(world, context).rows
    assert after in rows
    table = features.signals(world, context, rows, START_MS)
    columns = [table[:, SIGNALS.index(name)] for name in RETRACED]
    assert [rows[column.argmax()] for column in columns] == [after, after]
    assert [column.max() for column in columns] == [1.0, 1.0]
