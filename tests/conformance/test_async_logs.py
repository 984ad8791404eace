"""What every live log promises to an event loop, asked of each adapter."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from recsys.clock import SystemClock
from recsys.errors import InvalidEvent
from recsys.events import Click, Event, ItemUpserted
from recsys.log.base import MAX_SEQ, AsyncLog, Log, records
from recsys.log.memory import AsyncMemoryLog, MemoryLog
from recsys.log.redis import RedisLog
from recsys.log.redis_async import AsyncRedisLog
from recsys.log.redis_client import connect, connect_async

Logs = tuple[AsyncLog, Log]


def click(seq: int, session: str = "s") -> Click:
    return Click(event_time_ms=1_000, session=session, seq=seq, item="7")


@pytest.fixture(params=["memory", "redis"])
async def logs(request: pytest.FixtureRequest, shard: int) -> AsyncIterator[Logs]:
    """Yield a log bounded to 1,000 records, and a blocking view of the same records."""
    if request.param == "memory":
        log = MemoryLog(SystemClock(), max_length=1_000)
        yield AsyncMemoryLog(log), log
        return
    url = request.getfixturevalue("redis_server")
    with connect(url) as blocking:
        async with connect_async(url) as client:
            yield AsyncRedisLog(client, shard, max_length=1_000), RedisLog(blocking, shard)


async def test_receipts_are_those_of_the_calls_own_events(logs: Logs) -> None:
    log, same = logs
    item = ItemUpserted(event_time_ms=1, item="7", title="Alien")
    calls: list[list[Event]] = [[click(1), click(2)], [], [item], [click(2), click(3)], [click(1, "other")]]
    answers = await asyncio.gather(*(log.append(call) for call in calls))

    assert [[r.outcome for r in answer] for answer in answers] == [
        ["accepted", "accepted"],
        [],
        ["accepted"],
        ["duplicate", "accepted"],
        ["accepted"],
    ]
    offsets = [r.offset for answer in answers for r in answer if r.offset]
    assert [record.offset for record in records(same)] == offsets
    assert [record.event for record in records(same)] == [click(1), click(2), item, click(3), click(1, "other")]


async def test_many_concurrent_senders_leave_each_event_once_and_in_their_order(logs: Logs) -> None:
    log, same = logs

    async def visitor(name: str) -> None:
        for seq in range(1, 11):
            await asyncio.gather(log.append([click(seq, name)]), log.append([click(seq, name)]))

    await asyncio.gather(*(visitor(f"v{n}") for n in range(40)))

    appended = [record.event for record in records(same) if isinstance(record.event, Click)]
    assert len(appended) == 400
    for n in range(40):
        assert [event for event in appended if event.session == f"v{n}"] == [click(q, f"v{n}") for q in range(1, 11)]


async def test_full_log_refuses_visibly(logs: Logs) -> None:
    log, same = logs
    await log.append([click(0)] * 999)

    assert [r.outcome for r in await log.append([click(1), click(2)])] == ["accepted", "full"]
    assert same.length() == 1_000


async def test_session_is_read_and_forgotten(logs: Logs) -> None:
    log, _ = logs
    await log.append([click(2), click(1)])

    assert await log.session_events("s") == [click(2), click(1)]
    assert (await log.next_seq("s"), await log.next_seq("nobody")) == (3, 1)
    await log.forget_session("s")
    assert await log.session_events("s") == []
    assert await log.next_seq("s") == 3


async def test_event_out_of_bounds_fails_its_own_call_only(logs: Logs) -> None:
    log, same = logs
    answers = await asyncio.gather(
        log.append([click(1)]),
        log.append([click(2), click(MAX_SEQ + 1)]),
        log.append([click(3)]),
        return_exceptions=True,
    )

    assert isinstance(answers[1], InvalidEvent)
    assert [record.event for record in records(same)] == [click(1), click(3)]


async def test_dead_letters_are_kept_aside(logs: Logs) -> None:
    log, same = logs
    await log.append_dead_letter(b"\xff", "undecodable", b"tokens")

    (letter,) = same.dead_letters()
    assert (letter.reason, letter.payload, letter.size, letter.context) == ("undecodable", b"\xff", 1, b"tokens")
    assert same.length() == 0
