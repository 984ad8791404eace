"""What every live log promises, asked of each adapter."""

import itertools
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys.clock import SystemClock
from recsys.errors import InvalidEvent
from recsys.events import Click, Impression, ItemUpserted, SlateServed, encode
from recsys.log.append_script import Lifetimes
from recsys.log.base import (
    DEAD_LETTER_BYTES,
    DEAD_LETTER_CONTEXT_BYTES,
    DEAD_LETTERS,
    MAX_EVENT_BYTES,
    MAX_SEQ,
    SESSION_EVENTS,
    Log,
    Receipt,
    records,
)
from recsys.log.memory import MemoryLog
from recsys.log.redis import RedisLog
from recsys.log.redis_client import connect
from recsys.offsets import ORIGIN, offset_key

MakeLog = Callable[..., Log]


def click(seq: int, session: str = "s", item: str = "7") -> Click:
    return Click(event_time_ms=1_000, session=session, seq=seq, item=item)


@pytest.fixture
def client(redis_server: str) -> Iterator[redis.Redis]:
    with connect(redis_server) as client:
        yield client


@pytest.fixture(params=["memory", "redis"])
def make_log(request: pytest.FixtureRequest, shard: int) -> MakeLog:
    """Return a factory of an empty log with the bounds that a test needs."""
    if request.param == "memory":
        return lambda **bounds: MemoryLog(SystemClock(), **bounds)
    client = request.getfixturevalue("client")
    return lambda **bounds: RedisLog(client, shard, **bounds)


@pytest.fixture
def log(make_log: MakeLog) -> Log:
    return make_log()


def test_empty_log_ends_at_the_origin(log: Log) -> None:
    assert log.read(ORIGIN, 10) == []
    assert (log.end(), log.first(), log.length()) == (ORIGIN, ORIGIN, 0)
    assert log.append([]) == []


def test_records_are_read_in_the_order_appended(log: Log) -> None:
    events = [ItemUpserted(event_time_ms=5, item="7", title="Alien"), click(1), click(2), click(0), click(0)]
    receipts = log.append(events)

    assert [receipt.outcome for receipt in receipts] == ["accepted"] * 5
    found = log.read(ORIGIN, 10)
    assert [record.event for record in found] == events
    assert [record.offset for record in found] == [receipt.offset for receipt in receipts]
    assert [record.payload for record in found] == [encode(event) for event in events]
    assert (log.first(), log.end(), log.length()) == (receipts[0].offset, receipts[-1].offset, 5)


def test_offsets_grow_and_begin_with_the_receive_time(log: Log) -> None:
    before_ms = SystemClock().now_ms()
    receipts = [*log.append([click(0), click(0)]), *log.append([click(0)])]
    after_ms = SystemClock().now_ms()

    keys = [offset_key(receipt.offset) for receipt in receipts]
    assert keys == sorted(set(keys))
    assert before_ms <= keys[0][0] <= keys[-1][0] <= after_ms
    assert log.read(ORIGIN, 1)[0].received_ms == keys[0][0]


def test_reading_goes_on_after_an_offset_up_to_a_limit(log: Log) -> None:
    receipts = log.append([click(seq) for seq in range(1, 8)])

    assert [record.offset for record in log.read(receipts[2].offset, 2)] == [receipts[3].offset, receipts[4].offset]
    assert log.read(log.end(), 10) == []


def test_records_iterates_to_the_offset_asked_for(log: Log) -> None:
    receipts = log.append([click(seq) for seq in range(1, 8)])

    assert [r.offset for r in records(log, batch=2)] == [receipt.offset for receipt in receipts]
    assert [r.offset for r in records(log, receipts[1].offset, receipts[4].offset, batch=2)] == [
        receipt.offset for receipt in receipts[2:5]
    ]


def test_a_number_is_in_the_log_once(log: Log) -> None:
    log.append([click(1), click(2)])

    assert [receipt.outcome for receipt in log.append([click(2), click(3), click(3)])] == [
        "duplicate",
        "accepted",
        "duplicate",
    ]
    assert log.append([click(1)]) == [Receipt("duplicate", "")]
    assert log.append([click(1, session="other")])[0].outcome == "accepted"
    assert log.length() == 4


def test_numbers_may_arrive_out_of_order(log: Log) -> None:
    outcomes = [log.append([click(seq)])[0].outcome for seq in (MAX_SEQ, 1, 700, 8, 7, 700, MAX_SEQ, 9)]

    assert outcomes == ["accepted"] * 5 + ["duplicate"] * 2 + ["accepted"]


def test_events_made_by_the_server_are_never_duplicates(log: Log) -> None:
    slate = SlateServed(event_time_ms=1, session="s", slate="a", surface="for_you", items=("7",))
    item = ItemUpserted(event_time_ms=1, item="7", title="Alien")

    assert [receipt.outcome for receipt in log.append([slate, slate, item, item])] == ["accepted"] * 4


def test_full_log_refuses_without_a_trace_and_takes_the_same_event_later(make_log: MakeLog) -> None:
    log = make_log(max_length=3)
    first = log.append([click(1), click(2)])

    assert [r.outcome for r in log.append([click(3), click(4), click(5)])] == ["accepted", "full", "full"]
    assert [r.outcome for r in log.append([click(1), click(0)])] == ["duplicate", "full"]
    assert log.length() == 3
    assert log.session_events("s") == [click(1), click(2), click(3)]

    log.trim(first[0].offset)
    assert log.append([click(4)])[0].outcome == "accepted"
    assert log.next_seq("s") == 5


def test_session_has_its_own_events_in_log_order(log: Log) -> None:
    slate = SlateServed(event_time_ms=1, session="s", slate="a", surface="for_you", items=("7",))
    log.append([slate, click(2), click(1, session="other"), click(1)])
    log.append([click(2)])

    assert log.session_events("s") == [slate, click(2), click(1)]
    assert log.session_events("other") == [click(1, session="other")]
    assert log.session_events("nobody") == []


def test_forgotten_session_stays_in_the_log_and_stays_deduplicated(log: Log) -> None:
    log.append([click(1), click(2)])
    log.forget_session("s")

    assert log.session_events("s") == []
    assert log.length() == 2
    assert log.append([click(2)])[0].outcome == "duplicate"
    assert log.next_seq("s") == 3


def test_session_list_keeps_the_newest_events(log: Log) -> None:
    log.append([click(0, item=str(n)) for n in range(SESSION_EVENTS + 5)])

    events = log.session_events("s")
    assert len(events) == SESSION_EVENTS
    assert events[0] == click(0, item="5")
    assert log.length() == SESSION_EVENTS + 5


def test_session_list_ends_while_its_numbers_are_remembered(make_log: MakeLog) -> None:
    log = make_log(lifetimes=Lifetimes(1, 1))
    log.append([click(1)])
    time.sleep(1.1)

    assert log.session_events("s") == []
    assert log.append([click(1)])[0].outcome == "duplicate"


def test_list_of_a_visitor_who_is_recognised_lives_longer_whatever_follows(make_log: MakeLog) -> None:
    log = make_log(lifetimes=Lifetimes(1, 100))
    mine = {"event_time_ms": 1, "slate": "a", "surface": "new", "items": ("7",)}
    log.append([SlateServed(session="s", visitor="v", **mine), SlateServed(session="t", **mine)])
    log.append([click(1)])
    time.sleep(1.1)

    assert len(log.session_events("s")) == 2
    assert log.session_events("t") == []


def test_next_number_follows_the_highest_seen(log: Log) -> None:
    assert log.next_seq("s") == 1
    sent = (1, 2, 9, 7, 8, 15, 16, 17, 255, 256, 1_000, 999, MAX_SEQ)
    for count, seq in enumerate(sent, 1):
        log.append([click(seq)])
        assert log.next_seq("s") == max(sent[:count]) + 1
    assert log.next_seq("other") == 1


def test_event_out_of_bounds_appends_nothing(log: Log) -> None:
    too_large = ItemUpserted(event_time_ms=1, item="7", title="x" * MAX_EVENT_BYTES)
    for event in (click(MAX_SEQ + 1), click(-1), click(1, session=""), too_large):
        with pytest.raises(InvalidEvent, match="expected"):
            log.append([click(1), event])
    assert log.length() == 0


def test_trim_drops_through_the_offset_and_nothing_after_it(log: Log) -> None:
    receipts = log.append([click(seq) for seq in range(1, 7)])

    assert log.trim(receipts[2].offset) == 3
    assert [r.offset for r in records(log)] == [receipt.offset for receipt in receipts[3:]]
    assert log.first() == receipts[3].offset
    assert log.trim(receipts[2].offset) == 0
    assert log.trim(ORIGIN) == 0


def test_trimmed_log_remembers_where_it_ended(log: Log) -> None:
    receipts = log.append([click(1), click(2)])
    log.trim(receipts[-1].offset)

    assert (log.length(), log.first(), log.end()) == (0, ORIGIN, receipts[-1].offset)
    assert offset_key(log.append([click(3)])[0].offset) > offset_key(receipts[-1].offset)
    assert log.append([click(1)])[0].outcome == "duplicate"


def test_log_goes_on_after_the_history_before_it(log: Log) -> None:
    ahead = f"{SystemClock().now_ms() + 60_000}-4"
    log.advance(ORIGIN)
    log.advance(ahead)
    log.advance("5-0")
    log.advance(ahead)

    assert (log.end(), log.length(), log.first(), log.read(ORIGIN, 9)) == (ahead, 0, ORIGIN, [])
    receipt = log.append([click(1)])[0]
    assert offset_key(receipt.offset) > offset_key(ahead)
    log.advance(receipt.offset)
    assert [record.offset for record in log.read(ORIGIN, 9)] == [receipt.offset]


def test_newest_records_come_in_order(log: Log) -> None:
    assert log.newest(3) == []
    log.append([click(seq) for seq in range(1, 6)])
    assert list(log.newest(3)) == list(records(log))[-3:]
    assert list(log.newest(9)) == list(records(log))


def test_dead_letters_are_kept_aside_cut_and_capped(log: Log) -> None:
    log.append_dead_letter(b"\xff" * (DEAD_LETTER_BYTES + 1), "undecodable")
    for n in range(DEAD_LETTERS - 1):
        log.append_dead_letter(b"%d" % n, "other")

    first = log.dead_letters()[0]
    assert (first.reason, first.payload, first.size) == (
        "undecodable",
        b"\xff" * DEAD_LETTER_BYTES,
        DEAD_LETTER_BYTES + 1,
    )
    log.append_dead_letter(b"newest", "other")
    letters = log.dead_letters()
    assert (len(letters), letters[0].payload, letters[-1].payload) == (DEAD_LETTERS, b"0", b"newest")
    assert log.length() == 0


def test_dead_letter_keeps_what_came_with_it_whole_or_not_at_all(log: Log) -> None:
    log.append_dead_letter(b"a", "other", b"tokens")
    log.append_dead_letter(b"b", "other", b"x" * (DEAD_LETTER_CONTEXT_BYTES + 1))
    assert [letter.context for letter in log.dead_letters()] == [b"tokens", b""]


def test_dead_letter_goes_once(log: Log) -> None:
    for payload in (b"a", b"b", b"c"):
        log.append_dead_letter(payload, "other")
    _, second, _ = log.dead_letters()
    assert second.received_ms > 0
    assert log.drop_dead_letter(second.id)
    assert not log.drop_dead_letter(second.id)
    assert [letter.payload for letter in log.dead_letters()] == [b"a", b"c"]


_runs = itertools.count()
SENT = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 40))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(SENT, max_size=12), max_size=12))
def test_any_order_of_resent_batches_leaves_each_event_once(log: Log, batches: list[list[tuple[str, int]]]) -> None:
    run = next(_runs)
    start = log.end()
    accepted = []
    for batch in batches:
        events = [Impression(event_time_ms=1, session=f"{run}{name}", seq=seq, item=str(seq)) for name, seq in batch]
        accepted += [e for e, r in zip(events, log.append(events), strict=True) if r.outcome == "accepted"]

    appended = [record.event for record in records(log, start)]
    assert appended == accepted
    sent = {(f"{run}{name}", seq) for batch in batches for name, seq in batch}
    assert sorted((e.session, e.seq) for e in accepted) == sorted(sent)
    for name in "abc":
        session = f"{run}{name}"
        assert log.session_events(session) == [event for event in accepted if event.session == session]
        assert log.next_seq(session) == max((seq for of, seq in sent if of == session), default=0) + 1
