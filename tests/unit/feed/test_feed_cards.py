"""Cards: rendered once, joined, and unable to carry markup in."""

import re

from hypothesis import given
from hypothesis import strategies as st

from recsys.events import ItemUpserted
from webapp.feed.cards import card_list, item_path


def film(item: str, title: str = "Alien") -> ItemUpserted:
    return ItemUpserted(event_time_ms=1, item=item, title=title, categories=("Horror",), year=1979)


def test_cards_stand_in_order_and_carry_their_slate():
    html = card_list([film("b"), film("a")], "slate-9", [False, True])
    assert re.findall(r'data-item="(\w)"', html) == ["b", "a"]
    assert html.count('href="/item/b/?slate=slate-9"') == 1
    assert html.count('value="slate-9/a"') == 1
    assert html.count("a try") == 1


def test_same_card_serves_every_slate():
    one, other = (card_list([film("a")], slate, [False]) for slate in ("slate-1", "slate-2"))
    assert one.replace("slate-1", "slate-2") == other


def test_card_says_what_tells_its_item_from_others_of_that_name():
    blue, red = (card_list([film("a", f"Storage box ({color})")], "s", [False]) for color in ("blue", "red"))
    assert ">Storage box <small>(blue)</small></span>" in blue
    assert "<small>(red)</small>" in red


def test_title_and_what_stands_below_it_run_as_their_language_does():
    card = card_list([film("a", "مملكة السماء (النسخة الكاملة)")], "s", [False])
    assert '<span class="poster-title" dir="auto">مملكة السماء <small>(النسخة الكاملة)</small></span>' in card


def test_changed_item_is_a_new_card():
    assert "Aliens" in card_list([film("a", "Aliens")], "s", [False])
    assert "Aliens" not in card_list([film("a", "Alien")], "s", [False])


@given(st.text(min_size=1, max_size=20), st.text(max_size=40))
def test_ids_and_titles_are_only_ever_text(item: str, title: str):
    html = card_list([film(item, title)], "s", [False])
    plain = card_list([film("x", "y")], "s", [False])
    assert html.count("<") == plain.count("<")
    assert html.count('"') == plain.count('"')


def test_address_keeps_what_ids_may_hold():
    assert item_path("a/b ?") == "/item/a%2Fb%20%3F/"
