"""Events: what is written can be read, in both forms, and nothing else is taken for an event."""

from typing import Any, Literal, get_args, get_origin

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidEvent
from recsys.events import (
    MAX_NUMBER,
    SCHEMA_VERSION,
    TYPE_NAMES,
    AnyEvent,
    Click,
    Event,
    SlateServed,
    decode,
    decode_json,
    encode,
    encode_json,
)
from recsys.packing import unpack

TYPES: tuple[type[Event], ...] = AnyEvent.__args__
ITEM = {"type": "item", "event_time_ms": 1, "item": "7", "title": "Seven"}
CLICK = Click(event_time_ms=5, session="s", seq=1, item="7")


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Return an event of any type of today's schema, with any values that fit its fields and 64 bits."""
    kind = draw(st.sampled_from(TYPES))
    fields = [field for field in msgspec.structs.fields(kind) if field.name not in ("v", "unpacked")]
    values: dict[str, Any] = {field.name: draw(_values(field.type)) for field in fields}
    return kind(**values)


def _values(declared: object) -> st.SearchStrategy[object]:
    if declared is int:
        return st.integers(-(2**63), 2**63 - 1)
    if declared == int | None:
        return st.none() | st.integers(-(2**63), 2**63 - 1)
    if declared == tuple[float, ...]:
        return st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple)
    if declared == tuple[int, ...]:
        return st.lists(st.integers(0, 200), max_size=3).map(tuple)
    if declared == tuple[str, ...]:
        return st.lists(st.text(max_size=5), max_size=3).map(tuple)
    if declared == dict[str, float]:
        return st.dictionaries(st.text(max_size=5), st.floats(-MAX_NUMBER, MAX_NUMBER), max_size=3)
    if declared is bytes:
        return st.binary(max_size=8)
    if declared is bool:
        return st.booleans()
    if get_origin(declared) is Literal:
        return st.sampled_from(get_args(declared))
    return st.text(max_size=5)


@given(event=events())
def test_every_event_survives_both_forms(event: Event) -> None:
    assert decode(encode(event)) == event
    assert decode_json(encode_json(event)) == event


def test_type_names_are_those_of_the_structs_in_order() -> None:
    assert tuple(kind.tag() for kind in TYPES) == TYPE_NAMES


def test_class_of_entry_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(InvalidEvent, match=r"'watch'.*device"):
        decode_json(b'{"type":"session_began","event_time_ms":1,"session":"s","device":"watch"}')


def test_json_line_names_its_type_and_leaves_defaults_out() -> None:
    expected = {"type": "click", "event_time_ms": 5, "session": "s", "seq": 1, "item": "7"}
    assert msgspec.json.decode(encode_json(CLICK)) == expected


def test_field_that_this_code_does_not_know_is_passed_over() -> None:
    wire = {**msgspec.to_builtins(CLICK), "colour": "red"}
    assert decode(msgspec.msgpack.encode(wire)) == CLICK


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        encode(CLICK)[:-1],
        msgspec.msgpack.encode({"type": "purchase", "event_time_ms": 1}),
        msgspec.msgpack.encode({"type": "click", "event_time_ms": "noon", "session": "s", "item": "7"}),
        msgspec.msgpack.encode({"type": "click", "event_time_ms": 1}),
        msgspec.msgpack.encode({**ITEM, "numbers": {"price": float("inf")}}),
        msgspec.msgpack.encode({**ITEM, "numbers": {"price": 10.0 * MAX_NUMBER}}),
        msgspec.msgpack.encode({**ITEM, "title": "?"}).replace(b"\xa1?", b"\xa1\xff"),
        msgspec.msgpack.encode({**ITEM, "more": 0}).replace(b"\xa4more\x00", b"\xa4more" + b"\x91" * 100_000),
    ],
)
def test_bytes_that_are_no_event_are_refused(payload: bytes) -> None:
    with pytest.raises(InvalidEvent, match="expected MessagePack of one of item"):
        decode(payload)


def test_event_of_a_newer_schema_is_refused_with_what_to_do() -> None:
    newer = msgspec.structs.replace(CLICK, v=SCHEMA_VERSION + 1)
    with pytest.raises(InvalidEvent, match="upgrade this reader"):
        decode(encode(newer))


@given(payload=st.binary(max_size=40))
def test_any_bytes_are_an_event_or_refused(payload: bytes) -> None:
    try:
        event = decode(payload)
    except InvalidEvent:
        return
    assert decode(encode(event)) == event


def test_slates_logged_before_exploration_was_say_nothing_of_it() -> None:
    old = {"type": "slate", "event_time_ms": 1, "session": "s", "slate": "a", "surface": "for_you", "items": ["7"]}

    slate = decode(msgspec.msgpack.encode(old))

    assert isinstance(slate, SlateServed)
    assert slate.explored == ()
    assert b"explored" not in encode(slate)


def test_signals_of_slates_logged_before_they_were_packed_are_read_as_today() -> None:
    numbers = np.array([[0.0, 1.5], [-2.0, 0.0]], dtype="<f4")
    old = {"type": "slate", "event_time_ms": 5, "session": "s", "slate": "a", "surface": "new", "items": ["x", "y"]}
    slate = decode(msgspec.msgpack.encode({**old, "signals": numbers.tobytes()}))
    assert isinstance(slate, SlateServed)
    assert unpack(slate.signals, 2, 2).tolist() == numbers.tolist()
    assert decode(encode(slate)) == slate
    damaged = decode(msgspec.msgpack.encode({**old, "signals": b"123"}))
    assert isinstance(damaged, SlateServed) and damaged.signals == b""
