"""Factors find what a history's sessions like."""

import numpy as np
import pytest

from recsys.errors import DatasetError
from recsys.simulation.factors import fit
from tests.unit.simulation.histories import GENRES, genre_of, history


def test_tastes_of_the_history_prefer_the_genre_that_their_sessions_clicked():
    factors = fit(history(), k=3)
    genres = np.array([genre_of(item) for item in factors.items])
    liking = factors.tastes @ factors.vectors.T
    means = np.stack([liking[:, genres == genre].mean(axis=1) for genre in range(len(GENRES))], axis=1)
    assert (means.argmax(axis=1) == np.arange(len(means)) % len(GENRES)).mean() > 0.95


def test_liking_has_a_standard_deviation_of_one():
    factors = fit(history(), k=3)
    assert (factors.tastes @ factors.vectors.T).std() == pytest.approx(1.0)


def test_item_that_is_clicked_more_where_it_is_seen_has_more_appeal():
    events = history()
    wanted = [event for event in events if event.item != "7" or event.tag() == "impression"]
    assert fit(wanted, k=3).appeal[fit(wanted, k=3).items.index("7")] == fit(wanted, k=3).appeal.min()


def test_same_history_gives_the_same_factors():
    one, other = fit(history(), k=3), fit(history(), k=3)
    assert one.items == other.items
    assert one.vectors.tobytes() == other.vectors.tobytes()


def test_history_without_enough_sessions_is_refused_with_what_it_lacks():
    with pytest.raises(DatasetError, match="expected 16 or more sessions that saw 15 or more items, received 4"):
        fit(history(sessions=4))
