"""Cold starts on a small generated market, through the site's own recommender and fold."""

import json
from pathlib import Path

import pytest

from benchmarks.quality import cold_start, entries, new_items
from benchmarks.quality.cli import main
from benchmarks.quality.generated import Market
from benchmarks.quality.simulated_site import SimulatedSite

SMALL = {"ITEMS": 40, "EARLIER_VISITS": 60, "NEW_VISITORS": 20}
NEW = {"NEW_ITEMS": 8, "VISITS": 40, "MARKETS": 2}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(cold_start, name, value)
    for name, value in (("VISITS", 40), ("NEW_VISITORS", 20)):
        monkeypatch.setattr(entries, name, value)
    for name, value in NEW.items():
        monkeypatch.setattr(new_items, name, value)
    monkeypatch.setattr(cold_start, "FIRST_VISITS", 150)
    monkeypatch.setattr(cold_start, "PARTS", ((0, 100), (100, 150)))


@pytest.mark.usefixtures("small")
def test_site_that_starts_with_nothing_is_never_empty_and_soon_better_than_popularity() -> None:
    found = cold_start.new_everything(Market(SMALL["ITEMS"], seed=1), seed=1)
    assert found["freshet"]["empty_slates"] == 0
    ours, popular = (found[name]["visits 101 to 150"]["click_through"] for name in ("freshet", "most clicked"))
    assert ours > popular


@pytest.mark.usefixtures("small")
def test_command_writes_every_cold_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What these say of the engine is asked elsewhere; here they need only be there.
    monkeypatch.setattr(new_items, "VISITS", 12)
    monkeypatch.setattr(cold_start, "FIRST_VISITS", 20)
    monkeypatch.setattr(cold_start, "PARTS", ((0, 10), (10, 20)))
    assert main(["cold-start", "--seed", "2", "--json", str(tmp_path / "figures.json")]) == 0
    found = json.loads((tmp_path / "figures.json").read_text())
    assert {"new_visitor", "first_slate", "new_item", "new_everything", "returning_visitor", "exploring"} <= set(found)
    assert "click_through" in capsys.readouterr().out
    adapted = found["new_visitor"]["session"]["5"]["hit_rate"]
    assert adapted > found["new_visitor"]["world only"]["5"]["hit_rate"]


def test_twin_goes_on_as_the_site_itself_would() -> None:
    site = SimulatedSite(Market(20, seed=1), seed=1)
    site.enter(*range(20))
    for number in range(5):
        list(site.visit(number, 3))
    twin = site.twin()
    assert list(twin.visit(5, 4)) == list(site.visit(5, 4))
    assert twin.engine.state_sha256() == site.engine.state_sha256()


def test_best_slate_is_what_nothing_beats() -> None:
    site = SimulatedSite(Market(30, seed=3), seed=1)
    site.enter(*range(30))
    for number in range(5):
        for step in site.visit(number, 3):
            assert step.click_through <= step.possible + 1e-12
            assert 0.0 < step.hit_rate < 1.0
