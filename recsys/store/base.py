"""Snapshots, deltas and leases: what each adapter promises."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from recsys.errors import CorruptState
from recsys.offsets import Offset
from recsys.store.codec import sha256


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
        Wall clock; never read by the fold.
    bytes : int
        Size of the snapshot.
    records : int
        How many records of the log were folded into it; 0 where its maker did not say.
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
    records: int = 0


class Keeping(NamedTuple):
    """How much `recsys.store.keeping` keeps.

    Attributes
    ----------
    newest : int
        Newest snapshots that stay whatever they are; at least one does.
    total_bytes : int
        What all snapshots together may take where they are stored. The newest ones and the oldest that is of use stay
        even where they take more.
    spacing : int
        Records between two snapshots that are so close that one in the middle is of no use: about a second of folding.
    """

    newest: int
    total_bytes: int
    spacing: int = 20_000


class SnapshotStore(Protocol):
    """Content-addressed snapshots, newest first, written by one fenced writer.

    Every method may raise `StoreUnavailable`.
    """

    def save(self, payload: bytes, manifest: Manifest, fence: int) -> None:
        """Write durably and make it the newest, whole or not at all.

        Raises
        ------
        CorruptState
            When `payload` is not what `manifest` names.
        StaleWriter
            When a larger `fence` has written before.
        """
        ...

    def fence(self) -> int:
        """Return the largest fence that ever wrote, 0 before the first: where a new lease's tokens start."""
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

    def prune(self, rule: Keeping) -> int:
        """Drop what `recsys.store.keeping.kept` does not keep; return how many went."""
        ...


class DeltaFeed(Protocol):
    """How a learner's changes reach the replicas: a short stream of absolute row values, oldest dropped first.

    Every method may raise `StoreUnavailable`.
    """

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
    """One holder at a time, with a token that only grows. Every method may raise `StoreUnavailable`."""

    def acquire(self, holder: str, for_ms: int, above: int = 0) -> int | None:
        """Take or renew the lease; return the fencing token, None while another holds it.

        A renewal keeps its token; a takeover, or taking it again after it ran out, gets a larger one, and larger than
        `above`: pass the snapshots' `fence`, so that a lease that lost its memory can't lock every writer out.
        """
        ...

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        ...


def check_payload(payload: bytes, manifest: Manifest) -> None:
    """Raise `CorruptState` when the payload is not what the manifest names."""
    received = sha256(payload)
    if (received, len(payload)) != (manifest.sha256, manifest.bytes):
        raise CorruptState(
            f"expected {manifest.bytes} bytes with the SHA-256 {manifest.sha256}, "
            f"received {len(payload)} with {received}"
        )
