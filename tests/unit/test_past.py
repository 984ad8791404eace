"""A world of the past is the world that was, bit for bit, or it is said to be gone."""

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys import copying
from recsys.config import EngineConfig
from recsys.errors import WorldGone
from recsys.learner import Learner
from recsys.log.memory import MemoryLog
from recsys.offsets import ORIGIN, Offset
from recsys.past import Past
from recsys.store.base import Keeping, Manifest
from recsys.store.memory import MemorySnapshots
from recsys.world import World
from tests.unit.streams import recorded, stream

CONFIG = EngineConfig(attribution_window_s=120, session_gap_s=900)
LOG = stream(seed=5, events=240)
OFFSETS = [record.offset for record in LOG]


def digest(world: World) -> str:
    meta, arrays = copying.state(world)
    found = hashlib.sha256(repr(meta).encode())
    for name in sorted(arrays):
        found.update(name.encode() + arrays[name].tobytes())
    return found.hexdigest()


def folded(places: list[int]) -> dict[Offset, tuple[bytes, str]]:
    """Return snapshot and hash of the world after each of these records, folded in one run."""
    learner, found, after = Learner(CONFIG), {}, 0
    for place in places:
        learner.fold(LOG[after : place + 1])
        found[OFFSETS[place]], after = (learner.snapshot(), digest(learner.world)), place + 1
    return found


EVERYWHERE = folded(list(range(0, len(LOG), 20)))


def snapshots(*offsets: Offset, store: MemorySnapshots | None = None, **about: Any) -> MemorySnapshots:
    """Return a store (or the given one) with snapshots of the worlds after these records."""
    store = store or MemorySnapshots()
    for offset in offsets:
        payload = EVERYWHERE[offset][0]
        manifest = Manifest(
            sha256=hashlib.sha256(payload).hexdigest(),
            offsets={"0": offset},
            code="1",
            configuration=CONFIG.digest(),
            lineage="a",
            created_ms=0,
            bytes=len(payload),
        )
        store.save(payload, msgspec.structs.replace(manifest, **about), 1)
    return store


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return recorded(seed=5, events=240)


KEPT = list(EVERYWHERE)


@given(wanted=st.lists(st.sampled_from(KEPT), min_size=1, max_size=5), held=st.sets(st.sampled_from(KEPT), max_size=4))
@settings(max_examples=30)
def test_any_world_in_any_order_has_the_hash_that_it_had_then(
    log: MemoryLog, wanted: list[Offset], held: set[Offset]
) -> None:
    past = Past(CONFIG, "1", snapshots(*sorted(held, key=OFFSETS.index)), log, farthest=10_000)
    for offset in wanted:
        world = past.world_at(offset)
        assert (world.offset, digest(world)) == (offset, EVERYWHERE[offset][1])


def test_going_on_folds_only_what_lies_between(log: MemoryLog) -> None:
    past, told = Past(CONFIG, "1", snapshots(), log, farthest=10_000), list[int]()
    past.world_at(OFFSETS[100], told.append)
    assert sum(told) == 101
    past.world_at(OFFSETS[130], told.append)
    assert sum(told) == 131
    past.world_at(OFFSETS[130], told.append)
    assert sum(told) == 131


def test_a_snapshot_on_the_way_is_taken_instead_of_folding(log: MemoryLog) -> None:
    past, told = Past(CONFIG, "1", snapshots(OFFSETS[120]), log, farthest=10_000), list[int]()
    past.world_at(OFFSETS[20], told.append)
    past.world_at(OFFSETS[125], told.append)
    assert sum(told) == 21 + 5


def test_world_too_far_from_any_snapshot_is_gone(log: MemoryLog) -> None:
    past = Past(CONFIG, "1", snapshots(OFFSETS[40]), log, farthest=60)
    assert past.world_at(OFFSETS[100]).offset == OFFSETS[100]
    with pytest.raises(WorldGone, match="more than 59 events"):
        Past(CONFIG, "1", snapshots(OFFSETS[40]), log, farthest=59).world_at(OFFSETS[100])


def test_world_whose_records_were_trimmed_is_gone() -> None:
    log = recorded(seed=5, events=240)
    log.trim(OFFSETS[60])
    with pytest.raises(WorldGone, match="trimmed"):
        Past(CONFIG, "1", snapshots(OFFSETS[40]), log, farthest=10_000).world_at(OFFSETS[100])
    with pytest.raises(WorldGone, match="trimmed"):
        Past(CONFIG, "1", snapshots(OFFSETS[40]), log, farthest=10_000).world_at(OFFSETS[20])
    kept = Past(CONFIG, "1", snapshots(OFFSETS[40], OFFSETS[80]), log, farthest=10_000).world_at(OFFSETS[100])
    assert digest(kept) == EVERYWHERE[OFFSETS[100]][1]
    untouched = Past(CONFIG, "1", snapshots(OFFSETS[40]), log, farthest=10_000).world_at(OFFSETS[40])
    assert digest(untouched) == EVERYWHERE[OFFSETS[40]][1]


def test_world_of_an_offset_that_is_no_records_is_gone(log: MemoryLog) -> None:
    with pytest.raises(WorldGone, match="does not hold"):
        Past(CONFIG, "1", snapshots(), log, farthest=10_000).world_at("9999999999999-0")


def test_before_the_first_record_there_is_the_empty_world(log: MemoryLog) -> None:
    assert digest(Past(CONFIG, "1", snapshots(), log, farthest=1).world_at(ORIGIN)) == digest(Learner(CONFIG).world)


def test_world_that_other_code_or_configuration_folded_is_gone(log: MemoryLog) -> None:
    other = snapshots(OFFSETS[20], code="0", lineage="other")
    with pytest.raises(WorldGone, match="saved no world yet"):
        Past(CONFIG, "1", other, log, farthest=10_000).world_at(OFFSETS[40])
    mine = snapshots(OFFSETS[60], store=other, parent="of other code")
    past = Past(CONFIG, "1", mine, log, farthest=10_000)
    with pytest.raises(WorldGone, match=f"before {OFFSETS[60]}, the oldest that this code"):
        past.world_at(OFFSETS[40])
    with pytest.raises(WorldGone, match="the oldest that this code"):
        past.start(OFFSETS[40])
    assert digest(past.world_at(OFFSETS[80])) == EVERYWHERE[OFFSETS[80]][1]


def test_worlds_of_catching_up_served_nobody_and_are_gone(log: MemoryLog) -> None:
    saved_ms = int(OFFSETS[100].partition("-")[0])
    past = Past(CONFIG, "1", snapshots(OFFSETS[40], OFFSETS[80], created_ms=saved_ms, parent="pruned"), log, 10_000)
    with pytest.raises(WorldGone, match=f"before {OFFSETS[80]}"):
        past.world_at(OFFSETS[60])
    assert digest(past.world_at(OFFSETS[120])) == EVERYWHERE[OFFSETS[120]][1]


class PrunedMeanwhile(MemorySnapshots):
    """A store that is pruned after its manifests were read, before the snapshot is."""

    def load(self, sha256: str) -> bytes:
        self.prune(Keeping(newest=1, total_bytes=0))
        return super().load(sha256)


def test_snapshot_that_is_pruned_on_the_way_is_replaced_by_the_nearest_that_is_left(log: MemoryLog) -> None:
    store = snapshots(OFFSETS[40], OFFSETS[80], OFFSETS[120], store=PrunedMeanwhile())
    past, told = Past(CONFIG, "1", store, log, farthest=10_000), list[int]()
    assert digest(past.world_at(OFFSETS[100], told.append)) == EVERYWHERE[OFFSETS[100]][1]
    assert sum(told) == 60


def test_snapshot_that_can_not_be_read_is_said_to_be_so(log: MemoryLog) -> None:
    store = snapshots(OFFSETS[80])
    store._held[0] = (store._held[0][0], b"damaged")
    with pytest.raises(WorldGone, match=f"the snapshot before {OFFSETS[100]} can't be read"):
        Past(CONFIG, "1", store, log, farthest=10_000).world_at(OFFSETS[100])


def test_world_that_was_let_go_is_rebuilt(log: MemoryLog) -> None:
    past, told = Past(CONFIG, "1", snapshots(OFFSETS[80]), log, farthest=10_000), list[int]()
    past.world_at(OFFSETS[100], told.append)
    past.let_go()
    assert digest(past.world_at(OFFSETS[100], told.append)) == EVERYWHERE[OFFSETS[100]][1]
    assert sum(told) == 40
