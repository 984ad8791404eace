"""Dead letters in a real browser against the whole site: one is redriven, and all are, which is seen."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from recsys.events import Click
from recsys.log.base import DeadLetter
from tests.axe import violations
from tests.e2e.running import RunningSite
from tests.e2e.staff.signing_in import at_the_desk
from tests.e2e.test_the_way_of_a_click import for_you
from tests.patience import wait_until

PutAside = Callable[[int], DeadLetter]


@pytest.fixture
def session_and_put_aside(site: RunningSite, chromium: Browser) -> tuple[str, PutAside]:
    """Return a visitor's session, and what puts a click of theirs aside, by its number."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site.url)
    script, slate = page.locator("script[data-socket]"), for_you(page)
    message = {
        "type": "events",
        "id": 1,
        "session": script.get_attribute("data-token"),
        "slates": {slate.get_attribute("data-slate"): slate.get_attribute("data-slate-token")},
    }
    click = {
        "type": "click",
        "slate": slate.get_attribute("data-slate"),
        "item": slate.locator(".slot").first.get_attribute("data-item"),
    }
    session = str(slate.get_attribute("data-session"))
    context.close()

    def put_aside(seq: int) -> DeadLetter:
        payload = json.dumps({**message, "events": [{**click, "seq": seq}]}).encode()
        site.log.append_dead_letter(payload, "undecodable")
        return site.log.dead_letters()[-1]

    return session, put_aside


def test_dead_letter_is_redriven_once(
    site: RunningSite, desk: Page, session_and_put_aside: tuple[str, PutAside]
) -> None:
    session, put_aside = session_and_put_aside
    letter = put_aside(60_000)
    desk.goto(f"{site.url}/staff/dead-letters/")
    desk.get_by_role("link", name=letter.id).click()
    expect(desk.get_by_text("1 would enter the log")).to_be_visible()
    desk.get_by_role("button", name="Redrive").click()
    expect(desk.get_by_text("Redriven: 1 accepted.")).to_be_visible()
    assert [click.seq for click in site.events(Click, session)] == [60_000]
    assert letter.id not in {held.id for held in site.log.dead_letters()}


def test_redriving_all_is_seen_goes_on_without_its_page_and_empties_the_list(
    site: RunningSite, chromium: Browser, signed_in: str, session_and_put_aside: tuple[str, PutAside]
) -> None:
    session, put_aside = session_and_put_aside
    seqs = list(range(50_000, 50_600))
    for seq in seqs:
        put_aside(seq)
    context = at_the_desk(chromium, signed_in)
    first, second = context.new_page(), context.new_page()
    first.goto(f"{site.url}/staff/dead-letters/")
    first.get_by_label("Try all of them").check()
    first.get_by_role("button", name="Redrive all").click()
    first.get_by_role("progressbar", name="Letters tried").wait_for()
    first.close()
    second.goto(f"{site.url}/staff/dead-letters/?reason=undecodable")
    going = second.get_by_text(re.compile(r"ada redrives all: [\d,]+ of [\d,]+ letters tried. So far: [\d,]+ accepted"))
    expect(going).to_be_visible()
    moment = going.inner_text()
    expect(going).not_to_have_text(moment)
    assert violations(second) == []
    expect(second.get_by_text(re.compile(r"ada redrove all [\d,]+ at .*: 600 accepted"))).to_be_visible()
    expect(second.get_by_role("cell", name=re.compile(r"redriven, all \d+: 600 accepted"))).to_have_count(1)
    assert second.locator("#table-letters tbody tr").count() == len(site.log.dead_letters())
    assert second.url.endswith("?reason=undecodable")
    assert sorted(click.seq for click in site.events(Click, session)) == seqs
    assert violations(second) == []
    context.close()


def test_redriving_all_works_without_scripts(
    site: RunningSite, chromium: Browser, signed_in: str, session_and_put_aside: tuple[str, PutAside]
) -> None:
    session, put_aside = session_and_put_aside
    for seq in range(40_000, 40_300):
        put_aside(seq)
    context = at_the_desk(chromium, signed_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/staff/dead-letters/")
    page.get_by_label("Try all of them").check()
    page.get_by_role("button", name="Redrive all").click()
    page.wait_for_load_state()
    while page.get_by_role("link", name="Look again").is_visible():
        page.get_by_role("link", name="Look again").click()
        page.wait_for_load_state()
    assert "300 accepted" in page.locator("#redriving").inner_text()
    wait_until(lambda: len(site.events(Click, session)) == 300, "all clicks to be in the log")
    context.close()
