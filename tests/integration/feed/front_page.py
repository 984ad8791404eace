"""The front page in a browser."""

from playwright.async_api import FloatRect, Locator, Page


def for_you(page: Page) -> Locator:
    return page.locator("[data-surface=for_you]")


async def items(page: Page) -> list[str]:
    return await for_you(page).locator(".slot").evaluate_all("slots => slots.map((slot) => slot.dataset.item ?? '')")


def rounded(box: FloatRect | None) -> list[int]:
    """Return a box in whole pixels."""
    assert box is not None
    return [round(side) for side in (box["x"], box["y"], box["width"], box["height"])]
