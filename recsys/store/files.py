"""Snapshots in a folder: for one machine, or machines that share a file system with locks.

``<sha256>.state`` holds a snapshot's bytes as a Zstandard frame: a tenth of them, in the time that hashing them takes.
``<number>.json`` holds a manifest (the newest has the largest number; writing it is what makes a snapshot exist),
``fence`` the largest token that ever wrote. Writers hold ``lock``; readers need none.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from recsys.durable import sole_writer, write_whole
from recsys.errors import UNREADABLE, CorruptState, StaleWriter, StoreUnavailable
from recsys.store.base import Keeping, Manifest, check_payload
from recsys.store.keeping import kept

_logger: Final = logging.getLogger(__name__)
#: Of Zstandard. Higher ones save little: 9 a twelfth, and takes seven times as long.
_LEVEL: Final = 1


class FileSnapshots:
    """`recsys.store.base.SnapshotStore` on the disk; whatever dies while writing, readers see whole snapshots only.

    Disk: every snapshot until `prune`.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest = msgspec.json.Decoder(Manifest)
        self._decoded: dict[Path, tuple[tuple[int, int], Manifest]] = {}

    def save(self, payload: bytes, manifest: Manifest, fence: int) -> None:
        """Write durably and make it the newest, whole or not at all."""
        check_payload(payload, manifest)
        with self._writing():
            largest = self.fence()
            if fence < largest:
                raise StaleWriter(f"expected a fence of {largest} or more, received {fence}: the lease has passed on")
            if fence > largest:
                write_whole(self._folder / "fence", str(fence).encode())
            write_whole(self._folder / f"{manifest.sha256}.state", _compressed(payload))
            number = max((number for number, _ in self._numbered()), default=0) + 1
            write_whole(self._folder / f"{number:012d}.json", msgspec.json.encode(manifest))

    def fence(self) -> int:
        """Return the largest fence that ever wrote. Raises `CorruptState` when the folder's note of it is damaged."""
        try:
            with self._reading():
                written = (self._folder / "fence").read_text(encoding="ascii")
            return int(written)
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise CorruptState(
                f"expected a number in {self._folder / 'fence'} ({error}): stop all workers and remove it"
            ) from error

    def newest(self, configuration: str) -> tuple[Manifest, bytes] | None:
        """Return the newest valid snapshot of that configuration."""
        for manifest in self.manifests():
            if manifest.configuration != configuration:
                continue
            try:
                return manifest, self._read(manifest)
            except CorruptState as error:
                _logger.warning("snapshot passed over: %s", error)
        return None

    def manifests(self) -> Sequence[Manifest]:
        """Return all manifests that can be read, newest first."""
        with self._reading():
            return [manifest for manifest, _ in self._held()]

    def load(self, sha256: str) -> bytes:
        """Return a snapshot's bytes, checked against their name."""
        for manifest in self.manifests():
            if manifest.sha256 == sha256:
                return self._read(manifest)
        raise CorruptState(f"expected a snapshot {sha256} in {self._folder}, received none")

    def prune(self, rule: Keeping) -> int:
        """Drop what is not kept, and what interrupted writers left behind."""
        with self._writing():
            held = self._held()
            manifests = [manifest for manifest, _ in held]
            places = kept(manifests, [self._size(manifest) for manifest in manifests], rule)
            stays = {path for place, (_, path) in enumerate(held) if place in places}
            dropped = [path for _, path in self._numbered() if path not in stays]  # damaged manifests too
            for path in dropped:
                path.unlink()
            named = {f"{manifests[place].sha256}.state" for place in places}
            for path in self._folder.iterdir():
                if path.suffix == ".state" and path.name not in named:
                    path.unlink()
        return len(dropped)

    def _read(self, manifest: Manifest) -> bytes:
        path = self._folder / f"{manifest.sha256}.state"
        try:
            with self._reading():
                stored = path.read_bytes()
        except FileNotFoundError as error:
            raise CorruptState(f"expected a snapshot in {path}, received none") from error
        try:
            payload: bytes = pa.decompress(stored, manifest.bytes, codec="zstd", asbytes=True)
        except (OSError, pa.ArrowException) as error:
            raise CorruptState(f"expected a Zstandard frame of {manifest.bytes} bytes in {path}: {error}") from error
        check_payload(payload, manifest)
        return payload

    def _size(self, manifest: Manifest) -> int:
        """Return what a snapshot takes on the disk, 0 when its bytes are missing."""
        try:
            return (self._folder / f"{manifest.sha256}.state").stat().st_size
        except FileNotFoundError:
            return 0

    def _held(self) -> list[tuple[Manifest, Path]]:
        """Return all manifests that can be read with their files, newest first; each file is decoded once."""
        found: list[tuple[Manifest, Path]] = []
        decoded: dict[Path, tuple[tuple[int, int], Manifest]] = {}
        for _, path in self._numbered():
            try:
                about = path.stat()
                stamp = about.st_mtime_ns, about.st_size
                known = self._decoded.get(path)
                if known is None or known[0] != stamp:
                    known = stamp, self._manifest.decode(path.read_bytes())
            except FileNotFoundError:
                continue  # pruned since the folder was listed
            except UNREADABLE as error:
                _logger.warning("manifest %s passed over: %s", path, error)
                continue
            decoded[path] = known
            found.append((known[1], path))
        self._decoded = decoded
        return found

    def _numbered(self) -> list[tuple[int, Path]]:
        """Return the manifests' numbers and files, newest first."""
        paths = self._folder.glob("*.json") if self._folder.is_dir() else ()
        return sorted(((int(path.stem), path) for path in paths if path.stem.isdigit()), reverse=True)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What is not there is no trouble with the disk."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"expected to read from {self._folder}, received: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with sole_writer(self._folder):
                yield
        except OSError as error:
            raise StoreUnavailable(f"expected to write to {self._folder}, received: {error}") from error


def _compressed(payload: bytes) -> bytes:
    frame: bytes = pa.Codec("zstd", compression_level=_LEVEL).compress(payload, asbytes=True)
    return frame
