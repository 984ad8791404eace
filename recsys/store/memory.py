"""Snapshots, deltas and the lease in this process's memory: tests and simulation. For one thread."""

from collections import deque
from collections.abc import Sequence
from itertools import count, islice

from recsys.clock import Clock
from recsys.errors import CorruptState, StaleWriter
from recsys.offsets import offset_key
from recsys.store.base import Keeping, Manifest, check_payload
from recsys.store.keeping import kept


class Fence:
    """The largest token that ever wrote."""

    def __init__(self) -> None:
        self.largest = 0

    def admit(self, token: int) -> None:
        """Remember `token`. Raises `StaleWriter` when a larger one was here before."""
        if token < self.largest:
            raise StaleWriter(f"expected a fence of {self.largest} or more, received {token}: the lease has passed on")
        self.largest = token


class MemorySnapshots:
    """`recsys.store.base.SnapshotStore`; memory grows until `prune`."""

    def __init__(self) -> None:
        self._fence = Fence()
        self._held: list[tuple[Manifest, bytes]] = []

    def save(self, payload: bytes, manifest: Manifest, fence: int) -> None:
        """Make it the newest."""
        check_payload(payload, manifest)
        self._fence.admit(fence)
        self._held.insert(0, (manifest, payload))

    def fence(self) -> int:
        """Return the largest fence that ever wrote."""
        return self._fence.largest

    def newest(self, configuration: str) -> tuple[Manifest, bytes] | None:
        """Return the newest snapshot of that configuration."""
        return next((held for held in self._held if held[0].configuration == configuration), None)

    def manifests(self) -> Sequence[Manifest]:
        """Return all manifests, newest first."""
        return [manifest for manifest, _ in self._held]

    def load(self, sha256: str) -> bytes:
        """Return a snapshot's bytes."""
        for manifest, payload in self._held:
            if manifest.sha256 == sha256:
                return payload
        raise CorruptState(f"expected a snapshot {sha256}, received none")

    def prune(self, rule: Keeping) -> int:
        """Drop what is not kept."""
        before = len(self._held)
        places = kept(self.manifests(), [manifest.bytes for manifest, _ in self._held], rule)
        self._held = [self._held[place] for place in sorted(places)]
        return before - len(places)


class MemoryDeltas:
    """`recsys.store.base.DeltaFeed`; holds the newest `max_length`."""

    def __init__(self, max_length: int = 256) -> None:
        self._fence = Fence()
        self._held: deque[tuple[str, bytes]] = deque(maxlen=max_length)
        self._numbers = count(1)

    def publish(self, payload: bytes, fence: int) -> None:
        """Append a delta."""
        self._fence.admit(fence)
        self._held.append((f"{next(self._numbers)}-0", payload))

    def read(self, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Return up to `limit` (id, delta) after the id `after`."""
        return list(islice((held for held in self._held if offset_key(held[0]) > offset_key(after)), limit))


class MemoryLease:
    """`recsys.store.base.Lease` by a clock of one's choice."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holder = ""
        self._until_ms = 0
        self._token = 0

    def acquire(self, holder: str, for_ms: int, above: int = 0) -> int | None:
        """Take or renew the lease; return the fencing token, None while another holds it."""
        now_ms = self._clock.now_ms()
        held = now_ms < self._until_ms
        if held and self._holder != holder:
            return None
        if not held or self._token < above:
            self._token = max(self._token, above) + 1
        self._holder, self._until_ms = holder, now_ms + for_ms
        return self._token

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        if self._holder == holder:
            self._until_ms = 0
