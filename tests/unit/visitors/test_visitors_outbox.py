"""The outbox of simulated visitors keeps what is not acknowledged, and says it as the tracker does."""

from webapp.tracking.wire import decode_batch, decode_event
from webapp.visitors.outbox import BATCH, Ack, Hello, Outbox, PushedSlate, read
from webapp.visitors.pages import Shelf

SHELF = Shelf("slate-1", "token-1", "for_you", ("a", "b"))


def outbox(*kinds: str) -> Outbox:
    made = Outbox("session-1", "session-token")
    for kind in kinds:
        made.record(kind, SHELF, "a", now_s=10.0)
    return made


def test_message_is_one_that_the_site_reads():
    made = outbox("impression", "click")
    made.record("dwell", SHELF, "b", now_s=11.0, dwell_ms=4_000)
    number, text = made.message(12.5, ("for_you",))
    batch = decode_batch(text)
    assert (batch.id, batch.session, batch.slates, batch.surfaces) == (
        number, "session-token", {"slate-1": "token-1"}, ("for_you",),
    )  # fmt: skip
    events = [decode_event(raw) for raw in batch.events]
    assert [(event.seq, event.type, event.age_ms, event.dwell_ms) for event in events] == [
        (1, "impression", 2_500, 0),
        (2, "click", 2_500, 0),
        (3, "dwell", 1_500, 4_000),
    ]


def test_only_acknowledged_events_are_forgotten():
    made = outbox("impression", "click", "click")
    assert made.acknowledge({1: "accepted", 2: "full", 9: "accepted"}) == {1: "accepted"}
    assert list(made.waiting) == [2, 3]


def test_unacknowledged_events_are_sent_again_under_their_numbers():
    made = outbox("click", "click")
    made.message(11.0, ())
    made.hello(next_seq=2)  # after a drop: the site may have the first one already
    assert [decode_event(raw).seq for raw in decode_batch(made.message(12.0, ())[1]).events] == [1, 2]


def test_numbers_start_where_the_site_says():
    made = Outbox("session-1", "session-token")
    made.hello(next_seq=40)
    assert made.record("click", SHELF, "a", now_s=1.0) == 40


def test_message_holds_no_more_than_a_batch():
    made = outbox(*["impression"] * (BATCH + 5))
    assert len(decode_batch(made.message(11.0, ())[1]).events) == BATCH


def test_what_the_site_says_is_understood():
    assert read('{"type":"hello","session":"s","next_seq":3,"version":"1-0"}') == Hello("s", 3)
    assert read('{"type":"ack","id":4,"outcomes":{"7":"accepted"}}') == Ack(4, {7: "accepted"})
    assert read('{"type":"slate","surface":"for_you","slate":"x","html":"<p>"}') == PushedSlate("for_you", "x", "<p>")
