"""The engine's quality on generated data with known structure: below these floors something is broken.

The floors leave room for honest changes of the model; what it reaches at present is in `docs/quality.md`.
"""

from pathlib import Path

import pytest

from benchmarks.quality.next_item import Mode
from tests.unit.benchmarks import known_structure as known


@pytest.mark.parametrize("mode", ["frozen", "learning"])
def test_next_items_are_found_nearly_as_well_as_they_can_be(tmp_path: Path, mode: Mode) -> None:
    best = known.sessions(tmp_path)
    figures = known.next_items(tmp_path, "freshet", mode).figures
    counted = known.next_items(tmp_path, "co-counts", mode).figures
    assert figures["hit_rate_at_20"] > 0.8 * best.hit_rate
    assert figures["mrr_at_20"] > 0.62 * best.mrr
    assert figures["mrr_at_20"] > counted["mrr_at_20"] + 0.02
    assert figures["hit_rate_at_20"] > counted["hit_rate_at_20"] + 0.04


def test_sessions_with_a_past_are_predicted_better_than_their_last_click_alone(tmp_path: Path) -> None:
    known.sessions(tmp_path)
    whole, last = (known.next_items(tmp_path, name, "learning").figures for name in ("freshet", "freshet-last-click"))
    assert whole["hit_rate_at_20"] > last["hit_rate_at_20"] + 0.04
    assert whole["by_clicks_seen"]["1"] == last["by_clicks_seen"]["1"]


def test_lists_are_ordered_by_the_visitors_own_taste(tmp_path: Path) -> None:
    best = known.lists(tmp_path)
    ours, world, rate = (
        known.scored(tmp_path, name).figures["ndcg_at_10"] for name in ("freshet", "freshet-world-only", "click-rate")
    )
    assert ours > 0.82 * best
    assert ours > rate + 0.05
    assert ours > world + 0.05


def test_lists_of_a_visitor_become_better_with_their_clicks(tmp_path: Path) -> None:
    known.lists(tmp_path)
    by_visit = known.scored(tmp_path, "freshet", begin=0.0).figures["by_visit"]
    first = by_visit["1"]["ndcg_at_10"]
    later = sum(by_visit[visit]["ndcg_at_10"] for visit in ("4", "5", "6+")) / 3
    assert later > first + 0.05


def test_the_same_run_gives_the_same_figures(tmp_path: Path) -> None:
    known.sessions(tmp_path)
    first, second = (known.next_items(tmp_path, "freshet", "learning") for _ in range(2))
    assert first.paired["mrr_at_20"].tolist() == second.paired["mrr_at_20"].tolist()
