"""Somebody at the site: opens films, looks through the lens, and comes back on a phone."""

from typing import Final

from playwright.sync_api import Browser, Locator, ViewportSize

from benchmarks.screenshots.camera import PATIENCE_MS, PHONE, SETTLED_MS, WIDE, Camera

#: High enough for all that a part of the lens says.
HIGH: Final[ViewportSize] = {"width": 1_440, "height": 1_420}
#: A visitor looks before they click: what was on screen for half a second counts as seen.
A_LOOK_MS: Final = 900
#: From which shelf the films are, and how many of its first are opened.
GENRE: Final = "Horror"
OPENED: Final = 3
UNREADABLE: Final = '{"type": "events", "events": [{"type": "click", "item": "56'


class Visitor:
    """Somebody at the site, with the lens beside the slate."""

    def __init__(self, browser: Browser, url: str, camera: Camera) -> None:
        self._url, self._camera = url, camera
        self._context = browser.new_context(viewport=WIDE, reduced_motion="reduce", color_scheme="light")
        self._page = self._context.new_page()
        self.session = ""

    def visit(self) -> None:
        """Open three films, look through the lens, and come back on a phone."""
        page = self._page
        page.goto(self._url)
        page.locator("#lens .belief").first.wait_for()
        self._camera.view(page, "arrival")
        shelf = page.locator("[data-slate]", has=page.get_by_role("heading", name=GENRE, exact=True))
        while not shelf.count():  # further genres follow when the end of the page is reached
            page.mouse.move(300, 400)
            page.mouse.wheel(0, 1_500)
            page.wait_for_timeout(A_LOOK_MS)
        for number in range(OPENED):
            self._open(shelf.locator(".slot").nth(number))
        self.session = str(self._slate.get_attribute("data-session"))
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(SETTLED_MS)
        self._camera.view(page, "front-page")
        page.emulate_media(color_scheme="dark")
        self._camera.view(page, "front-page-dark")
        page.emulate_media(color_scheme="light")
        self._look_through_the_lens()
        self._on_a_phone()

    def send_what_cannot_be_read(self) -> None:
        """Send half a message, as a browser that is cut off may."""
        answer = self._context.request.post(f"{self._url}/collect/", data=UNREADABLE.encode())
        assert answer.status == 400, f"expected half a message to be refused, received {answer.status}"

    @property
    def _slate(self) -> Locator:
        return self._page.locator("[data-surface=for_you]").first

    def _open(self, slot: Locator) -> None:
        slot.scroll_into_view_if_needed()
        self._page.wait_for_timeout(A_LOOK_MS)
        before = self._slate.get_attribute("data-slate")
        slot.locator("a.card").click()
        followed = "before => document.querySelector('[data-surface=for_you]').dataset.slate !== before"
        self._page.wait_for_function(followed, arg=before, timeout=PATIENCE_MS)

    def _look_through_the_lens(self) -> None:
        lens = self._page.locator("#lens")
        self._page.set_viewport_size(HIGH)
        lens.locator(".whys summary").first.click()
        lens.locator(".contributions").first.wait_for()
        self._part("lens-now")
        for part, awaited, name in (
            ("Twin", ".slopes", "lens-twin"),
            ("Time travel", "#travel-belief .belief", "lens-time-travel"),
            ("What if", ".deeds a", "lens-what-if"),
            ("Your data", ".held", "lens-your-data"),
        ):
            lens.locator(".lens-tabs a", has_text=part).click()
            lens.locator(awaited).first.wait_for(timeout=PATIENCE_MS)
            if part == "What if":
                lens.locator(awaited).first.click()
                lens.locator(".slopes").wait_for()
            self._part(name)

    def _part(self, name: str) -> None:
        self._page.locator(".lens-body").evaluate("body => { body.scrollTop = 0; body.parentElement.scrollTop = 0; }")
        self._page.wait_for_timeout(SETTLED_MS)
        self._camera.part(self._page.locator("#lens"), name)

    def _on_a_phone(self) -> None:
        page = self._page
        page.set_viewport_size(PHONE)
        page.goto(self._url)
        page.wait_for_timeout(SETTLED_MS)
        lens = page.locator("#lens")
        if not lens.is_visible():
            page.locator("[data-lens-open]").click()
        lens.locator(".belief").first.wait_for()
        page.wait_for_timeout(SETTLED_MS)
        self._camera.view(page, "phone")
