"""Deltas and the lease on Redis 7.0 or newer, or Valkey. Fences are checked in the scripts that write."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any

import redis

from recsys.errors import StaleWriter, StoreUnavailable
from recsys.store.keys import StoreKeys


class RedisDeltas:
    """`recsys.store.base.DeltaFeed` on a capped stream.

    Parameters
    ----------
    client : redis.Redis
        Must not decode responses.
    shard : int
    max_length : int
        Deltas held; a replica that is further behind loads the newest snapshot. Memory: that many deltas, each some
        2 KB plus about 1 KB for each item that changed.
    """

    def __init__(self, client: redis.Redis, shard: int = 0, *, max_length: int = 160) -> None:
        self._client = client
        self._keys = StoreKeys(shard)
        self._max_length = max_length
        self._publish = client.register_script(_source("publish.lua"))

    def publish(self, payload: bytes, fence: int) -> None:
        """Append a delta."""
        with _store_errors():
            larger = self._publish(keys=[self._keys.deltas, self._keys.fence], args=[fence, payload, self._max_length])
        if larger:
            raise StaleWriter(f"expected a fence of {larger} or more, received {fence}: the lease has passed on")

    def read(self, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Return up to `limit` (id, delta) after the id `after`."""
        with _store_errors():
            found: Any = self._client.xrange(self._keys.deltas, min=f"({after}", count=limit)
        return [(id_.decode(), fields[b"delta"]) for id_, fields in found]


class RedisLease:
    """`recsys.store.base.Lease` by the server's clock.

    Parameters
    ----------
    client : redis.Redis
    shard : int
    """

    def __init__(self, client: redis.Redis, shard: int = 0) -> None:
        self._keys = StoreKeys(shard)
        self._acquire = client.register_script(_source("acquire.lua"))
        self._release = client.register_script(_source("release.lua"))

    def acquire(self, holder: str, for_ms: int, above: int = 0) -> int | None:
        """Take or renew the lease; return the fencing token, None while another holds it."""
        with _store_errors():
            token: int | None = self._acquire(keys=[self._keys.lease, self._keys.token], args=[holder, for_ms, above])
        return token

    def release(self, holder: str) -> None:
        """Give the lease back if `holder` has it."""
        with _store_errors():
            self._release(keys=[self._keys.lease], args=[holder])


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise StoreUnavailable(
            f"expected the store's Redis server to answer, received {type(error).__name__}: {error}"
        ) from error
