"""What is refused and why: the reasons, and their counts for staff."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import redis
import redis.asyncio
import structlog

from webapp import metrics

#: Every reason for which an event is refused, with what it means: the codes are stable, staff and Prometheus see them.
REASONS: Final[Mapping[str, str]] = {
    "bad_event": "not an event: a field is missing or of the wrong kind",
    "bad_signature": "the session or slate token was not signed by this site",
    "not_shown": "the slate did not show that item, or came without its token",
    "seq_out_of_range": "the sequence number lies outside 1 to 65,535",
    "too_old": "the session began to be told more than 7 days ago",
    "unknown_item": "the item is not in the catalogue",
    "undecodable": "a whole message was not a batch of events",
    "wrong_session": "the slate was served to another session",
}

#: Newest messages that could not be decoded, and how much of each is kept.
DEAD_LETTERS: Final = 1_000
DEAD_LETTER_BYTES: Final = 4_096

COUNTS_KEY: Final = "freshet:refused"
DEAD_LETTERS_KEY: Final = "freshet:dead-letters"

_logger = structlog.get_logger(__name__)


class Ledger:
    """Counts refusals in Prometheus and in a Redis hash that all processes share, and keeps undecodable bytes.

    Bookkeeping never holds up a visitor: when Redis is away, the shared counts miss what this process's metrics have.
    """

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client

    async def record(self, reasons: Mapping[str, int], unreadable: Sequence[bytes] = ()) -> None:
        """Count each reason, and keep the bytes that nobody could read."""
        for reason, count in reasons.items():
            metrics.EVENTS_REFUSED.labels(reason).inc(count)
        pipeline = self._client.pipeline(transaction=False)
        for reason, count in reasons.items():
            pipeline.hincrby(COUNTS_KEY, reason, count)
        for raw in unreadable:
            fields = {"payload": raw[:DEAD_LETTER_BYTES], "bytes": len(raw)}
            pipeline.xadd(DEAD_LETTERS_KEY, fields, maxlen=DEAD_LETTERS, approximate=True)
        try:
            await pipeline.execute()
        except redis.RedisError as error:
            _logger.warning("refusals_not_shared", error=str(error), reasons=dict(reasons))


def counts(client: redis.Redis) -> dict[str, int]:
    """Return how often each reason has refused since Redis was first started, most frequent first."""
    found = Counter({reason.decode(): int(count) for reason, count in client.hgetall(COUNTS_KEY).items()})
    return dict(found.most_common())
