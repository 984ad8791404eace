"""The staff's pages in a real browser against the whole site: axe, the keyboard, and no scripts."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.axe import violations
from tests.e2e.running import RunningSite
from tests.e2e.staff.signing_in import at_the_desk

PAGES = ("live", "sessions", "items", "models", "dead-letters", "knob", "visitors")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_and_nothing_overflows(
    site: RunningSite, chromium: Browser, signed_in: str, visited: str, scheme: str, width: int
) -> None:
    site.log.append_dead_letter(b'{"type": "click", \x00', "undecodable")
    letter = site.log.dead_letters()[-1]
    context = at_the_desk(chromium, signed_in, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    paths = [*(f"{name}/" for name in PAGES), f"sessions/{visited}/", "items/Horror-1/", f"dead-letters/{letter.id}/"]
    found = {}
    for path in paths:
        page.goto(f"{site.url}/staff/{path}")
        page.locator("h1").wait_for()
        page.wait_for_timeout(300)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found[path] = [*violations(page), *(["overflows"] if overflow > 0 else [])]
    context.close()
    assert found == {path: [] for path in paths}


def test_page_that_is_open_is_told_from_the_others_in_forced_colors(
    site: RunningSite, chromium: Browser, signed_in: str
) -> None:
    context = at_the_desk(chromium, signed_in, forced_colors="active")
    page = context.new_page()
    page.goto(f"{site.url}/staff/knob/")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    border = "link => getComputedStyle(link).borderBottomColor"
    assert page.locator(".staff-pages a[aria-current]").evaluate(border) != ground
    assert page.locator(".staff-pages a:not([aria-current])").first.evaluate(border) == ground
    context.close()


def test_keyboard_alone_sorts_a_table_and_keeps_its_place(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/items/")
    link = desk.locator("#table-items-title")
    link.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("th[aria-sort=ascending]")).to_have_text(re.compile("Item"))
    assert "sort=title" in desk.url
    assert desk.evaluate("document.activeElement.id") == "table-items-title"
    desk.keyboard.press("Enter")
    expect(desk.locator("th[aria-sort=descending]")).to_have_text(re.compile("Item"))
    desk.go_back()
    expect(desk.locator("th[aria-sort=ascending]")).to_have_text(re.compile("Item"))


def test_tables_work_without_scripts(site: RunningSite, chromium: Browser, signed_in: str, visited: str) -> None:
    context = at_the_desk(chromium, signed_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/staff/items/")
    page.locator("#table-items-title").click()
    page.get_by_text("Filter: Items of the catalogue").click()
    page.get_by_label("Item contains").fill("western")
    page.get_by_role("button", name="Filter").click()
    assert "sort=title" in page.url
    assert page.locator("#table-items tbody tr").count() == 10
    page.goto(f"{site.url}/staff/live/")
    assert page.locator("#tail-lines tr").count() > 3
    context.close()
