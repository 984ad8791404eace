import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidEvent
from recsys.events import Click, Dismissal, Dwell, Impression
from tests.unit.tracking.pages import ITEMS, NOW_MS, PAGE_MS, Page
from webapp.tracking.refusals import REASONS
from webapp.tracking.validation import MAX_AGE_MS, MAX_DWELL_MS, validate
from webapp.tracking.wire import MAX_MESSAGE_BYTES, Ack, decode_batch, encode

CATALOGUE = frozenset(ITEMS)


def refusals(page: Page, *events: object, **more: object) -> dict[int, str]:
    return validate(page.batch(*events, **more), NOW_MS, CATALOGUE).refused


def only_event(page: Page, event: object):
    (found,) = validate(page.batch(event), NOW_MS, CATALOGUE).events
    return found


def test_click_takes_its_position_from_the_signed_slate(page):
    assert only_event(page, page.event(4, item="brazil")) == Click(
        event_time_ms=NOW_MS - 250, session="session-1", seq=4, item="brazil", slate="slate-1", position=2
    )


@pytest.mark.parametrize(("kind", "form"), [("impression", Impression), ("dismissal", Dismissal), ("click", Click)])
def test_each_type_becomes_the_event_of_that_name(page, kind, form):
    assert type(only_event(page, page.event(1, kind=kind))) is form


def test_events_keep_the_order_in_which_they_were_sent(page):
    batch = page.batch(page.event(9), page.event(2, kind="impression"), page.event(5))
    assert [event.seq for event in validate(batch, NOW_MS, CATALOGUE).events] == [9, 2, 5]


def test_click_on_what_the_slate_did_not_show_is_refused(page):
    assert refusals(page, page.event(1, item="jaws")) == {1: "not_shown"}


def test_click_without_a_slate_is_refused(page):
    assert refusals(page, page.event(1, slate="")) == {1: "not_shown"}


def test_event_whose_slate_token_is_missing_is_refused(page):
    assert refusals(page, page.event(1), slates={}) == {1: "not_shown"}


def test_token_of_another_slate_does_not_vouch(page):
    assert refusals(page, page.event(1), slates={"slate-1": Page(slate="slate-2").slate_token}) == {1: "not_shown"}


def test_page_from_a_machine_whose_clock_is_ahead_tells_of_nothing_in_the_future():
    ahead = Page(at_ms=NOW_MS + 500)
    assert only_event(ahead, ahead.event(1)).event_time_ms == NOW_MS


def test_slate_of_another_session_is_refused(page):
    stolen = Page(session="session-2").slate_token
    assert refusals(page, page.event(1), slates={"slate-1": stolen}) == {1: "wrong_session"}


def test_unsigned_slate_is_refused(page):
    assert refusals(page, page.event(1), slates={"slate-1": "made.up"}) == {1: "bad_signature"}


def test_unsigned_session_refuses_every_event(page):
    checked = validate(page.batch(page.event(1), page.event(2), session="made.up"), NOW_MS, CATALOGUE)
    assert checked.session is None
    assert checked.refused == {1: "bad_signature", 2: "bad_signature"}


def test_session_older_than_deduplication_remembers_is_refused():
    page, oldest = (Page(at_ms=NOW_MS - age_ms) for age_ms in (MAX_AGE_MS + 1, MAX_AGE_MS))
    assert refusals(page, page.event(1)) == {1: "too_old"}
    assert refusals(oldest, oldest.event(1)) == {}


@pytest.mark.parametrize("seq", [0, -1, 65_536, 2**53])
def test_sequence_number_outside_of_the_bitmap_is_refused(page, seq):
    assert refusals(page, page.event(seq)) == {seq: "seq_out_of_range"}


def test_dwell_on_a_page_reached_without_a_slate_is_taken(page):
    event = only_event(page, page.event(1, kind="dwell", slate="", dwell_ms=4_000))
    assert event == Dwell(event_time_ms=NOW_MS - 250, session="session-1", seq=1, item="the-thing", dwell_ms=4_000)


def test_dwell_on_an_item_that_the_catalogue_does_not_have_is_refused(page):
    assert refusals(page, page.event(1, kind="dwell", slate="", item="jaws")) == {1: "unknown_item"}


def test_slate_vouches_for_its_items_where_the_catalogue_is_behind(page):
    assert len(validate(page.batch(page.event(1)), NOW_MS, frozenset()).events) == 1


@pytest.mark.parametrize(("claimed", "taken"), [(-5, 0), (10**12, MAX_DWELL_MS), (2_500, 2_500)])
def test_dwell_is_clamped_to_what_is_plausible(page, claimed, taken):
    assert only_event(page, page.event(1, kind="dwell", dwell_ms=claimed)).dwell_ms == taken


@given(age_ms=st.integers(-(2**53), 2**53))
def test_event_time_lies_between_its_page_and_now(age_ms):
    page = Page()
    event = only_event(page, page.event(1, age_ms=age_ms))
    assert PAGE_MS <= event.event_time_ms <= NOW_MS
    if 0 <= age_ms <= NOW_MS - PAGE_MS:
        assert event.event_time_ms == NOW_MS - age_ms


def test_malformed_event_does_not_hold_up_its_neighbours(page):
    checked = validate(page.batch(page.event(1), page.event(2, item=7), page.event(3)), NOW_MS, CATALOGUE)
    assert [event.seq for event in checked.events] == [1, 3]
    assert checked.refused == {2: "bad_event"}
    assert [letter.reason for letter in checked.letters] == ["bad_event"]


def test_what_never_will_do_is_not_kept(page):
    checked = validate(page.batch(page.event(1, item="jaws")), NOW_MS, CATALOGUE)
    assert (checked.reasons, checked.letters) == ({"not_shown": 1}, [])


def test_malformed_event_without_a_number_is_counted_and_kept(page):
    checked = validate(page.batch({"type": "click"}), NOW_MS, CATALOGUE)
    assert checked.refused == {}
    assert checked.reasons == {"bad_event": 1}
    assert [letter.payload for letter in checked.letters] == [b'{"type":"click"}']


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_claims = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["click", "impression", "dwell", "other"]) | _json,
        "seq": st.integers(-2, 70_000) | _json,
        "slate": st.sampled_from(["slate-1", ""]) | _json,
        "item": st.sampled_from([*ITEMS, "jaws"]) | _json,
        "age_ms": _json,
    },
)


@given(st.lists(_claims | _json, max_size=6))
def test_whatever_is_claimed_each_event_is_taken_or_refused_for_a_declared_reason(claims):
    page = Page()
    checked = validate(page.batch(*claims), NOW_MS, CATALOGUE)
    assert len(checked.events) + checked.reasons.total() == len(claims)
    assert set(checked.reasons) <= set(REASONS)
    for event in checked.events:
        assert event.slate == "" or ITEMS[event.position] == event.item


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"type":"other"}',
        b'{"type":"events"}',
        b"[]",
        b'{"type":"events","id":1,"session":"s","events":[' + b"[" * 100_000,
        b" " * (MAX_MESSAGE_BYTES + 1),
    ],
)
def test_message_that_is_no_batch_is_invalid(payload):
    with pytest.raises(InvalidEvent):
        decode_batch(payload)


def test_lone_surrogates_in_a_text_frame_are_invalid_and_never_an_error():
    with pytest.raises(InvalidEvent):
        decode_batch('{"type": "events", "id": 1, "session": "\ud800", "events": []}')


@pytest.mark.parametrize("depth", [900, 50_000])
def test_lists_within_lists_are_refused_and_never_an_error(page, depth):
    nested = msgspec.Raw(b'{"seq": 1, "item": %s%s}' % (b"[" * depth, b"]" * depth))
    try:
        batch = page.batch(nested)
    except InvalidEvent:
        return
    assert validate(batch, NOW_MS, CATALOGUE).reasons == {"bad_event": 1}


def test_acknowledgement_names_each_outcome_by_sequence_number():
    said = msgspec.json.decode(encode(Ack(id=3, outcomes={7: "accepted"})))
    assert said == {"type": "ack", "id": 3, "outcomes": {"7": "accepted"}}
