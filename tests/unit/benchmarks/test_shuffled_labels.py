"""Labels without meaning teach nothing beyond popularity: a contender that finds more was told the future."""

from pathlib import Path

import pytest

from benchmarks.quality.contenders import Shown
from benchmarks.quality.next_item import Mode
from benchmarks.quality.outcome import difference
from benchmarks.quality.session_lines import Line
from benchmarks.quality.shuffling import Draws, moved
from tests.unit.benchmarks import known_structure as known


@pytest.mark.parametrize("mode", ["frozen", "learning"])
def test_shuffled_sessions_give_no_lift_over_popularity(tmp_path: Path, mode: Mode) -> None:
    known.sessions(tmp_path)
    ours, popularity = (known.next_items(tmp_path, name, mode, shuffled=True) for name in ("freshet", "popularity"))
    _, low, _ = difference(ours, popularity, "hit_rate_at_20")
    assert low < 0.0
    assert ours.figures["hit_rate_at_20"] < popularity.figures["hit_rate_at_20"] + 0.02


def test_shuffled_lists_give_no_lift_over_chance(tmp_path: Path) -> None:
    known.lists(tmp_path)
    ours, rate = (known.scored(tmp_path, name, shuffled=True) for name in ("freshet", "click-rate"))
    _, low, _ = difference(ours, rate, "ndcg_at_10")
    assert low < 0.0
    assert abs(ours.figures["auc_within_lists"] - 0.5) < 0.04


def test_draws_know_only_lines_up_to_their_own() -> None:
    lines = [Line(1, ["a", "a"]), Line(2, ["b"] * 50), Line(3, ["c"])]
    drawn = [line.items for line in Draws(seed=1)(lines)]
    assert drawn[0] == ["a", "a"]
    assert set(drawn[1]) == {"a", "b"}
    assert [len(items) for items in drawn] == [2, 50, 1]


def test_moved_clicks_are_as_many_on_the_same_list() -> None:
    shown = Shown("1", "v", 0, tuple("abcdefgh"), ("a", "b", "c"))
    clicked = moved(shown, seed=1)
    assert len(set(clicked)) == 3
    assert set(clicked) <= set(shown.items)
    assert clicked == moved(shown, seed=1)
