"""What every snapshot store, delta feed and lease promises, asked of each adapter."""

import itertools
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.clock import SystemClock
from recsys.errors import CorruptState, StaleWriter
from recsys.log.redis_client import connect
from recsys.store.base import DeltaFeed, Keeping, Lease, Manifest, SnapshotStore
from recsys.store.codec import sha256
from recsys.store.files import FileSnapshots
from recsys.store.memory import MemoryDeltas, MemoryLease, MemorySnapshots
from recsys.store.redis import RedisDeltas, RedisLease


def manifest(payload: bytes, configuration: str = "c", parent: str = "") -> Manifest:
    return Manifest(
        sha256=sha256(payload),
        offsets={"0": "17-3"},
        parent=parent,
        code="1",
        configuration=configuration,
        lineage="l",
        metrics={"log_loss": 0.5},
        created_ms=1,
        bytes=len(payload),
    )


def numbered(number: int, **about: Any) -> tuple[bytes, Manifest]:
    """Return a snapshot that had folded `number` records, and its manifest."""
    payload = b"%d" % number + bytes(1_000)
    offset = {"0": f"{number}-0"}
    return payload, msgspec.structs.replace(manifest(payload), records=number, offsets=offset, **about)


@pytest.fixture
def client(redis_server: str) -> Iterator[redis.Redis]:
    with connect(redis_server) as client:
        yield client


@pytest.fixture(params=["memory", "files"])
def snapshots(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    return MemorySnapshots() if request.param == "memory" else FileSnapshots(tmp_path / "store")


@pytest.fixture(params=["memory", "redis"])
def make_deltas(request: pytest.FixtureRequest, shard: int) -> Callable[[int], DeltaFeed]:
    if request.param == "memory":
        return MemoryDeltas
    client = request.getfixturevalue("client")
    return lambda max_length: RedisDeltas(client, shard, max_length=max_length)


@pytest.fixture(params=["memory", "redis"])
def lease(request: pytest.FixtureRequest, shard: int) -> Lease:
    if request.param == "memory":
        return MemoryLease(SystemClock())
    return RedisLease(request.getfixturevalue("client"), shard)


def test_empty_store_has_no_snapshot(snapshots: SnapshotStore) -> None:
    assert snapshots.newest("c") is None
    assert (list(snapshots.manifests()), snapshots.fence()) == ([], 0)
    with pytest.raises(CorruptState, match="received none"):
        snapshots.load(sha256(b"never saved"))


def test_newest_snapshot_is_the_one_saved_last(snapshots: SnapshotStore) -> None:
    saved = [manifest(b"one"), manifest(b"two", parent=sha256(b"one"))]
    snapshots.save(b"one", saved[0], fence=1)
    snapshots.save(b"two", saved[1], fence=1)

    assert snapshots.newest("c") == (saved[1], b"two")
    assert list(snapshots.manifests()) == saved[::-1]
    assert snapshots.load(saved[0].sha256) == b"one"


def test_snapshot_of_another_configuration_is_not_taken(snapshots: SnapshotStore) -> None:
    snapshots.save(b"one", manifest(b"one"), fence=1)
    snapshots.save(b"two", manifest(b"two", configuration="other"), fence=1)

    found = snapshots.newest("c")
    assert found is not None and found[1] == b"one"


def test_state_saved_again_becomes_the_newest_again(snapshots: SnapshotStore) -> None:
    saved = [numbered(number) for number in (1, 2, 1)]
    for payload, about in saved:
        snapshots.save(payload, about, fence=1)

    assert snapshots.newest("c") == saved[2][::-1]
    assert snapshots.prune(Keeping(newest=1, total_bytes=0)) == 1
    assert list(snapshots.manifests()) == [saved[2][1], saved[1][1]]
    assert snapshots.load(saved[0][1].sha256) == saved[0][0]


def test_snapshot_store_refuses_a_stale_writer(snapshots: SnapshotStore) -> None:
    snapshots.save(b"one", manifest(b"one"), fence=2)
    with pytest.raises(StaleWriter, match="expected a fence of 2 or more, received 1"):
        snapshots.save(b"two", manifest(b"two"), fence=1)

    found = snapshots.newest("c")
    assert found is not None and found[1] == b"one"
    snapshots.save(b"two", manifest(b"two"), fence=2)
    assert snapshots.fence() == 2


def test_snapshot_that_is_not_what_its_manifest_names_is_refused(snapshots: SnapshotStore) -> None:
    with pytest.raises(CorruptState):
        snapshots.save(b"other", manifest(b"one"), fence=9)
    assert (snapshots.newest("c"), snapshots.fence()) == (None, 0)


@pytest.mark.parametrize("newest", [0, 1, 3, 9])
def test_prune_keeps_the_newest_and_the_opening(snapshots: SnapshotStore, newest: int) -> None:
    saved = [numbered(number) for number in range(1, 7)]
    for payload, about in saved:
        snapshots.save(payload, about, fence=1)
    kept = saved[::-1][: max(newest, 1)]
    kept += saved[:1] if saved[0] not in kept else []

    assert snapshots.prune(Keeping(newest, total_bytes=0)) == 6 - len(kept)
    assert [(snapshots.load(each.sha256), each) for each in snapshots.manifests()] == kept
    gone = [about for payload, about in saved if (payload, about) not in kept]
    for about in gone:
        with pytest.raises(CorruptState, match="received none"):
            snapshots.load(about.sha256)


def test_prune_keeps_what_is_far_enough_from_its_neighbours(snapshots: SnapshotStore) -> None:
    for number in range(1, 100):
        snapshots.save(*numbered(number), fence=1)
        snapshots.prune(Keeping(newest=2, total_bytes=10**9, spacing=20))

    left = [each.records for each in snapshots.manifests()]
    assert left[:2] == [99, 98] and left[-1] == 1
    assert all(newer - older <= 20 for newer, older in pairwise(left))
    assert len(left) <= 2 + 2 * 99 // 20 + 1


def test_other_configurations_crowd_out_nothing(snapshots: SnapshotStore) -> None:
    for number in range(1, 40):
        snapshots.save(*numbered(number, configuration="other", lineage="other"), fence=1)
    for number in range(40, 80):
        snapshots.save(*numbered(number), fence=1)
    snapshots.prune(Keeping(newest=3, total_bytes=10**9, spacing=1))
    assert {each.configuration for each in snapshots.manifests()} == {"c"}
    assert len(snapshots.manifests()) == 40


def test_deltas_are_read_in_the_order_published(make_deltas: Callable[[int], DeltaFeed]) -> None:
    deltas = make_deltas(10)
    assert deltas.read("0-0", 10) == []
    for payload in (b"a", b"\x00\xff", b""):
        deltas.publish(payload, fence=1)

    found = deltas.read("0-0", 10)
    assert [payload for _, payload in found] == [b"a", b"\x00\xff", b""]
    assert deltas.read(found[0][0], 1) == found[1:2]
    assert deltas.read(found[-1][0], 10) == []


def test_delta_feed_holds_the_newest_only(make_deltas: Callable[[int], DeltaFeed]) -> None:
    deltas = make_deltas(3)
    for n in range(7):
        deltas.publish(b"%d" % n, fence=1)

    assert [payload for _, payload in deltas.read("0-0", 10)] == [b"4", b"5", b"6"]


def test_delta_feed_refuses_a_stale_writer(make_deltas: Callable[[int], DeltaFeed]) -> None:
    deltas = make_deltas(10)
    deltas.publish(b"a", fence=1)
    deltas.publish(b"b", fence=3)
    with pytest.raises(StaleWriter, match="expected a fence of 3 or more, received 2"):
        deltas.publish(b"stale", fence=2)
    deltas.publish(b"c", fence=3)

    assert [payload for _, payload in deltas.read("0-0", 10)] == [b"a", b"b", b"c"]


def test_lease_has_one_holder(lease: Lease) -> None:
    assert lease.acquire("a", 60_000) == 1
    assert lease.acquire("b", 60_000) is None
    assert lease.acquire("a", 60_000) == 1


def test_lease_given_back_goes_to_the_next_with_a_larger_token(lease: Lease) -> None:
    lease.acquire("a", 60_000)
    lease.release("b")
    assert lease.acquire("b", 60_000) is None
    lease.release("a")
    assert lease.acquire("b", 60_000) == 2
    lease.release("a")
    assert lease.acquire("a", 60_000) is None


def test_lease_that_ran_out_is_taken_over_and_never_gets_its_token_back(lease: Lease) -> None:
    assert lease.acquire("a", 50) == 1
    time.sleep(0.1)
    assert lease.acquire("b", 50) == 2
    time.sleep(0.1)
    assert lease.acquire("b", 60_000) == 3
    assert lease.acquire("a", 60_000) is None


def test_renewed_lease_lasts_from_the_renewal(lease: Lease) -> None:
    lease.acquire("a", 20)
    assert lease.acquire("a", 60_000) == 1
    time.sleep(0.05)
    assert lease.acquire("b", 1) is None


def test_lease_that_lost_its_memory_goes_on_above_the_stores_fence(lease: Lease) -> None:
    assert lease.acquire("a", 60_000, above=57) == 58
    assert lease.acquire("a", 60_000, above=58) == 58
    assert lease.acquire("a", 60_000, above=60) == 61
    lease.release("a")
    assert lease.acquire("b", 60_000, above=5) == 62


_epochs = itertools.count(1)
FENCES = st.lists(st.integers(0, 9), max_size=12)


def admitted(write: Callable[[bytes, int], None], fences: list[int]) -> list[bytes]:
    """Write with each fence in turn; return what was not refused, after checking that it is what should not be."""
    taken = []
    for fence in fences:
        try:
            write(b"%d" % fence, fence)
            taken.append(fence)
        except StaleWriter:
            pass
    assert taken == [fence for at, fence in enumerate(fences) if fence >= max(fences[:at], default=0)]
    return [b"%d" % fence for fence in taken]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=FENCES)
def test_fence_of_a_feed_never_falls(make_deltas: Callable[[int], DeltaFeed], drawn: list[int]) -> None:
    deltas, epoch = make_deltas(100), next(_epochs)
    before = [id_ for id_, _ in deltas.read("0-0", 100)][-1:] or ["0-0"]
    written = admitted(deltas.publish, [epoch * 10 + fence for fence in drawn])

    assert [payload for _, payload in deltas.read(before[0], 100)] == written


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=FENCES)
def test_fence_of_a_store_never_falls(snapshots: SnapshotStore, drawn: list[int]) -> None:
    epoch, before = next(_epochs), len(snapshots.manifests())
    written = admitted(
        lambda payload, fence: snapshots.save(payload, manifest(payload), fence), [epoch * 10 + f for f in drawn]
    )

    saved = [snapshots.load(each.sha256) for each in snapshots.manifests()]
    assert saved[: len(saved) - before][::-1] == written
