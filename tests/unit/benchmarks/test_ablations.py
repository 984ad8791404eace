"""Taking a part out from outside leaves no trace of it in what the engine describes items by."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import ablations, registry
from recsys import features
from recsys.layout import SIGNAL_COUNT
from tests.unit.benchmarks import known_structure as known


@pytest.mark.parametrize("part", ablations.PARTS)
def test_columns_of_the_part_are_zero(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "signals", lambda: np.ones((3, SIGNAL_COUNT)))
    monkeypatch.setattr(features, "design", lambda: np.ones((3, SIGNAL_COUNT + 1)))
    ablations.take_out(ablations.PARTS[part])
    signals, design = (getattr(features, name)() for name in ("signals", "design"))
    rows = np.concatenate([signals, np.ones((3, 1))], axis=1)
    emptied = np.flatnonzero((design == 0.0).all(axis=0)).tolist()
    assert emptied == sorted(ablations.PARTS[part])
    assert [column for column in emptied if column < SIGNAL_COUNT] == np.flatnonzero((rows == 0.0).all(axis=0)).tolist()


def test_every_part_is_a_contender_of_both_kinds() -> None:
    names = {f"freshet-without-{part}" for part in ablations.PARTS}
    assert all(names <= set(engines) for engines in registry.ENGINES.values())


def test_the_engine_runs_without_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("signals", "design"):
        monkeypatch.setattr(features, name, getattr(features, name))
    known.sessions(tmp_path)
    whole = known.next_items(tmp_path, "freshet", "frozen")
    less = known.next_items(tmp_path, "freshet-without-votes-apart", "frozen")
    assert less.figures["predictions"] == whole.figures["predictions"]
    assert less.paired["mrr_at_20"].tolist() != whole.paired["mrr_at_20"].tolist()
