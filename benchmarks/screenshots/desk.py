"""Somebody of the staff: brings visitors, watches them, and looks at each page."""

import re
from typing import Final

from playwright.sync_api import Browser

from benchmarks.running_demo import RunningDemo
from benchmarks.screenshots.camera import PATIENCE_MS, SETTLED_MS, WIDE, Camera

#: At the default rate this brings some thirty visitors of the control arm: enough to compare.
MINUTES: Final = 3
#: How long the live page is followed before its picture.
WATCHED_MS: Final = 45_000
LAST_DAY: Final = "?period=24h"


class Desk:
    """Somebody of the staff, signed in."""

    def __init__(self, browser: Browser, demo: RunningDemo, camera: Camera) -> None:
        self._url, self._camera = f"{demo.url}/staff", camera
        context = browser.new_context(viewport=WIDE, reduced_motion="reduce", color_scheme="light")
        self._page = context.new_page()
        self._page.goto(f"{self._url}/")
        self._page.get_by_label("Username").fill("staff")
        self._page.get_by_label("Password").fill(demo.password)
        self._page.get_by_role("button", name="Sign in").click()
        self._page.wait_for_url("**/staff/live/")

    def bring_visitors(self, rate: int) -> None:
        """Have simulated visitors come for `MINUTES`."""
        self._page.goto(f"{self._url}/visitors/")
        self._page.get_by_label("Events a second").fill(str(rate))
        self._page.get_by_label("Minutes").fill(str(MINUTES))
        self._page.get_by_role("button", name="Bring visitors").click()
        self._page.get_by_text("here").first.wait_for()

    def watch_them(self) -> None:
        """Look at what is of interest only while somebody is here, turn the knob, and wait until they have left."""
        self._page.goto(f"{self._url}/visitors/")
        self._page.get_by_role("heading", name=re.compile(r"\d+ (is|are) here")).wait_for(timeout=PATIENCE_MS)
        self._page.goto(f"{self._url}/knob/")
        self._page.get_by_label("Milliseconds between folds").fill("250")
        self._page.get_by_role("button", name="Turn").click()
        self._page.goto(f"{self._url}/live/")
        self._page.get_by_text("Following the log.").wait_for()
        self._page.wait_for_timeout(WATCHED_MS)
        self._camera.page(self._page, "staff-live")
        self._take("knob", "knob/")
        self._take("visitors", "visitors/")
        self._page.goto(f"{self._url}/visitors/")
        self._page.get_by_role("button", name="Bring visitors").wait_for(timeout=PATIENCE_MS + MINUTES * 60_000)
        self._page.wait_for_timeout(SETTLED_MS)

    def look_around(self, session: str) -> None:
        """Take every page that stands still, and the one of a session that was just here."""
        self._take("overview", "overview/")
        for name in ("learning", "labels", "items"):
            self._take(name, f"{name}/{LAST_DAY}")
        self._page.locator("#table-items tbody a").first.click()
        self._page.get_by_role("heading", name="What the model believes of it").wait_for()
        self._page.wait_for_timeout(SETTLED_MS)
        self._camera.page(self._page, "staff-item")
        self._take("sessions", "sessions/")
        self._page.goto(f"{self._url}/sessions/{session}/")
        self._page.locator("#travel-belief .belief").first.wait_for(timeout=PATIENCE_MS)
        self._camera.page(self._page, "staff-session")
        self._take("models", "models/")
        self._take("dead-letters", "dead-letters/")

    def _take(self, name: str, path: str) -> None:
        self._page.goto(f"{self._url}/{path}")
        self._page.locator("h1").wait_for()
        self._page.wait_for_timeout(SETTLED_MS)
        self._camera.page(self._page, f"staff-{name}")
