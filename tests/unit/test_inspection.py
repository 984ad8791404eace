"""Portraits: what a world believes, and that looking changes nothing."""

import numpy as np
import pytest

from recsys import copying, inspection, statistics
from recsys.models import appeal
from tests.unit.engine_samples import empty_world, trained_world


def test_every_weight_that_has_a_meaning_is_named_once() -> None:
    world = trained_world()
    portrait = inspection.portrait(world)
    assert len(set(portrait.weights)) == len(portrait.weights)
    assert {f"taste:{name}" for name in world.tastes} <= set(portrait.weights)
    assert {"votes", "network", "position", "number:year", "number:year^2"} <= set(portrait.weights)
    assert not any(name.partition(":")[2].isdigit() for name in portrait.weights)


def test_what_was_learned_is_surer_than_what_was_not() -> None:
    portrait = inspection.portrait(trained_world())
    fresh = inspection.portrait(empty_world(3))
    place = portrait.weights.index("position")
    assert portrait.deviation[place] < fresh.deviation[fresh.weights.index("position")]
    assert fresh.appeal_deviation == pytest.approx(np.sqrt([appeal.VARIANCE] * 3))


def test_appeals_are_those_that_scoring_reads() -> None:
    world = trained_world()
    mean, variance = inspection.item_appeals(world)
    columns = (world.items[name] for name in ("appeal_information", "appeal_shift", "appealed_ms"))
    information, shift, known_ms = columns
    fading = statistics.fading(world)
    for row in range(0, len(world.catalogue), 17):
        read = appeal.appeal(information[row], shift[row], world.now_ms - known_ms[row], fading)
        assert mean[row] == pytest.approx(read, abs=1e-12)
    assert np.all((variance > 0) & (variance <= appeal.VARIANCE))


def test_looking_changes_nothing() -> None:
    world = trained_world()
    before = {name: array.tobytes() for name, array in copying.state(world)[1].items()}
    inspection.portrait(world)
    assert {name: array.tobytes() for name, array in copying.state(world)[1].items()} == before
