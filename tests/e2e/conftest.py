"""A browser, and sites to browse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.chromium import launch_options
from tests.e2e.running import ROOT, RunningSite


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for this folder; it must be gone before other tests run event loops of their own."""
    options = launch_options()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that was never here, wide enough for the panel beside the slate."""
    context = chromium.new_context(viewport={"width": 1_440, "height": 1_000}, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def page(visitor: BrowserContext) -> Iterator[Page]:
    page = visitor.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest.fixture(scope="package")
def movielens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    """MovieLens 100K with its whole history."""
    site = RunningSite(tmp_path_factory.mktemp("movielens"), "movielens", data=ROOT / "var" / "data")
    yield site
    site.stop()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[RunningSite]:
    """Thirty films of three genres, without history."""
    data = tmp_path / "own"
    data.mkdir()
    films = [
        {"item": f"{genre}-{number}", "title": f"{genre} {number}", "categories": [genre], "year": 1_990}
        for number in range(10)
        for genre in ("Western", "Horror", "Musical")
    ]
    (data / "items.jsonl").write_text("".join(f"{json.dumps(film)}\n" for film in films))
    site = RunningSite(tmp_path / "var", str(data))
    yield site
    site.stop()
