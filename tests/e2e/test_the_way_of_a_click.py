"""What a visitor sees of it, in a real browser against the whole site."""

import re
import urllib.request
from statistics import mean

from playwright.sync_api import Browser, Locator, Page

from recsys.events import Click, SlateServed
from recsys.log.base import records
from tests.e2e.running import RunningSite
from tests.patience import wait_until

SLATE_SIZE = 12

#: A visitor looks before they click: what was on screen for half a second counts as seen.
A_LOOK_MS = 900


def test_new_visitor_clicks_two_horror_films_and_the_slate_turns(movielens: RunningSite, page: Page) -> None:
    page.goto(movielens.url)
    before = genres(for_you(page))
    page.wait_for_timeout(A_LOOK_MS)
    shelf = row_of(page, "Horror")
    # Films that are nothing but horror: the slate reflects all that the opened ones are.
    slots = [slot for slot in shelf.locator(".slot").all() if categories(movielens, slot) == ["Horror"]]
    for slot in slots[:2]:
        open_card(page, slot)
    after = genres(for_you(page))
    assert horror(after) >= 6, (before, after)
    assert horror(after) >= horror(before) + 3, (before, after)
    assert page.locator("[data-live] .why").inner_text()


def test_back_button_returns_to_the_slate_without_the_film(movielens: RunningSite, page: Page) -> None:
    page.goto(movielens.url)
    open_card(page, for_you(page).locator(".slot").first)
    assert "/item/" in page.url
    page.go_back()
    page.wait_for_url(re.compile(r"/$"))
    page.locator(".invitation").first.wait_for()


def test_dismissed_film_leaves_at_once_and_comes_back_with_undo(movielens: RunningSite, page: Page) -> None:
    page.goto(movielens.url)
    slot = for_you(page).locator(".slot").first
    item = slot.get_attribute("data-item")
    slot.hover()
    slot.locator("[data-track=dismissal]").click()
    gone = for_you(page).locator(f'.slot[data-item="{item}"]')
    gone.wait_for(state="detached")
    page.reload()
    assert gone.count() == 0
    page.goto(f"{movielens.url}/history/")
    page.locator(f'[data-item="{item}"] [data-track=dismissal_undone]').click()
    wait_until(lambda: not session_is_without(movielens, page, str(item)), "the dismissal to be taken back")


def test_clicks_made_offline_arrive_once(movielens: RunningSite, page: Page) -> None:
    page.goto(movielens.url)
    session = str(for_you(page).get_attribute("data-session"))
    open_card(page, for_you(page).locator(".slot").first)
    before = len(movielens.events(Click, session))
    movielens.kill("web")
    cards = page.locator("[data-slate] a[data-track=click]")
    for number in range(50):
        cards.nth(number).evaluate("card => card.click()")
    movielens.start("web")
    wait_until(movielens.is_ready, "the web process to be back")
    wait_until(lambda: len(movielens.events(Click, session)) >= before + 50, "fifty clicks in the log")
    page.reload()
    page.wait_for_timeout(2_000)
    clicks = movielens.events(Click, session)
    assert len(clicks) == before + 50
    assert len({click.seq for click in clicks}) == before + 50


def test_another_visitors_slate_learns_from_clicks_although_the_worker_was_killed(
    small: RunningSite, chromium: Browser
) -> None:
    first, *others = (chromium.new_context(viewport={"width": 1_440, "height": 1_000}) for _ in range(6))
    theirs = [context.new_page() for context in others]
    for page in theirs:
        page.goto(small.url)
    before = mean(map(ranks, theirs))  # of several: which films chance brings up differs by visitor
    mine = first.new_page()
    mine.goto(small.url)
    shelf = row_of(mine, "Horror")
    for number in range(8):
        if number == 4:
            small.kill("worker")
        open_card(mine, shelf.locator(".slot").nth(number))
    small.start("worker")
    session = str(for_you(mine).get_attribute("data-session"))
    wait_until(lambda: len(small.events(Click, session)) == 8, "eight clicks in the log")
    clicked = [record for record in records(small.log) if isinstance(record.event, Click)]
    small.wait_until_learned(clicked[-1].offset)
    for page in theirs:
        page.reload()
    after = mean(map(ranks, theirs))
    assert after < before - 0.5, (before, after)
    slate = small.events(SlateServed, str(for_you(theirs[0]).get_attribute("data-session")))[-1]
    assert isinstance(slate, SlateServed)
    assert slate.version >= clicked[-1].offset
    for context in (first, *others):
        context.close()


def test_pages_work_without_javascript(movielens: RunningSite, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(movielens.url)
    title = page.locator(".slot .poster-title").first.inner_text()
    session = str(for_you(page).get_attribute("data-session"))
    page.locator(".slot a.card").first.click()
    page.get_by_role("heading", level=1, name=title).wait_for()
    wait_until(lambda: len(movielens.events(Click, session)) == 1, "the click to be logged by the server")
    page.goto(f"{movielens.url}/search/?q=alien")
    assert page.locator(".slot").count() >= 1
    context.close()


def for_you(page: Page) -> Locator:
    """Return the "for you" slate."""
    return page.locator('[data-surface="for_you"]')


def open_card(page: Page, slot: Locator) -> None:
    """Press a card and wait until the slate has followed."""
    slot.scroll_into_view_if_needed()
    page.wait_for_timeout(A_LOOK_MS)
    before = for_you(page).get_attribute("data-slate")
    item = slot.get_attribute("data-item")
    slot.locator("a.card").click()
    page.locator(f'[data-dwell][data-item="{item}"]').wait_for()
    page.wait_for_function(
        "before => document.querySelector('[data-surface=for_you]').dataset.slate !== before", arg=before
    )


def row_of(page: Page, genre: str) -> Locator:
    """Scroll until the genre's row is there."""
    row = page.locator("[data-slate]", has=page.get_by_role("heading", name=genre, exact=True))
    page.mouse.move(300, 400)
    for _ in range(50):
        if row.count():
            break
        page.mouse.wheel(0, 1_500)
        page.wait_for_timeout(200)
    return row


def genres(slate: Locator) -> list[str]:
    """Return year and genres as each card of a slate shows them."""
    return slate.locator(".poster-meta").all_inner_texts()


def categories(site: RunningSite, slot: Locator) -> list[str]:
    """Return all categories of a card's film, as its page tells a passer-by."""
    with urllib.request.urlopen(f"{site.url}/item/{slot.get_attribute('data-item')}/") as answer:
        return re.findall(r"/search/\?q=([^\"]+)\"", answer.read().decode())


def horror(shown: list[str]) -> int:
    """Return how many cards say Horror."""
    return sum("horror" in meta.lower() for meta in shown)


def ranks(page: Page) -> float:
    """Return the mean position of horror films in the "for you" slate; what is not on it stands after its end."""
    items = [slot.get_attribute("data-item") for slot in for_you(page).locator(".slot").all()]
    places = [place for place, item in enumerate(items) if item is not None and item.startswith("Horror")]
    return sum([*places, *[SLATE_SIZE] * (10 - len(places))]) / 10


def session_is_without(site: RunningSite, page: Page, item: str) -> bool:
    """Return whether an item stands among what the visitor did not want."""
    page.goto(f"{site.url}/history/")
    return page.locator(f'.said-no [data-item="{item}"]').count() > 0
