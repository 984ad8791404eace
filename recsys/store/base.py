"""Snapshots, deltas and leases: what each adapter promises."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from recsys.offsets import Offset


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot's lineage: what it is, what it came from, and what made it.

    Attributes
    ----------
    sha256 : str
        Hash of the snapshot's bytes, its name in the store.
    offsets : dict of shard to offset
        The log prefix that was folded into it.
    parent : str
        `sha256` of the snapshot it was folded on from; empty for the first.
    code : str
        Version of the code that folded.
    configuration : str
        `EngineConfig.digest` of the fold.
    lineage : str
        Name of the chain of snapshots that share code state, configuration and log.
    metrics : dict of str to float
        Prequential scores at this offset.
    created_ms : int
        Wall clock; informative only, never read by the fold.
    bytes : int
        Size of the snapshot.
    """

    sha256: str
    offsets: dict[str, Offset]
    parent: str = ""
    code: str
    configuration: str
    lineage: str
    metrics: dict[str, float] = {}
    created_ms: int
    bytes: int


class SnapshotStore(Protocol):
    """Content-addressed snapshots, newest first, written by one fenced writer."""

    def save(self, payload: bytes, manifest: Manifest, fence: int) -> None:
        """Write durably and make it the newest, whole or not at all.

        Raises
        ------
        StaleWriter
            When a larger `fence` has written before.
        """
        ...

    def newest(self, configuration: str) -> tuple[Manifest, bytes] | None:
        """Return the newest valid snapshot of that configuration; corrupt ones are passed over (and logged)."""
        ...

    def manifests(self) -> Sequence[Manifest]:
        """Return all manifests, newest first."""
        ...

    def load(self, sha256: str) -> bytes:
        """Return a snapshot's bytes, checked. Raises `CorruptState`."""
        ...

    def prune(self, keep: int) -> int:
        """Drop all but the newest `keep`; return how many went."""
        ...


class DeltaFeed(Protocol):
    """How a learner's changes reach the replicas: a short stream of absolute row values."""

    def publish(self, payload: bytes, fence: int) -> None:
        """Append a delta.

        Raises
        ------
        StaleWriter
            When a larger `fence` has published before.
        """
        ...

    def read(self, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Return up to `limit` (id, delta) after the id `after` ("0-0" = from the start of what is held)."""
        ...


class Lease(Protocol):
    """One holder at a time, with a token that only grows."""

    def acquire(self, holder: str, for_ms: int) -> int | None:
        """Take or renew the lease; return the fencing token, None while another holds it.

        A renewal keeps its token; a takeover gets a larger one.
        """
        ...

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        ...
