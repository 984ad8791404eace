"""Bringing visitors in a real browser to the whole site, and axe on what the page says of them."""

import re
import time

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from recsys.events import SessionEvent
from recsys.log.base import records
from tests.axe import violations
from tests.e2e.running import RunningSite
from tests.e2e.staff.signing_in import at_the_desk
from webapp.runs import Board
from webapp.visitors.services import BOARD, Run


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_wrong_with_visitors_who_are_here_and_who_failed(
    site: RunningSite, chromium: Browser, signed_in: str, scheme: str, width: int
) -> None:
    now_ms, board = int(time.time() * 1_000), Board(site.client, BOARD, Run)
    run = Run(
        id=f"axe-{scheme}-{width}",
        by="ada",
        state="running",
        rate=20.0,
        begins_ms=now_ms,
        ends_ms=now_ms + 60_000,
        visitors=12,
        events=1_234,
        clicks=98,
        visits=31,
    )
    assert board.claim(run)
    failed = msgspec.structs.replace(run, state="failed", failure=f"{site.url}: the page answered 503")
    context = at_the_desk(chromium, signed_in, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    for word, heading in ((run, "12 are here"), (failed, "Nobody is here")):
        board.post(word)
        page.goto(f"{site.url}/staff/visitors/")
        expect(page.get_by_role("heading", level=2)).to_have_text(heading)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_visitors_are_brought_counted_and_sent_away(site: RunningSite, desk: Page) -> None:
    desk.goto(f"{site.url}/staff/visitors/")
    desk.get_by_label("Events a second").fill("20")
    desk.get_by_label("Minutes").fill("10")
    desk.keyboard.press("Enter")
    crowd = desk.locator("#crowd")
    expect(crowd).to_contain_text(re.compile(r"So far [1-9]\d* events"))
    expect(crowd.get_by_role("heading")).to_have_text(re.compile(r"[1-9]\d* (is|are) here"))
    expect(crowd.get_by_role("progressbar")).to_be_visible()
    desk.get_by_role("button", name="Send them away").focus()
    moment = crowd.inner_text()
    expect(crowd).not_to_have_text(moment)
    expect(desk.get_by_role("button", name="Send them away")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("They are leaving.")).to_be_visible()
    expect(crowd.get_by_role("heading")).to_have_text("Nobody is here")
    told = int(re.search(r"stopped after ([\d,]+) event", crowd.inner_text())[1].replace(",", ""))
    logged = [record.event for record in records(site.log)]
    assert told == sum(isinstance(event, SessionEvent) and event.simulated and event.seq > 0 for event in logged) > 0
    expect(desk.get_by_role("cell", name=re.compile("sent away after"))).to_be_visible()
