"""Peers that count, on histories small enough to count by hand."""

import pytest

from benchmarks.quality.contenders import Query, Shown
from benchmarks.quality.peers.base import Fading
from benchmarks.quality.peers.counted_slates import ClickCount, ClickRate, CoClicks
from benchmarks.quality.peers.counting import CoCounts, Popularity
from recsys.events import Click


def taught(peer: Popularity | CoCounts, *sessions: str) -> Popularity | CoCounts:
    for number, items in enumerate(sessions):
        for item in items:
            peer.learn(Click(event_time_ms=number, session=f"s{number}", item=item))
    return peer


def after(peer: Popularity | CoCounts, clicks: str, k: int = 3, *, repeats: bool = True) -> str:
    for item in clicks:
        peer.observe(Click(event_time_ms=99, session="own", item=item))
    found = "".join(peer.recommend("own", 99, k, repeats=repeats))
    peer.end("own")
    return found


def test_popularity_counts_and_breaks_ties_by_age() -> None:
    assert after(taught(Popularity(), "abc", "cb", "b"), "") == "bca"


def test_fading_popularity_prefers_what_is_clicked_now() -> None:
    sessions = ("aaaa", "bb")
    assert after(taught(Popularity(), *sessions), "", k=1) == "a"
    assert after(taught(Popularity(half_life_clicks=1), *sessions), "", k=1) == "b"


def test_co_counts_follow_the_session() -> None:
    peer = taught(CoCounts(), "ab", "ab", "ac", "xy")
    # b: 2 / sqrt(3 · 2), c: 1 / sqrt(3 · 1); then, to fill up, the most clicked.
    assert after(peer, "a") == "bca"
    assert after(peer, "x", k=2) == "ya"


def test_last_click_weighs_most() -> None:
    peer = taught(CoCounts(), "ab", "xy")
    assert after(peer, "ax", k=2) == "yb"


def test_what_was_clicked_is_left_out_where_nothing_repeats() -> None:
    peer = taught(CoCounts(), "ab", "ab", "ac")
    assert after(peer, "ab", repeats=False) == "c"
    assert after(taught(Popularity(), "aab"), "a", repeats=False) == "b"


def test_unknown_items_and_empty_worlds_are_no_error() -> None:
    assert after(CoCounts(), "q") == ""
    assert after(taught(CoCounts(), "ab"), "q") == "ab"


def test_question_changes_nothing() -> None:
    peer = taught(CoCounts(), "abc", "bd")
    assert after(peer, "b") == after(peer, "b")


def test_scaling_weights_down_changes_no_order() -> None:
    sessions = ["ab"] * 3 + ["ac"] * 200
    fading = taught(CoCounts(half_life_clicks=1), *sessions)
    assert after(fading, "a", k=1) == "c"
    weights = Fading(half_life=1)
    for _ in range(400):
        weights.step()
    assert weights.overflowing()
    assert weights.rebase() > 1e100
    assert not weights.overflowing()


@pytest.mark.parametrize(("peer", "best"), [(ClickCount(), "often"), (ClickRate(), "rarely"), (CoClicks(), "rarely")])
def test_counts_and_rates_differ_by_how_often_an_item_was_shown(peer: ClickCount, best: str) -> None:
    for number in range(40):
        clicked = ("often",) if number % 2 else ()
        peer.learn(Shown(f"{number}", "v", number, ("often", "never"), clicked), number)
    for number in range(10):
        peer.learn(Shown(f"r{number}", "w", 50, ("rarely", "never"), ("rarely",)), 50)
    query = Query("q", "new", 60, ("never", "rarely", "often"))
    scores = dict(zip(query.items, peer.score(query), strict=True))
    assert max(scores, key=scores.__getitem__) == best
    assert min(scores, key=scores.__getitem__) == "never"


def test_co_clicks_follow_the_visitor() -> None:
    peer = CoClicks()
    for number in range(10):
        peer.learn(Shown(f"{number}", f"v{number}", number, tuple("abxy"), tuple("ab" if number % 2 else "xy")), number)
    peer.observe(Shown("own", "me", 20, tuple("ab"), ("a",)))
    scores = dict(zip("bxy", peer.score(Query("q", "me", 30, tuple("bxy"))), strict=True))
    assert scores["b"] > scores["x"] == scores["y"]
