"""Visitors who come back and allow to be recognised: which sessions were theirs, and what they did in them.

The list of a visitor's sessions ends when the sessions' own events do (`FRESHET_RECOGNISED_SESSION_TTL_S`), so that
nothing here outlives what it points to.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import redis
import structlog
from django.conf import settings

from recsys.errors import LogUnavailable
from recsys.events import Event
from webapp import wiring
from webapp.tracking.consent import Visit

#: Earlier sessions that count; each counts half of the one after it, so that older ones would hardly be felt.
EARLIER_SESSIONS: Final = 4

_logger = structlog.get_logger(__name__)


async def earlier_sessions(visit: Visit) -> list[Sequence[Event]]:
    """Note that the visitor is here again; return the events of their earlier sessions, oldest session first.

    Empty for visits without a visitor, and where Redis is away.
    """
    if not visit.visitor:
        return []
    log = wiring.async_event_log()
    try:
        return await asyncio.gather(*(log.session_events(session) for session in await _sessions(visit)))
    except (redis.RedisError, LogUnavailable) as error:
        _logger.warning("earlier_sessions_not_read", error=str(error))
        return []


def visitor_key(visitor: str) -> str:
    """Return the Redis key of the list of a visitor's sessions."""
    return f"freshet:visitor:{visitor}"


async def _sessions(visit: Visit) -> list[str]:
    key = visitor_key(visit.visitor)
    pipeline = wiring.async_redis().pipeline()
    pipeline.zadd(key, {visit.session: visit.at_ms}, nx=True)
    pipeline.zremrangebyrank(key, 0, -EARLIER_SESSIONS - 2)
    pipeline.expire(key, settings.FRESHET_RECOGNISED_SESSION_TTL_S)
    pipeline.zrange(key, 0, -1)
    found: list[Any] = await pipeline.execute()
    return [session.decode() for session in found[-1] if session.decode() != visit.session]
