"""What is refused and why: the reasons, and their counts for staff."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis
import redis.asyncio
import structlog

from recsys.errors import LogUnavailable
from recsys.log.base import AsyncLog
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

#: A hash of counts by reason, shared by all processes: one field for each of `REASONS`.
COUNTS_KEY: Final = "freshet:refused"

#: Reasons that time may mend: newer code reads what this one can't, and a catalogue may come late.
MENDABLE: Final = frozenset({"bad_event", "undecodable", "unknown_item"})
#: Letters of one batch that are kept: the first ones show what is wrong with all.
KEPT_PER_BATCH: Final = 5


class Letter(NamedTuple):
    """What is put aside, to be looked at and perhaps tried again: its bytes, and why it was refused."""

    payload: bytes
    reason: str


_logger = structlog.get_logger(__name__)


class Ledger:
    """Counts refusals in Prometheus and in a Redis hash that all processes share, and keeps dead letters.

    Bookkeeping never holds up a visitor: when Redis is away, the shared counts miss what this process's metrics have.
    """

    def __init__(self, client: "redis.asyncio.Redis", log: AsyncLog) -> None:
        self._client = client
        self._log = log

    async def record(
        self, reasons: Mapping[str, int], letters: Sequence[Letter] = (), context: Callable[[], bytes] = bytes
    ) -> None:
        """Count each reason, and put letters aside with what came with them, which is asked for only then."""
        for reason, count in reasons.items():
            metrics.EVENTS_REFUSED.labels(reason).inc(count)
        pipeline = self._client.pipeline(transaction=False)
        for reason, count in reasons.items():
            pipeline.hincrby(COUNTS_KEY, reason, count)
        try:
            await pipeline.execute()
            for letter in letters[:KEPT_PER_BATCH]:
                await self._log.append_dead_letter(letter.payload, letter.reason, context())
        except (redis.RedisError, LogUnavailable) as error:
            _logger.warning("refusals_not_shared", error=str(error), reasons=dict(reasons))


def counts(client: redis.Redis) -> dict[str, int]:
    """Return how often each reason has refused since the counts were begun, most frequent first."""
    stored: Any = client.hgetall(COUNTS_KEY)
    return dict(Counter({reason.decode(): int(count) for reason, count in stored.items()}).most_common())
