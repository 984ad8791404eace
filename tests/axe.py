"""What axe finds wrong with a page for people who can't see, point or tell colours apart."""

from pathlib import Path
from typing import Any, Final

import axe_playwright_python
from playwright.async_api import Page as AsyncPage
from playwright.sync_api import Page

_AXE: Final = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
_RUN: Final = "() => axe.run(document, {resultTypes: ['violations']})"


def violations(page: Page) -> list[str]:
    """Return a line for each element that breaks a rule; empty when all is well."""
    page.evaluate(_AXE)
    return _lines(page.evaluate(_RUN))


async def violations_async(page: AsyncPage) -> list[str]:
    """Return what `violations` does."""
    await page.evaluate(_AXE)
    return _lines(await page.evaluate(_RUN))


def _lines(found: dict[str, Any]) -> list[str]:
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found["violations"] for node in rule["nodes"]]
