"""What the fold last did, as a Redis hash that staff pages and health checks read.

Each field of `FoldStatus` is a field of the hash, written as JSON, so that `redis-cli HGETALL` can be read by people.
"""

from typing import Any

import msgspec
import redis

from recsys.offsets import ORIGIN, Offset
from webapp import wiring

_BEAT_FIELD = "beat_ms"


class FoldStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The writer after its last run.

    Attributes
    ----------
    holder : str
        Who holds the lease: host, process id, and a random part.
    fence : int
        The lease's token.
    ran_ms, took_ms : int
        When the run ended (wall clock), and how long it took.
    offset, log_end : Offset
        What is folded, and what there is.
    lag_ms : int
        Age of the oldest record that is not folded yet; 0 when all are.
    waited_ms : int
        How long the oldest record of the last run had waited until it was published; 0 when there was none.
    cpu_ms : int
        Processor time that the process has used since it started.
    losses : int
        How often it has found since it started that the live log or the archive lost something.
    log_length : int
        Records that the live log holds.
    folded : int
        Records folded by this process since it took over.
    counters : dict of str to int
        The learner's counts: events by type, and what became of labels.
    metrics : dict of str to float
        Prequential scores of the world.
    snapshot, archived : Offset
        Up to where a snapshot and the archive reach.
    snapshot_ms : int
        When the newest snapshot was written (wall clock); 0 when this process wrote none.
    """

    holder: str
    fence: int
    ran_ms: int
    took_ms: int
    offset: Offset
    log_end: Offset
    lag_ms: int
    log_length: int
    folded: int
    counters: dict[str, int] = {}
    metrics: dict[str, float] = {}
    snapshot: Offset = ORIGIN
    archived: Offset = ORIGIN
    snapshot_ms: int = 0
    waited_ms: int = 0
    cpu_ms: int = 0
    losses: int = 0


class StatusBoard:
    """Where the writer and beat leave word of themselves."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def post(self, status: FoldStatus) -> None:
        """Replace what was said of the fold."""
        fields: dict[Any, Any] = {
            name: msgspec.json.encode(value) for name, value in msgspec.structs.asdict(status).items()
        }
        self._client.hset(wiring.FOLD_STATUS_KEY, mapping=fields)

    def beat(self, now_ms: int) -> None:
        """Note that the scheduler is alive."""
        self._client.hset(wiring.FOLD_STATUS_KEY, _BEAT_FIELD, now_ms)

    def read(self) -> FoldStatus | None:
        """Return the last status, None before the first fold."""
        fields = self._fields()
        return msgspec.convert(fields, FoldStatus) if "ran_ms" in fields else None

    def beat_ms(self) -> int:
        """Return when the scheduler last showed itself (wall clock, milliseconds); 0 when never."""
        return int(self._fields().get(_BEAT_FIELD, 0))

    def _fields(self) -> dict[str, Any]:
        stored: Any = self._client.hgetall(wiring.FOLD_STATUS_KEY)
        return {name.decode(): msgspec.json.decode(value) for name, value in stored.items()}


def board() -> StatusBoard:
    """Return the board of this site."""
    return StatusBoard(wiring.redis_client())
