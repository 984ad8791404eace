"""The Redis keys of one shard's deltas and lease, each declared once; the shard in braces as in `recsys.log.keys`."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class StoreKeys:
    """Key names of a shard, with what bounds their memory.

    >>> StoreKeys(0).deltas
    'freshet:{0}:deltas'
    """

    shard: int = 0

    @property
    def deltas(self) -> str:
        """Stream of deltas: the newest `max_length`."""
        return f"freshet:{{{self.shard}}}:deltas"

    @property
    def fence(self) -> str:
        """Number: the largest fence that ever published a delta."""
        return f"freshet:{{{self.shard}}}:deltas:fence"

    @property
    def lease(self) -> str:
        """String: who writes this shard, until it expires."""
        return f"freshet:{{{self.shard}}}:lease"

    @property
    def token(self) -> str:
        """Number: the last fencing token given out."""
        return f"freshet:{{{self.shard}}}:lease:token"
