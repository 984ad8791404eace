"""Lists of sessions that rest: gone from the server's memory, and found again by whoever asks."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.errors import LogUnavailable
from recsys.events import SCHEMA_VERSION, Click, Event, SlateServed
from recsys.log.append_script import Lifetimes
from recsys.log.archive import ArchiveLog, write_segment
from recsys.log.base import SESSION_EVENTS
from recsys.log.keys import LogKeys
from recsys.log.redis import RedisLog
from recsys.log.redis_async import AsyncRedisLog
from recsys.log.redis_client import connect, connect_async
from recsys.log.resting import STEP, Resting
from recsys.log.segments import segments
from recsys.offsets import offset_key

#: An offset and a moment that everything is older than.
LATER_MS = 2**42
LATER = f"{LATER_MS}-0"


def click(seq: int, session: str = "s") -> Click:
    return Click(event_time_ms=1_790_000_000_000 + seq, session=session, seq=seq, item=str(seq))


class Site:
    """A log with its archive, and what lets its sessions rest."""

    def __init__(self, client: redis.Redis, shard: int, folder: Path) -> None:
        self.client, self.keys, self.archive = client, LogKeys(shard), ArchiveLog(folder)
        self.log = RedisLog(client, shard, archive=self.archive, lifetimes=Lifetimes(100, 200))
        self.resting = Resting(client, 60, shard)
        self._folder = folder

    def settle(self) -> int:
        """Archive everything, then let every list rest."""
        if waiting := self.log.read(self.archive.end(), 10_000):
            write_segment(self._folder, waiting)
        return self.resting.run(LATER, LATER_MS)

    def held(self, session: str = "s") -> int:
        return int(self.client.llen(self.keys.session(session)))


@pytest.fixture
def site(redis_server: str, shard: int, tmp_path: Path) -> Iterator[Site]:
    with connect(redis_server) as client:
        yield Site(client, shard, tmp_path)


@pytest.fixture
async def waker(redis_server: str, shard: int, site: Site) -> AsyncIterator[AsyncRedisLog]:
    async with connect_async(redis_server) as client:
        yield AsyncRedisLog(client, shard, archive=site.archive)


def test_session_that_rests_is_read_whole_and_takes_one_entry(site: Site) -> None:
    slate = SlateServed(event_time_ms=5, session="s", slate="a", surface="new", items=("7",))
    site.log.append([slate, click(1), click(1, "t"), click(2)])

    assert site.settle() == 2
    assert (site.held("s"), site.held("t")) == (1, 1)
    assert site.log.session_events("s") == [slate, click(1), click(2)]
    assert site.log.session_events("t") == [click(1, "t")]


def test_what_follows_comes_after_what_rests_also_when_both_rest(site: Site) -> None:
    site.log.append([click(1), click(2)])
    site.settle()
    site.log.append([click(3)])

    assert site.log.session_events("s") == [click(1), click(2), click(3)]
    assert site.settle() == 1
    assert site.held() == 1
    assert site.log.session_events("s") == [click(1), click(2), click(3)]


async def test_session_that_is_read_for_its_visitor_is_held_again_for_as_long_as_before(
    site: Site, waker: AsyncRedisLog
) -> None:
    site.log.append([click(seq) for seq in range(1, 6)])
    site.settle()
    site.log.append([click(6)])

    assert await waker.session_events("s") == [click(seq) for seq in range(1, 7)]
    assert site.held() == 6
    assert 90 < site.client.ttl(site.keys.session("s")) <= 100
    assert site.log.session_events("s") == [click(seq) for seq in range(1, 7)]
    assert site.settle() == 1
    assert await waker.session_events("s") == [click(seq) for seq in range(1, 7)]


async def test_what_only_later_code_can_read_is_left_out(site: Site, waker: AsyncRedisLog) -> None:
    later = msgspec.structs.replace(click(2), v=SCHEMA_VERSION + 1)
    site.log.append([click(1), later, click(3)])
    assert site.log.session_events("s") == await waker.session_events("s") == [click(1), click(3)]

    site.settle()
    assert site.log.session_events("s") == await waker.session_events("s") == [click(1), click(3)]


async def test_those_who_look_on_do_not_wake_a_session(site: Site) -> None:
    site.log.append([click(1)])
    site.settle()

    site.log.session_events("s")
    assert site.client.zcard(site.keys.awake) == 0


async def test_forgotten_session_is_neither_found_nor_woken_and_begins_anew(site: Site, waker: AsyncRedisLog) -> None:
    site.log.append([click(1), click(2)])
    site.settle()
    site.log.forget_session("s")

    assert await waker.session_events("s") == []
    site.log.append([click(3)])
    assert site.settle() == 1
    assert await waker.session_events("s") == [click(3)]


def test_session_forgotten_while_it_is_held_is_struck_off(site: Site) -> None:
    site.log.append([click(1)])
    site.log.forget_session("s")

    assert site.settle() == 0
    assert site.client.zcard(site.keys.awake) == 0
    assert site.held() == 0


def test_only_what_is_archived_and_unused_for_long_rests(site: Site) -> None:
    (receipt,) = site.log.append([click(1)])
    used_ms = offset_key(receipt.offset)[0]

    assert site.resting.run(f"{used_ms}-0", LATER_MS) == 0
    assert site.resting.run(LATER, used_ms + 59_999) == 0
    assert site.resting.run(LATER, used_ms + 60_000) == 1


def test_session_used_between_look_and_rest_stays_held(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.log.append([click(1)])
    script = site.resting._script

    def used_meanwhile(**given: list[object]) -> object:
        site.client.zincrby(site.keys.awake, 1, site.keys.session("s"))
        site.log.append([click(2)])
        return script(**given)

    monkeypatch.setattr(site.resting, "_script", used_meanwhile)
    assert site.settle() == 0
    assert site.log.session_events("s") == [click(1), click(2)]
    assert site.held() == 2


async def test_no_more_than_the_newest_events_of_a_session_are_read_or_put_back(
    site: Site, waker: AsyncRedisLog
) -> None:
    site.log.append([click(seq) for seq in range(1, SESSION_EVENTS + 1)])
    site.settle()
    site.log.append([click(SESSION_EVENTS + 1)])
    newest = [click(seq) for seq in range(2, SESSION_EVENTS + 2)]

    assert site.log.session_events("s") == newest
    assert site.settle() == 1
    assert await waker.session_events("s") == newest
    assert site.held() == SESSION_EVENTS


def test_many_rest_step_by_step(site: Site) -> None:
    site.log.append([click(1, f"v{number}") for number in range(STEP + 5)])

    assert [site.settle(), site.settle(), site.settle()] == [STEP, 5, 0]


async def test_damaged_archive_makes_a_resting_session_unavailable_and_leaves_it_as_it_is(
    site: Site, waker: AsyncRedisLog
) -> None:
    site.log.append([click(1)])
    site.settle()
    (segment,) = segments(site._folder)
    whole = segment.path.read_bytes()
    segment.path.write_bytes(whole[:40])

    for read in (site.log.session_events, waker.session_events):
        with pytest.raises(LogUnavailable, match="expected a Parquet segment in"):
            answer = read("s")
            if not isinstance(answer, list):
                await answer
    segment.path.write_bytes(whole)
    assert await waker.session_events("s") == [click(1)]


def test_log_without_an_archive_says_so_where_a_session_rests(site: Site, shard: int) -> None:
    site.log.append([click(1)])
    site.settle()
    with pytest.raises(LogUnavailable, match="expected an archive to read s from"):
        RedisLog(site.client, shard).session_events("s")


_examples = itertools.count()
_ACTS = st.lists(st.tuples(st.sampled_from(["click", "rest", "read", "forget"]), st.sampled_from("st")), max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=_ACTS)
async def test_no_order_of_resting_and_waking_changes_what_a_session_did(
    acts: list[tuple[str, str]], site: Site, waker: AsyncRedisLog
) -> None:
    example = next(_examples)
    did: dict[str, list[Event]] = {f"s{example}": [], f"t{example}": []}
    for seq, (act, name) in enumerate(acts, 1):
        session = f"{name}{example}"
        if act == "click":
            site.log.append([click(seq, session)])
            did[session].append(click(seq, session))
        elif act == "rest":
            site.settle()
        elif act == "forget":
            site.log.forget_session(session)
            did[session] = []
        else:
            assert await waker.session_events(session) == did[session]
    for session, events in did.items():
        assert site.log.session_events(session) == events
        assert await waker.session_events(session) == events
