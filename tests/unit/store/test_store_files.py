"""Snapshots on the disk survive damage, interruption and several writers at once."""

import logging
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from recsys.errors import CorruptState, StaleWriter, StoreUnavailable
from recsys.store.base import Keeping, Manifest
from recsys.store.codec import sha256
from recsys.store.files import FileSnapshots


def manifest(payload: bytes) -> Manifest:
    return Manifest(
        sha256=sha256(payload),
        offsets={"0": "1-0"},
        code="1",
        configuration="c",
        lineage="l",
        created_ms=1,
        bytes=len(payload),
    )


@pytest.fixture
def snapshots(tmp_path: Path) -> FileSnapshots:
    """Return a store that holds two snapshots."""
    store = FileSnapshots(tmp_path)
    for payload in (b"older", b"newer"):
        store.save(payload, manifest(payload), fence=1)
    return store


def found(snapshots: FileSnapshots) -> bytes | None:
    newest = snapshots.newest("c")
    return newest and newest[1]


def test_another_process_finds_what_was_saved(snapshots: FileSnapshots, tmp_path: Path) -> None:
    assert found(FileSnapshots(tmp_path)) == b"newer"
    assert FileSnapshots(tmp_path).fence() == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: b"",
        lambda stored: stored[:-1],
        lambda stored: stored.replace(b"newer", b"Newer"),
        lambda stored: stored + b"\x00",
        lambda stored: b"newer",
    ],
    ids=["empty", "cut short", "changed", "longer", "no frame"],
)
def test_damaged_snapshot_is_passed_over_and_logged(
    snapshots: FileSnapshots, tmp_path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    stored = tmp_path / f"{sha256(b'newer')}.state"
    stored.write_bytes(damage(stored.read_bytes()))

    assert found(snapshots) == b"older"
    assert "snapshot passed over" in caplog.text
    with pytest.raises(CorruptState, match="expected"):
        snapshots.load(sha256(b"newer"))


def test_snapshot_takes_less_than_its_bytes(tmp_path: Path) -> None:
    store, payload = FileSnapshots(tmp_path), bytes(range(256)) * 4_000
    store.save(payload, manifest(payload), fence=1)

    assert (tmp_path / f"{sha256(payload)}.state").stat().st_size < len(payload) / 10
    assert store.load(sha256(payload)) == payload


def test_prune_counts_bytes_as_they_are_stored(tmp_path: Path) -> None:
    store = FileSnapshots(tmp_path)
    for number in range(1, 21):
        payload = bytes([number]) * 100_000
        about = msgspec.structs.replace(manifest(payload), offsets={"0": f"{number}-0"}, records=number)
        store.save(payload, about, fence=1)

    assert store.prune(Keeping(newest=1, total_bytes=20_000, spacing=1)) == 0
    assert store.prune(Keeping(newest=1, total_bytes=300, spacing=1)) > 0
    assert sum(path.stat().st_size for path in tmp_path.glob("*.state")) <= 300


def test_missing_snapshot_is_passed_over(snapshots: FileSnapshots, tmp_path: Path) -> None:
    (tmp_path / f"{sha256(b'newer')}.state").unlink()
    assert found(snapshots) == b"older"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"sha256": 7}', b'{"sha256": "\xff"}'])
def test_damaged_manifest_is_passed_over_and_logged(
    snapshots: FileSnapshots, tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    sorted(tmp_path.glob("*.json"))[-1].write_bytes(damage)

    assert found(snapshots) == b"older"
    assert "manifest" in caplog.text
    snapshots.save(b"newest", manifest(b"newest"), fence=1)
    assert found(snapshots) == b"newest"
    assert snapshots.prune(Keeping(newest=9, total_bytes=10**9)) == 1
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_snapshot_without_its_manifest_does_not_exist(snapshots: FileSnapshots, tmp_path: Path) -> None:
    (tmp_path / f"{sha256(b'cut short')}.state").write_bytes(b"cut short")

    assert found(snapshots) == b"newer"
    snapshots.prune(Keeping(newest=2, total_bytes=0))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", "", ".json", ".json", ".state", ".state"]


def test_damaged_fence_lets_nobody_write(snapshots: FileSnapshots, tmp_path: Path) -> None:
    (tmp_path / "fence").write_text("?")
    with pytest.raises(CorruptState, match=r"expected a number in .*: stop all workers"):
        snapshots.save(b"next", manifest(b"next"), fence=9)


def test_folder_that_cannot_be_written_to_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="expected to write to"):
        FileSnapshots(tmp_path / "file").save(b"x", manifest(b"x"), fence=1)


def test_folder_that_cannot_be_read_for_a_moment_is_unavailable_and_not_damaged(snapshots: FileSnapshots) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    reads: list[Callable[[], object]] = [
        snapshots.manifests,
        snapshots.fence,
        lambda: snapshots.newest("c"),
        lambda: snapshots.load(sha256(b"newer")),
    ]
    for read in reads:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            with pytest.raises(StoreUnavailable, match="expected to read from"):
                read()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found(snapshots) == b"newer"


def _write_forever(folder: Path, fence: int) -> None:
    store = FileSnapshots(folder)
    number = 0
    while True:
        payload = b"%d:%d:" % (fence, number) + bytes(200_000)
        store.save(payload, manifest(payload), fence)
        number += 1


def test_killed_writer_leaves_whole_snapshots_only_and_hands_over(tmp_path: Path) -> None:
    store = FileSnapshots(tmp_path)
    for fence in (1, 2, 3):
        writer = multiprocessing.get_context("spawn").Process(target=_write_forever, args=(tmp_path, fence))
        writer.start()
        while store.fence() < fence or len(store.manifests()) < 3:
            time.sleep(0.01)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()

        assert all(store.load(each.sha256) for each in store.manifests())
        newest = found(store)
        assert newest is not None and newest.startswith(b"%d:" % fence)
        with pytest.raises(StaleWriter):
            store.save(b"late", manifest(b"late"), fence - 1)
        store.prune(Keeping(newest=1, total_bytes=0))
