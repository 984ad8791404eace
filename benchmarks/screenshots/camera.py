"""How pictures are taken, and what all of them share."""

from pathlib import Path
from typing import Final

from playwright.sync_api import FloatRect, Locator, Page, ViewportSize

WIDE: Final[ViewportSize] = {"width": 1_440, "height": 1_000}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
MOST_HEIGHT: Final = 1_100
MARGIN: Final = 32
#: How wide a page is, and where its content ends.
EXTENT: Final = """() => [
  document.documentElement.clientWidth,
  (document.querySelector("main > :last-child") ?? document.body).getBoundingClientRect().bottom + scrollY,
]"""
#: Lists settle, charts are drawn, and counts follow the log within this time.
SETTLED_MS: Final = 3_000
PATIENCE_MS: Final = 120_000


class Camera:
    """Takes pictures into a folder.

    Parameters
    ----------
    into : pathlib.Path
    """

    def __init__(self, into: Path) -> None:
        self._into = into
        into.mkdir(parents=True, exist_ok=True)

    def page(self, page: Page, name: str) -> None:
        """Take a page from its top, as far as it goes and at most `MOST_HEIGHT`."""
        page.mouse.move(0, 0)  # nothing is shown as pointed at
        width, bottom = page.evaluate(EXTENT)
        clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(bottom + MARGIN, MOST_HEIGHT)}
        page.screenshot(path=self._path(name), clip=clip, full_page=True, animations="disabled")
        self._told(name)

    def part(self, part: Locator, name: str) -> None:
        """Take one part of a page as far as it is on screen."""
        box, view = part.bounding_box(), part.page.viewport_size
        if box is None or view is None:
            raise RuntimeError(f"expected what {name} shows to be visible on {part.page.url}")
        clip: FloatRect = {**box, "height": min(box["height"], view["height"] - box["y"])}
        part.page.screenshot(path=self._path(name), clip=clip, animations="disabled")
        self._told(name)

    def view(self, page: Page, name: str) -> None:
        """Take what is on screen."""
        page.mouse.move(0, 0)
        page.screenshot(path=self._path(name), animations="disabled")
        self._told(name)

    def _path(self, name: str) -> Path:
        return self._into / f"{name}.png"

    def _told(self, name: str) -> None:
        print(f"{self._path(name)}: {self._path(name).stat().st_size / 1_000:.0f} kB", flush=True)
