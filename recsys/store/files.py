"""Snapshots in a folder: for one machine, or machines that share a file system with locks.

``<sha256>.state`` holds a snapshot's bytes, ``<number>.json`` a manifest (the newest has the largest number; writing it
is what makes a snapshot exist), ``fence`` the largest token that ever wrote. Writers hold ``lock``; readers need none.
"""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from recsys.errors import CorruptState, StaleWriter, StoreUnavailable
from recsys.store.base import Manifest, check_payload
from recsys.store.codec import sha256 as hash_of

_logger: Final = logging.getLogger(__name__)
_UNFINISHED: Final = ".unfinished"


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

    def save(self, payload: bytes, manifest: Manifest, fence: int) -> None:
        """Write durably and make it the newest, whole or not at all."""
        check_payload(payload, manifest)
        with self._writing():
            largest = self.fence()
            if fence < largest:
                raise StaleWriter(f"expected a fence of {largest} or more, received {fence}: the lease has passed on")
            if fence > largest:
                self._write("fence", str(fence).encode())
            self._write(f"{manifest.sha256}.state", payload)
            number = max((number for number, _ in self._numbered()), default=0) + 1
            self._write(f"{number:012d}.json", msgspec.json.encode(manifest))

    def fence(self) -> int:
        """Return the largest fence that ever wrote. Raises `CorruptState` when the folder's note of it is damaged."""
        try:
            written = (self._folder / "fence").read_text(encoding="ascii")
            return int(written)
        except FileNotFoundError:
            return 0
        except ValueError as error:
            raise CorruptState(f"expected a number in {self._folder / 'fence'}: {error}") from error

    def newest(self, configuration: str) -> tuple[Manifest, bytes] | None:
        """Return the newest valid snapshot of that configuration."""
        for manifest in self.manifests():
            if manifest.configuration != configuration:
                continue
            try:
                payload = self.load(manifest.sha256)
                check_payload(payload, manifest)
            except CorruptState as error:
                _logger.warning("snapshot passed over: %s", error)
            else:
                return manifest, payload
        return None

    def manifests(self) -> Sequence[Manifest]:
        """Return all manifests that can be read, newest first."""
        found = []
        for _, path in self._numbered():
            try:
                found.append(self._manifest.decode(path.read_bytes()))
            except FileNotFoundError:
                continue  # pruned since the folder was listed
            except msgspec.DecodeError as error:
                _logger.warning("manifest %s passed over: %s", path, error)
        return found

    def load(self, sha256: str) -> bytes:
        """Return a snapshot's bytes, checked against their name."""
        path = self._folder / f"{sha256}.state"
        try:
            payload = path.read_bytes()
        except FileNotFoundError as error:
            raise CorruptState(f"expected a snapshot in {path}, received none") from error
        except OSError as error:
            raise StoreUnavailable(f"expected to read {path}, received: {error}") from error
        if hash_of(payload) != sha256:
            raise CorruptState(f"expected a snapshot in {path}, received bytes with another hash")
        return payload

    def prune(self, keep: int) -> int:
        """Drop all but the newest `keep`, and what interrupted writers left behind."""
        with self._writing():
            dropped = self._numbered()[max(keep, 1) :]
            for _, path in dropped:
                path.unlink()
            kept = {f"{manifest.sha256}.state" for manifest in self.manifests()}
            for path in self._folder.iterdir():
                if (path.suffix == ".state" and path.name not in kept) or path.suffix == _UNFINISHED:
                    path.unlink()
        return len(dropped)

    def _numbered(self) -> list[tuple[int, Path]]:
        """Return the manifests' numbers and files, newest first."""
        paths = self._folder.glob("*.json") if self._folder.is_dir() else ()
        return sorted(((int(path.stem), path) for path in paths if path.stem.isdigit()), reverse=True)

    def _write(self, name: str, content: bytes) -> None:
        unfinished = self._folder / f"{name}{_UNFINISHED}"
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise StoreUnavailable(f"expected to write to {self._folder}, received: {error}") from error
