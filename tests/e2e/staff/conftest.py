"""One site for the staff's pages, somebody who visited it, and a member of staff who may do everything."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from recsys.events import Click
from tests.e2e.running import RunningSite
from tests.e2e.staff.signing_in import PASSWORD, at_the_desk
from tests.e2e.test_the_way_of_a_click import for_you, open_card
from tests.patience import wait_until


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def visited(site: RunningSite, chromium: Browser) -> str:
    """Let somebody open Horror 0, 1 and 2; return their session once everything has counted it."""
    context = chromium.new_context(viewport={"width": 1_440, "height": 1_000}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(site.url)
    shelf = page.locator("[data-slate]", has=page.get_by_role("heading", name="Horror", exact=True))
    for number in range(3):
        open_card(page, shelf.locator(f'.slot[data-item="Horror-{number}"]'))
    session = str(for_you(page).get_attribute("data-session"))
    wait_until(lambda: len(site.events(Click, session)) == 3, "three clicks in the log")
    site.wait_until_learned(site.log.end())
    context.close()
    return session


@pytest.fixture
def desk(chromium: Browser, signed_in: str) -> Iterator[Page]:
    """A page of somebody who is signed in; nothing on it may fail."""
    context = at_the_desk(chromium, signed_in)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
