"""The browser that tests drive: Debian's Chromium, which a newcomer's machine may lack."""

import shutil
from typing import Any

import pytest


def launch_options() -> dict[str, Any]:
    """Return what Playwright's `launch` needs; skips the test where there is no Chromium."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    return {"executable_path": executable, "args": ["--no-sandbox", "--disable-gpu"]}
