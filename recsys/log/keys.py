"""The Redis keys of one shard's log, each declared once.

The shard stands in braces, so that a cluster keeps a shard's keys on one node and scripts may touch several.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class LogKeys:
    """Key names of a shard, with what bounds their memory.

    >>> LogKeys(0).stream
    'freshet:{0}:log'
    """

    shard: int = 0

    @property
    def stream(self) -> str:
        """Stream of the log's records: at most `max_length` entries, beyond which events are refused."""
        return f"freshet:{{{self.shard}}}:log"

    @property
    def dead_letters(self) -> str:
        """Stream of what could not enter the log (`recsys.log.base.DeadLetter`): the newest `DEAD_LETTERS`."""
        return f"freshet:{{{self.shard}}}:dead-letters"

    @property
    def awake(self) -> str:
        """Sorted set of the sessions' lists that are held whole, by when they were last used (`recsys.log.resting`)."""
        return f"freshet:{{{self.shard}}}:awake"

    def session(self, session: str) -> str:
        """List of a session's own events: the newest `SESSION_EVENTS`, gone some time after the last (`Lifetimes`).

        While it rests, a note stands for those that the archive has (`recsys.log.resting.Rest`).
        """
        return f"freshet:{{{self.shard}}}:session:{session}"

    def seen(self, session: str) -> str:
        """Bitmap of a session's sequence numbers: at most 8 KiB, gone `SEEN_TTL_S` after its last event."""
        return f"freshet:{{{self.shard}}}:seen:{session}"
