"""What the Redis logs promise beyond the conformance suite: durability, outages, back-pressure."""

import asyncio
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.errors import LogUnavailable
from recsys.events import Click
from recsys.log.append_script import Lifetimes
from recsys.log.base import MAX_SEQ, records
from recsys.log.keys import LogKeys
from recsys.log.redis import RedisLog
from recsys.log.redis_async import AsyncRedisLog
from recsys.log.redis_client import connect, connect_async
from tests.patience import PATIENCE_S
from webapp import redis_server as server_process
from webapp.redis_server import RunningServer


def click(seq: int, session: str = "s") -> Click:
    return Click(event_time_ms=1_000, session=session, seq=seq, item="7")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningServer]:
    """Yield a server that the test may do anything to; it writes through before it answers."""
    server = server_process.start(tmp_path, server_process.free_port(), appendfsync="always")
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def test_acknowledged_events_and_their_numbers_survive_kill_9_of_the_server(
    own_server: RunningServer, tmp_path: Path
) -> None:
    with connect(own_server.url) as client:
        acknowledged = [RedisLog(client).append([click(seq)])[0].offset for seq in range(1, 200)]
    own_server.kill()

    again = server_process.start(tmp_path, own_server.port)
    try:
        with connect(again.url) as client:
            log = RedisLog(client)
            assert [record.offset for record in records(log)] == acknowledged
            assert [receipt.outcome for receipt in log.append([click(1), click(199)])] == ["duplicate"] * 2
            assert log.append([click(200)])[0].outcome == "accepted"
            assert len(log.session_events("s")) == 200
    finally:
        again.kill()


async def test_killed_server_loses_nothing_that_was_acknowledged_to_concurrent_senders(
    own_server: RunningServer, tmp_path: Path
) -> None:
    acknowledged: list[Click] = []

    async def send(log: AsyncRedisLog, session: str) -> None:
        for seq in itertools.count(1):
            await log.append([click(seq, session)])
            acknowledged.append(click(seq, session))

    async with connect_async(own_server.url) as client:
        log = AsyncRedisLog(client)
        senders = asyncio.gather(*(send(log, f"v{n}") for n in range(20)), return_exceptions=True)
        await asyncio.sleep(0.3)
        own_server.process.kill()
        assert {type(error) for error in await senders} == {LogUnavailable}
    own_server.kill()

    again = server_process.start(tmp_path, own_server.port)
    try:
        with connect(again.url) as blocking:
            stored = [record.event for record in records(RedisLog(blocking))]
    finally:
        again.kill()
    assert len(acknowledged) > 100
    assert all(stored.count(event) == 1 for event in acknowledged)


async def test_log_is_unavailable_while_the_server_is_away_and_comes_back_by_itself(
    own_server: RunningServer, tmp_path: Path
) -> None:
    with connect(own_server.url) as blocking:
        async with connect_async(own_server.url) as client:
            log, same = AsyncRedisLog(client), RedisLog(blocking)
            await log.append([click(1)])
            same.append([click(2)])
            own_server.kill()
            for _ in range(2):
                answers = await asyncio.gather(
                    log.append([click(3)]), log.append([click(4)]), log.next_seq("s"), return_exceptions=True
                )
                assert {type(answer) for answer in answers} == {LogUnavailable}
                with pytest.raises(LogUnavailable, match="expected the log's Redis server to answer"):
                    same.append([click(5)])

            again = server_process.start(tmp_path, own_server.port)
            try:
                assert [r.outcome for r in await log.append([click(1), click(3)])] == ["duplicate", "accepted"]
                assert same.append([click(5)])[0].outcome == "accepted"
            finally:
                again.kill()


async def test_server_that_does_not_answer_makes_the_log_unavailable_in_time(own_server: RunningServer) -> None:
    async with connect_async(own_server.url, timeout_s=0.2) as client:
        log = AsyncRedisLog(client)
        await log.append([click(1)])
        os.kill(own_server.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(LogUnavailable, match="Timeout"):
                async with asyncio.timeout(PATIENCE_S):
                    await log.append([click(2)])
        finally:
            os.kill(own_server.process.pid, signal.SIGCONT)

        # What was sent may or may not have been appended; sending it again settles that.
        await log.append([click(2)])
        assert [event.seq for event in await log.session_events("s") if isinstance(event, Click)] == [1, 2]


async def test_too_many_waiting_events_are_refused_at_once(redis_server: str, shard: int) -> None:
    async with connect_async(redis_server) as client:
        log = AsyncRedisLog(client, shard, max_waiting=3)
        calls = [asyncio.ensure_future(log.append([click(2 * n), click(2 * n + 1)])) for n in range(1, 4)]
        answers = await asyncio.gather(*calls)

        assert [[receipt.outcome for receipt in answer] for answer in answers] == [
            ["accepted", "accepted"],
            ["full", "full"],
            ["full", "full"],
        ]
        assert [r.outcome for r in await log.append([click(4), click(5), click(6)])] == ["accepted"] * 3


async def test_caller_that_gives_up_does_not_disturb_the_others(redis_server: str, shard: int) -> None:
    async with connect_async(redis_server) as client:
        log = AsyncRedisLog(client, shard)
        patient = asyncio.ensure_future(log.append([click(1)]))
        hasty = asyncio.ensure_future(log.append([click(2)]))
        await asyncio.sleep(0)
        hasty.cancel()

        assert (await patient)[0].outcome == "accepted"
        assert (await log.append([click(3)]))[0].outcome == "accepted"


async def test_what_failed_waits_no_more_and_a_caller_that_gave_up_holds_up_no_other_when_it_fails() -> None:
    async with connect_async("redis://127.0.0.1:1/0") as nowhere:
        log = AsyncRedisLog(nowhere, max_waiting=2)
        for _ in range(2):
            hasty, patient = (asyncio.ensure_future(log.append([click(seq)])) for seq in (1, 2))
            await asyncio.sleep(0)
            hasty.cancel()
            with pytest.raises(LogUnavailable):
                async with asyncio.timeout(PATIENCE_S):
                    await patient


async def test_appends_of_one_tick_share_a_round_trip(redis_server: str, shard: int) -> None:
    async with connect_async(redis_server) as client:
        log = AsyncRedisLog(client, shard)
        await log.append([click(1, "warm")])
        before = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]
        await asyncio.gather(*(log.append([click(1, f"v{n}")]) for n in range(100)))
        after = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]

        assert after - before == 1


async def test_server_that_forgot_the_scripts_gets_them_again(redis_server: str, shard: int) -> None:
    with connect(redis_server) as blocking:
        async with connect_async(redis_server) as client:
            log, same = AsyncRedisLog(client, shard), RedisLog(blocking, shard)
            await log.append([click(1)])
            blocking.script_flush()
            assert (await log.append([click(2)]))[0].outcome == "accepted"
            blocking.script_flush()
            assert same.append([click(3)])[0].outcome == "accepted"


def test_keys_of_a_session_are_bounded_and_expire(redis_server: str, shard: int) -> None:
    with connect(redis_server) as client:
        log, keys = RedisLog(client, shard, lifetimes=Lifetimes(100, 200)), LogKeys(shard)
        log.append([click(MAX_SEQ)])

        assert client.strlen(keys.seen("s")) == 8_192
        assert 6 * 86_400 < client.ttl(keys.seen("s")) <= 7 * 86_400
        assert 90 < client.ttl(keys.session("s")) <= 100


def test_bytes_that_are_no_event_are_read_as_a_record_without_one(redis_server: str, shard: int) -> None:
    with connect(redis_server) as client:
        client.xadd(LogKeys(shard).stream, {"event": b"\xc1"})
        (record,) = RedisLog(client, shard).read("0-0", 10)

    assert (record.event, record.payload) == (None, b"\xc1")


def test_key_of_another_kind_is_reported_as_unavailable(redis_server: str, shard: int) -> None:
    with connect(redis_server) as client:
        client.set(LogKeys(shard).stream, "not a stream")
        for attempt in (lambda log: log.append([click(1)]), lambda log: log.advance("1-0"), RedisLog.length):
            with pytest.raises(LogUnavailable, match="WRONGTYPE"):
                attempt(RedisLog(client, shard))
        assert isinstance(client.get(LogKeys(shard).stream), bytes)
        assert not client.exists(LogKeys(shard).seen("s"))
