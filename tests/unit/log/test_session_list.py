"""A session's own list holds its events short, and gives them back whole."""

import pytest

from recsys.errors import InvalidEvent
from recsys.events import (
    Click,
    Dismissal,
    DismissalUndone,
    Dwell,
    Impression,
    SessionBegan,
    SessionEvent,
    SessionForgotten,
    SlateServed,
    encode,
)
from recsys.log.session_list import restored, shortened

_OF_AN_ITEM = {"event_time_ms": 1_795_737_243_252, "session": "xAbxq1HLJ1FGItcuJJnn5g", "seq": 147, "simulated": True,
               "item": "172", "slate": "x6K42Rj8lSaY", "position": 5}  # fmt: skip
EVENTS = (
    Impression(**_OF_AN_ITEM),
    Click(**_OF_AN_ITEM),
    Dwell(**_OF_AN_ITEM, dwell_ms=8_000),
    Dismissal(**_OF_AN_ITEM),
    DismissalUndone(**_OF_AN_ITEM),
    SessionForgotten(event_time_ms=5, session="o-CkhMyajV60P3OidfdOzQ"),
    SessionBegan(event_time_ms=5, session="o-CkhMyajV60P3OidfdOzQ", referrer="search", page="item", device="phone"),
    SlateServed(
        event_time_ms=5,
        session="o-CkhMyajV60P3OidfdOzQ",
        slate="t",
        surface="for_you",
        items=("a", "b"),
        propensities=(0.5, 1.0),
        arm="control",
        version="7-1",
        signals=bytes(range(256)),
        visitor="v",
        explored=(1,),
    ),
)


def test_every_kind_of_session_event_is_tried() -> None:
    def kinds(base: type[SessionEvent]) -> set[type[SessionEvent]]:
        return {found for kind in base.__subclasses__() for found in kinds(kind) or {kind}}

    assert {type(event) for event in EVENTS} == kinds(SessionEvent)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.tag())
def test_an_event_comes_back_whole(event: SessionEvent) -> None:
    entry = shortened(event)
    assert restored(event.session, entry) == event
    assert event.session.encode() not in entry


def test_an_impression_takes_a_third_of_what_it_takes_in_the_log() -> None:
    assert 3 * len(shortened(EVENTS[0])) < len(encode(EVENTS[0]))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.tag())
def test_lists_written_before_they_were_short_are_read(event: SessionEvent) -> None:
    assert restored(event.session, encode(event)) == event


def test_what_a_later_release_numbers_is_refused_with_what_was_expected() -> None:
    with pytest.raises(InvalidEvent, match="expected MessagePack of one of"):
        restored("s", b"\x82\x00\x7f\x01\x05")
