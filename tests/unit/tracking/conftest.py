import pytest

from tests.unit.tracking.pages import Page


@pytest.fixture
def page() -> Page:
    """Return what one rendered page gave to the browser."""
    return Page()
