"""What is known of a visit when it begins: coarse classes, whatever a browser says of itself."""

import pytest
from django.test import RequestFactory
from django.urls import resolve
from hypothesis import given
from hypothesis import strategies as st

from recsys.events import SessionBegan, decode, encode
from webapp.tracking.entry import device, page, referrer, told

OWN = "freshet.example:8000"
AGENTS = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148": "phone",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36": "phone",
    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/130.0 Safari/537.36": "tablet",
    "Mozilla/5.0 (iPad; CPU OS 16_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148": "tablet",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36": "desktop",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.6 Safari/605.1.15": "desktop",
    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0": "desktop",
    "Python-urllib/3.11": "unknown",
    "": "unknown",
}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "direct"),
        (f"http://{OWN}/item/7/", "internal"),
        ("http://freshet.example:9000/", "elsewhere"),
        ("https://www.google.co.uk/", "search"),
        ("https://duckduckgo.com/?q=westerns", "search"),
        ("https://t.co/x1", "social"),
        ("https://x.com/somebody", "social"),
        ("https://old.reddit.com/r/films", "social"),
        ("https://films.example/best", "elsewhere"),
        ("https://[::1", "unknown"),
        ("no address", "unknown"),
    ],
)
def test_referrer_is_known_by_its_class(address: str, expected: str) -> None:
    assert referrer(address, OWN) == expected


@pytest.mark.parametrize(("agent", "expected"), AGENTS.items())
def test_device_is_known_by_its_class(agent: str, expected: str) -> None:
    assert device(agent, "") == expected


def test_a_browser_that_hints_at_being_mobile_is_believed() -> None:
    frozen = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
    assert (device(frozen, "?1"), device(frozen, "?0")) == ("phone", "tablet")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "home"), ("/item/7/", "item"), ("/genres/", "list"), ("/search/", "search"), ("/lens/", "unknown")],
)
def test_page_is_known_by_its_kind(path: str, expected: str) -> None:
    request = RequestFactory().get(path)
    assert page(request) == "unknown", "before it is known what answers"
    request.resolver_match = resolve(path)
    assert page(request) == expected


@given(address=st.text(max_size=40), agent=st.text(max_size=40), hint=st.text(max_size=4))
def test_whatever_a_browser_says_is_a_class_that_the_log_takes(address: str, agent: str, hint: str) -> None:
    event = SessionBegan(event_time_ms=1, session="s", referrer=referrer(address, OWN), device=device(agent, hint))
    assert decode(encode(event)) == event
    assert told(event)


def test_what_is_known_is_told_in_words() -> None:
    known = SessionBegan(event_time_ms=1, session="s", referrer="search", page="item", device="phone")
    assert told(known) == "from a search engine, began on a film, on a phone"
    assert told(SessionBegan(event_time_ms=1, session="s")) == "nothing known"
