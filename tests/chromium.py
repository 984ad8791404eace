"""The browser that tests drive: Debian's Chromium, which a newcomer's machine may lack."""

import shutil
from typing import Any

import pytest
from playwright import async_api, sync_api

from tests.patience import PATIENCE_S

for expect in (async_api.expect, sync_api.expect):
    expect.set_options(timeout=PATIENCE_S * 1_000)


def launch_options() -> dict[str, Any]:
    """Return what Playwright's `launch` needs; skips the test where there is no Chromium."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return {"executable_path": executable, "args": ["--no-sandbox", "--disable-gpu"]}
