"""Items that hardly anything is known of: who they are, and that each has its turn."""

import numpy as np

from recsys.events import ItemRemoved
from recsys.models.appeal import VARIANCE
from recsys.retrieval.unproven import LATEST, PROVEN, TAKEN, deviations, unproven
from tests.unit.engine_samples import empty_world

KEYS = range(1_000, 1_200)


def test_every_unproven_item_has_its_turn_and_a_session_keeps_its_own() -> None:
    world = empty_world(300)
    taken = [set(unproven(world, key).tolist()) for key in KEYS]
    assert all(len(rows) == TAKEN for rows in taken)
    assert set.union(*taken) == set(range(300))
    assert unproven(world, KEYS[0]).tolist() == unproven(world, KEYS[0]).tolist()
    assert taken[0] != taken[1]


def test_a_session_takes_more_often_what_did_well_and_less_often_what_did_badly() -> None:
    world = empty_world(60)
    world.items["appeal_information"][:2] = 1.0
    world.items["appeal_shift"][:2] = 2.0, -2.0
    taken = np.concatenate([unproven(world, key) for key in KEYS])
    liked, disliked, *others = np.bincount(taken, minlength=60) / len(KEYS)
    assert liked > np.mean(others) + 0.2
    assert 0 < disliked < np.mean(others) - 0.1


def test_what_entered_last_has_its_turn_more_often_in_a_large_catalogue() -> None:
    world = empty_world(3 * LATEST)
    taken = np.concatenate([unproven(world, key) for key in KEYS])
    late = float(np.mean(taken >= 2 * LATEST))
    assert 0.6 < late < 0.75  # every second look, and a third of the others


def test_an_item_is_proven_by_the_clicks_that_were_expected_of_it_or_by_those_that_it_had() -> None:
    world = empty_world(40)
    world.items["appeal_information"][3] = PROVEN
    world.items["appeal_information"][4] = PROVEN / 2
    world.rings["postings"][5] = int(PROVEN) + 1
    world.remove_item(ItemRemoved(event_time_ms=0, item="film-6"))
    taken = set(np.concatenate([unproven(world, key) for key in KEYS]).tolist())
    assert taken == set(range(40)) - {3, 5, 6}


def test_what_is_tried_is_as_uncertain_as_little_is_known_of_it() -> None:
    world = empty_world(40)
    world.items["appeal_information"][4] = PROVEN / 2
    found = deviations(world, np.array([0, 4, 7]), tried=np.array([4, 0]))
    np.testing.assert_allclose(found, [VARIANCE**0.5, (1.0 / (1.0 / VARIANCE + PROVEN / 2)) ** 0.5, 0.0])


def test_an_empty_catalogue_has_nothing_unproven() -> None:
    assert unproven(empty_world(), 1).tolist() == []
