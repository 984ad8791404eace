"""The staff's pages in a real browser against the whole site: each page's main action, the keyboard, and axe."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from recsys.events import Click, SessionEvent
from recsys.log.base import records
from tests.axe import violations
from tests.e2e.running import RunningSite, wait_until
from tests.e2e.test_the_way_of_a_click import for_you, open_card
from webapp.visitors.board import Board, Run

#: How many of a canvas's pixels have the accent's hue.
ACCENTED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) found += data[at + 3] > 200 && data[at] - data[at + 2] > 80;
  return found;
}"""
PASSWORD = "countess of lovelace"
PAGES = ("live", "sessions", "items", "models", "dead-letters", "knob", "visitors")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """Thirty films, and a member of staff who may do everything."""
    folder = tmp_path_factory.mktemp("staffed")
    films = [
        {"item": f"{genre}-{number}", "title": f"{genre} {number}", "categories": [genre], "year": 1_990}
        for number in range(10)
        for genre in ("Western", "Horror", "Musical")
    ]
    data = folder / "own"
    data.mkdir()
    (data / "items.jsonl").write_text("".join(f"{json.dumps(film)}\n" for film in films))
    running = RunningSite(folder / "var", str(data), FRESHET_SIMULATED_VISITORS="1")
    running.manage(
        "shell",
        "-c",
        "from django.contrib.auth.models import User; User.objects.create_superuser('ada', password='"
        + PASSWORD
        + "')",
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def signed_in(site: RunningSite, chromium: Browser) -> str:
    """Sign in by the form; return what the browser keeps of it."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/staff/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/staff/live/")
    state = json.dumps(context.storage_state())
    context.close()
    return state


@pytest.fixture(scope="module")
def visited(site: RunningSite, chromium: Browser) -> str:
    """Let somebody open three films; return their session once everything has counted it."""
    context = chromium.new_context(viewport={"width": 1_440, "height": 1_000}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(site.url)
    shelf = page.locator("[data-slate]", has=page.get_by_role("heading", name="Horror", exact=True))
    for number in range(3):
        open_card(page, shelf.locator(".slot").nth(number))
    session = str(for_you(page).get_attribute("data-session"))
    wait_until(lambda: len(site.events(Click, session)) == 3, "three clicks in the log")
    site.wait_until_learned(site.log.end())
    context.close()
    return session


def staff(chromium: Browser, signed_in: str, **options: object) -> BrowserContext:
    state = json.loads(signed_in)
    return chromium.new_context(**{"viewport": {"width": 1_440, "height": 900}, "storage_state": state, **options})  # type: ignore[arg-type]


@pytest.fixture
def desk(chromium: Browser, signed_in: str) -> Iterator[Page]:
    """A page of somebody who is signed in; nothing on it may fail."""
    context = staff(chromium, signed_in)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_and_nothing_overflows(
    site: RunningSite, chromium: Browser, signed_in: str, visited: str, scheme: str, width: int
) -> None:
    site.log.append_dead_letter(b'{"type": "click", \x00', "undecodable")
    letter = site.log.dead_letters()[-1]
    context = staff(chromium, signed_in, color_scheme=scheme, viewport={"width": width, "height": 900})
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1_440])
def test_axe_finds_nothing_wrong_with_visitors_who_are_here_and_who_failed(
    site: RunningSite, chromium: Browser, signed_in: str, scheme: str, width: int
) -> None:
    now_ms, board = int(time.time() * 1_000), Board(site.client)
    run = Run("axe", "ada", 20.0, now_ms, now_ms + 60_000, "running", visitors=12, events=1_234, clicks=98, visits=31)
    failed = msgspec.structs.replace(run, state="failed", failure=f"{site.url}: the page answered 503")
    context = staff(chromium, signed_in, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    for word, heading in ((run, "12 are here"), (failed, "Nobody is here")):
        board.post(word)
        page.goto(f"{site.url}/staff/visitors/")
        expect(page.get_by_role("heading", level=2)).to_have_text(heading)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_what_a_visitor_does_appears_live_and_is_marked_as_ones_own(
    site: RunningSite, chromium: Browser, signed_in: str, visited: str
) -> None:
    context = staff(chromium, signed_in, reduced_motion="reduce")
    visit = context.new_page()
    visit.goto(site.url)
    page = context.new_page()
    page.goto(f"{site.url}/staff/live/")
    expect(page.locator("#tail-state")).to_have_text("Following the log.")
    open_card(visit, for_you(visit).locator(".slot").first)
    line = page.locator("#tail-lines tr[data-yours]", has_text="click").first
    expect(line).to_contain_text("accepted", timeout=10_000)
    expect(page.locator("#series-summary")).to_contain_text("were of your own session", timeout=10_000)
    assert page.locator("[data-series=yours] canvas").evaluate(ACCENTED) > 0
    page.get_by_text("The last minute as a table").click()
    expect(page.locator("#series-table tbody tr")).to_have_count(60)
    context.close()


def test_tail_goes_on_without_gap_or_repeat_after_the_server_was_gone(
    site: RunningSite, desk: Page, visited: str
) -> None:
    desk.goto(f"{site.url}/staff/live/")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")
    after = str(desk.locator("[data-stream]").get_attribute("data-after"))
    site.log.append([Click(event_time_ms=1, session="gap", seq=seq, item="Horror-1") for seq in range(1, 11)])
    site.kill("web")
    site.log.append([Click(event_time_ms=1, session="gap", seq=seq, item="Horror-1") for seq in range(11, 31)])
    expect(desk.locator("#tail-state")).to_contain_text("comes back by itself", timeout=10_000)
    site.start("web")
    wait_until(site.is_ready, "the web process to be back")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.", timeout=30_000)
    expected = len(list(records(site.log, after)))
    expect(desk.locator("[data-stream]")).to_have_attribute("data-received", str(expected), timeout=10_000)
    expect(desk.locator("[data-stream]")).to_have_attribute("data-repeats", "0")


def test_nothing_moves_under_the_pointer(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/live/")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")
    desk.locator("#tail-lines tr").first.hover()
    expect(desk.locator("#tail-held")).to_be_visible()
    before = desk.locator("#tail-lines").inner_text()
    received = int(str(desk.locator("[data-stream]").get_attribute("data-received")))
    site.log.append([Click(event_time_ms=1, session="held", seq=seq, item="Horror-1") for seq in range(1, 4)])
    expect(desk.locator("[data-stream]")).to_have_attribute("data-received", str(received + 3))
    assert desk.locator("#tail-lines").inner_text() == before
    desk.mouse.move(2, 2)
    expect(desk.locator("#tail-lines")).to_contain_text("held")


def test_part_that_moves_keeps_focus_and_how_far_a_table_is_scrolled(
    site: RunningSite, chromium: Browser, signed_in: str, visited: str
) -> None:
    context = staff(chromium, signed_in, viewport={"width": 360, "height": 900})
    page = context.new_page()
    page.goto(f"{site.url}/staff/live/")
    expect(page.locator("#tail-state")).to_have_text("Following the log.")
    table, moment = page.locator("#table-accounts-rows"), page.locator("#moving .as-of time").first
    for focused in ("#table-accounts-rows", "#table-accounts-csv", "#as-table"):
        page.locator(focused).focus()
        table.evaluate("element => { element.scrollLeft = 90; }")
        before = moment.inner_text()
        expect(moment).not_to_have_text(before, timeout=10_000)
        expect(page.locator(focused)).to_be_focused()
        assert table.evaluate("element => element.scrollLeft") == 90
    context.close()


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


def test_versions_are_compared(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/models/")
    desk.get_by_label("Earlier").select_option(index=0)
    desk.get_by_label("Later").select_option(index=0)
    desk.get_by_role("button", name="Compare").click()
    expect(desk.get_by_text("No weight moved")).to_be_visible()
    expect(desk.locator("svg.lineage a")).not_to_have_count(0)


def test_dead_letter_is_redriven_once(site: RunningSite, desk: Page, visited: str) -> None:
    context = desk.context.browser.new_context()  # type: ignore[union-attr]
    page = context.new_page()
    page.goto(site.url)
    script, slate = page.locator("script[data-socket]"), for_you(page)
    message = {
        "type": "events",
        "id": 1,
        "session": script.get_attribute("data-token"),
        "slates": {slate.get_attribute("data-slate"): slate.get_attribute("data-slate-token")},
        "events": [
            {
                "type": "click",
                "seq": 60_000,
                "slate": slate.get_attribute("data-slate"),
                "item": slate.locator(".slot").first.get_attribute("data-item"),
            }
        ],
    }
    session = str(slate.get_attribute("data-session"))
    context.close()
    site.log.append_dead_letter(json.dumps(message).encode(), "undecodable")
    letter = site.log.dead_letters()[-1]
    desk.goto(f"{site.url}/staff/dead-letters/")
    desk.get_by_role("link", name=letter.id).click()
    expect(desk.get_by_text("1 would enter the log")).to_be_visible()
    desk.get_by_role("button", name="Redrive").click()
    expect(desk.get_by_text("Redriven: 1 accepted.")).to_be_visible()
    assert [click.seq for click in site.events(Click, session)] == [60_000]
    assert letter.id not in {held.id for held in site.log.dead_letters()}


def test_knob_is_turned_and_who_did_it_stands_there(site: RunningSite, desk: Page) -> None:
    desk.goto(f"{site.url}/staff/knob/")
    desk.get_by_label("Milliseconds between folds").fill("250")
    desk.get_by_role("button", name="Turn").click()
    expect(desk.get_by_text("The fold now runs every 250 ms.")).to_be_visible()
    expect(desk.get_by_role("cell", name="to 250 ms")).to_be_visible()
    expect(desk.get_by_text("before the last turn").first).to_be_visible(timeout=20_000)


def test_visitors_are_brought_counted_and_sent_away(site: RunningSite, desk: Page) -> None:
    desk.goto(f"{site.url}/staff/visitors/")
    desk.get_by_label("Events a second").fill("20")
    desk.get_by_label("Minutes").fill("10")
    desk.keyboard.press("Enter")
    crowd = desk.locator("#crowd")
    expect(crowd).to_contain_text(re.compile(r"So far [1-9]\d* events"), timeout=60_000)
    expect(crowd.get_by_role("heading")).to_have_text(re.compile(r"[1-9]\d* (is|are) here"))
    expect(crowd.get_by_role("progressbar")).to_be_visible()
    desk.get_by_role("button", name="Send them away").focus()
    moment = crowd.inner_text()
    expect(crowd).not_to_have_text(moment, timeout=10_000)
    expect(desk.get_by_role("button", name="Send them away")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("They are leaving.")).to_be_visible()
    expect(crowd.get_by_role("heading")).to_have_text("Nobody is here", timeout=30_000)
    told = int(re.search(r"stopped after ([\d,]+) event", crowd.inner_text())[1].replace(",", ""))  # type: ignore[index]
    logged = [record.event for record in records(site.log)]
    assert told == sum(isinstance(event, SessionEvent) and event.simulated and event.seq > 0 for event in logged) > 0
    expect(desk.get_by_role("cell", name=re.compile("sent away after"))).to_be_visible()


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
    context = staff(chromium, signed_in, java_script_enabled=False)
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


def test_browser_that_stops_reading_costs_the_server_no_memory(site: RunningSite, signed_in: str) -> None:
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in json.loads(signed_in)["cookies"])
    host, _, port = site.url.removeprefix("http://").partition(":")
    after = site.log.end()
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asked = f"GET /staff/live/events/?after={after} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n\r\n"
        slow.sendall(asked.encode())
        assert b"200 OK" in slow.recv(256)
        before = site.resident_mb("web")
        # Some 15 MB of lines, none of which is read any more.
        for start in range(0, 60_000, 500):
            site.log.append(
                [Click(event_time_ms=1, session=f"slow-{start}", seq=seq, item="Horror-1") for seq in range(1, 501)]
            )
        site.wait_until_learned(site.log.end())
        assert site.resident_mb("web") - before < 8
