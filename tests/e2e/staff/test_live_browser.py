"""The live page in a real browser against the whole site: what comes appears, without gap, repeat or unrest."""

import json
import re
import socket

from playwright.sync_api import Browser, Page, expect

from recsys.events import Click
from recsys.log.base import records
from tests.e2e.running import RunningSite
from tests.e2e.staff.signing_in import at_the_desk
from tests.e2e.test_the_way_of_a_click import for_you, open_card
from tests.patience import wait_until

#: How many of a canvas's pixels have the accent's hue.
ACCENTED = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) found += data[at + 3] > 200 && data[at] - data[at + 2] > 80;
  return found;
}"""

#: A connection that is `gone` says nothing any more, not even that it is.
GOES_WITHOUT_A_WORD = """
globalThis.connections = [];
globalThis.EventSource = class extends EventSource {
  constructor(url) {
    super(url);
    connections.push(this);
    for (const name of ["message", "figures", "error"]) {
      this.addEventListener(name, (event) => { if (this.gone) event.stopImmediatePropagation(); });
    }
  }
};
"""


def test_what_a_visitor_does_appears_live_and_is_marked_as_ones_own(
    site: RunningSite, chromium: Browser, signed_in: str, visited: str
) -> None:
    context = at_the_desk(chromium, signed_in, reduced_motion="reduce")
    visit = context.new_page()
    visit.goto(site.url)
    page = context.new_page()
    page.goto(f"{site.url}/staff/live/")
    expect(page.locator("#tail-state")).to_have_text("Following the log.")
    open_card(visit, for_you(visit).locator(".slot").first)
    line = page.locator("#tail-lines tr[data-yours]", has_text="click").first
    expect(line).to_contain_text("accepted")
    # It has not been watching for a minute.
    said = re.compile(r"In the last \d+ seconds, since this page was opened, .* were of your own session")
    expect(page.locator("#series-summary")).to_have_text(said)
    assert page.locator("[data-series=yours] canvas").evaluate(ACCENTED) > 0
    page.get_by_role("link", name="The last minute as a table").click()
    expect(page.get_by_label("Pages: One minute, second by second")).to_contain_text("of 60")
    expect(page).to_have_url(re.compile(r"minute=\d{4}-"))
    page.locator("#table-minute-yours").click()
    expect(page.locator("#table-minute tbody tr td").nth(2)).not_to_have_text("0")
    # The charts have not begun anew.
    expect(page.locator("[data-stream]")).to_have_attribute("data-received", re.compile("[1-9]"))
    assert page.locator("[data-series=yours] canvas").evaluate(ACCENTED) > 0
    context.close()


def test_tail_goes_on_without_gap_or_repeat_after_the_server_was_gone(
    site: RunningSite, desk: Page, visited: str
) -> None:
    desk.goto(f"{site.url}/staff/live/")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")
    after = str(desk.locator("[data-stream]").get_attribute("data-after"))
    site.log.append([Click(event_time_ms=1, session="gap", seq=seq, item="Musical-9") for seq in range(1, 11)])
    site.kill("web")
    site.log.append([Click(event_time_ms=1, session="gap", seq=seq, item="Musical-9") for seq in range(11, 31)])
    expect(desk.locator("#tail-state")).to_contain_text("comes back by itself")
    site.start("web")
    wait_until(site.is_ready, "the web process to be back")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")
    expected = len(list(records(site.log, after)))
    expect(desk.locator("[data-stream]")).to_have_attribute("data-received", str(expected))
    expect(desk.locator("[data-stream]")).to_have_attribute("data-repeats", "0")


def follow_by_connections_that_are_known(site: RunningSite, desk: Page) -> None:
    """Open the live page with `connections` at hand, and wait until it follows the log."""
    desk.add_init_script(GOES_WITHOUT_A_WORD)
    desk.goto(f"{site.url}/staff/live/")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")


def test_connection_that_went_without_a_word_while_the_computer_slept_is_made_anew(
    site: RunningSite, desk: Page, visited: str
) -> None:
    follow_by_connections_that_are_known(site, desk)
    desk.evaluate("() => { connections[0].gone = true; const now = Date.now; Date.now = () => now() + 60_000; }")
    desk.wait_for_function("() => connections.length === 2 && connections[0].readyState === EventSource.CLOSED")
    site.log.append([Click(event_time_ms=1, session="slept", seq=1, item="Musical-9")])
    expect(desk.locator("#tail-lines")).to_contain_text("slept")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")


def test_page_that_nobody_sees_keeps_no_connection_and_misses_nothing(
    site: RunningSite, desk: Page, visited: str
) -> None:
    follow_by_connections_that_are_known(site, desk)
    seen = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
      return connections.filter((each) => each.readyState !== EventSource.CLOSED).length;
    }"""
    assert desk.evaluate(seen, True) == 0
    site.log.append([Click(event_time_ms=1, session="unseen", seq=1, item="Musical-9")])
    assert desk.evaluate(seen, False) == 1
    expect(desk.locator("#tail-lines")).to_contain_text("unseen")
    expect(desk.locator("[data-stream]")).to_have_attribute("data-repeats", "0")


def test_nothing_moves_under_the_pointer(site: RunningSite, desk: Page, visited: str) -> None:
    desk.goto(f"{site.url}/staff/live/")
    expect(desk.locator("#tail-state")).to_have_text("Following the log.")
    desk.locator("#tail-lines tr").first.hover()
    expect(desk.locator("#tail-held")).to_be_visible()
    before = desk.locator("#tail-lines").inner_text()
    received = int(str(desk.locator("[data-stream]").get_attribute("data-received")))
    site.log.append([Click(event_time_ms=1, session="held", seq=seq, item="Musical-9") for seq in range(1, 4)])
    expect(desk.locator("[data-stream]")).to_have_attribute("data-received", str(received + 3))
    assert desk.locator("#tail-lines").inner_text() == before
    desk.mouse.move(2, 2)
    expect(desk.locator("#tail-lines")).to_contain_text("held")


def test_part_that_moves_keeps_focus_and_how_far_a_table_is_scrolled(
    site: RunningSite, chromium: Browser, signed_in: str, visited: str
) -> None:
    context = at_the_desk(chromium, signed_in, viewport={"width": 360, "height": 900})
    page = context.new_page()
    page.goto(f"{site.url}/staff/live/")
    expect(page.locator("#tail-state")).to_have_text("Following the log.")
    table, moment = page.locator("#table-accounts-rows"), page.locator("#moving .as-of time").first
    for focused in ("#table-accounts-rows", "#table-accounts-csv", "#as-table"):
        page.locator(focused).focus()
        table.evaluate("element => { element.scrollLeft = 90; }")
        before = moment.inner_text()
        expect(moment).not_to_have_text(before)
        expect(page.locator(focused)).to_be_focused()
        assert table.evaluate("element => element.scrollLeft") == 90
    context.close()


def test_browser_that_stops_reading_costs_the_server_no_memory(site: RunningSite, signed_in: str) -> None:
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in json.loads(signed_in)["cookies"])
    host, _, port = site.url.removeprefix("http://").partition(":")
    # What such a flood takes by itself, and what earlier pages still load, is there then.
    flood(site, "unwatched")
    after = site.log.end()
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asked = f"GET /staff/live/events/?after={after} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n\r\n"
        slow.sendall(asked.encode())
        assert b"200 OK" in slow.recv(256)
        before = site.resident_mb("web")
        # None of it is read any more.
        flood(site, "slow")
        assert site.resident_mb("web") - before < 8


def flood(site: RunningSite, name: str) -> None:
    """Log some 15 MB of the live page's lines, and wait until they have been learned."""
    for start in range(0, 60_000, 500):
        site.log.append(
            [Click(event_time_ms=1, session=f"{name}-{start}", seq=seq, item="Musical-9") for seq in range(1, 501)]
        )
    site.wait_until_learned(site.log.end())
