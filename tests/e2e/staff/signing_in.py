"""Somebody of the staff, who signed in before."""

import json
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext

PASSWORD: Final = "countess of lovelace"


def at_the_desk(chromium: Browser, signed_in: str, **options: Any) -> BrowserContext:
    """Return a browser of theirs, at a desk unless `options` say otherwise."""
    state = json.loads(signed_in)
    return chromium.new_context(**{"viewport": {"width": 1_440, "height": 900}, "storage_state": state, **options})
