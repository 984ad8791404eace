"""Sessions, items, models and the knob in a real browser against the whole site: each page's main action."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.running import RunningSite


def test_session_is_found_replayed_and_taken_away(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/sessions/")
    desk.get_by_text("Filter: Sessions").click()
    desk.get_by_label("Session contains").fill(visited)
    desk.get_by_role("button", name="Filter").click()
    desk.wait_for_url(re.compile(f"session={re.escape(visited)}"))
    desk.get_by_role("link", name=visited).click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text(visited)
    last = int(str(desk.locator("#travel-at").get_attribute("data-step")))
    desk.locator("#step").press("ArrowLeft")
    expect(desk.locator("#travel-at")).to_have_attribute("data-step", str(last - 1))
    with desk.expect_download() as download:
        desk.get_by_role("link", name="Everything as JSON").click()
    document = json.loads(Path(download.value.path()).read_text())
    assert [event["type"] for event in document["events"]].count("click") == 3


def test_item_is_searched_and_its_life_shown(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/items/?sort=title")
    desk.get_by_text("Filter: Items of the catalogue").click()
    desk.get_by_label("Item contains").fill("horror 1")
    desk.keyboard.press("Enter")
    desk.get_by_role("link", name="Horror 1").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("Horror 1 (1990)")
    expect(desk.get_by_text("Appeal of its own")).to_be_visible()
    beside = desk.get_by_role("region", name="Opened in the same sessions: rows")
    expect(beside.get_by_role("link", name="Horror 2")).to_be_visible()


def test_title_that_is_one_long_word_leaves_the_figures_in_sight(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/items/")
    table = desk.get_by_role("region", name="Items of the catalogue, click-through with 95 % intervals: rows")
    table.locator("tbody th a").first.evaluate("(link) => { link.textContent = 'Donau'.repeat(60); }")
    assert table.evaluate("(region) => region.scrollWidth <= region.clientWidth")


def test_versions_are_compared(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/models/")
    desk.get_by_label("Earlier").select_option(index=0)
    desk.get_by_label("Later").select_option(index=0)
    desk.get_by_role("button", name="Compare").click()
    expect(desk.get_by_text("No weight moved")).to_be_visible()
    expect(desk.locator("svg.lineage a")).not_to_have_count(0)


def test_knob_is_turned_and_who_did_it_stands_there(site: RunningSite, desk: Page) -> None:
    desk.goto(f"{site.url}/staff/knob/")
    desk.get_by_label("Milliseconds between folds").fill("250")
    desk.get_by_role("button", name="Turn").click()
    expect(desk.get_by_text("The fold now runs every 250 ms.")).to_be_visible()
    expect(desk.get_by_role("cell", name="to 250 ms")).to_be_visible()
    expect(desk.get_by_text("before the last turn").first).to_be_visible()
