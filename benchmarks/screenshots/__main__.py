"""Take all pictures: ``python -m benchmarks.screenshots [--into docs/tour] [--rate 200]``.

Starts the demo in a temporary folder, visits it as a person would, brings simulated visitors by the staff page's own
form, takes a picture of each page once they have left, and stops everything that it started; some ten minutes in all.
It lies beside the benchmarks because it drives the demo as they do. The visitor's way is the same each time; what the
pictures show was measured and logged there and then, and differs from run to run.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from benchmarks.running_demo import ROOT, RunningDemo, temporary_demo
from benchmarks.screenshots.camera import WIDE, Camera
from benchmarks.screenshots.desk import Desk
from benchmarks.screenshots.visitor import Visitor

LOAD_S: Final = 30
LOAD_RATE: Final = 40


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screenshots", description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "tour", help="folder of the pictures")
    parser.add_argument("--rate", type=int, default=200, help="simulated events a second")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that the demo is stopped then, too
    with _chromium() as browser, temporary_demo("freshet-tour-") as demo:
        camera = Camera(arguments.into)
        desk, visitor = Desk(browser, demo, camera), Visitor(browser, demo.url, camera)
        visitor.visit()
        visitor.send_what_cannot_be_read()
        desk.bring_visitors(arguments.rate)
        desk.watch_them()
        desk.look_around(visitor.session)
        _load_report(browser, demo, camera)


@contextmanager
def _chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("make screenshots needs Chromium, which was not found on the PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])


def _load_report(browser: Browser, demo: RunningDemo, camera: Camera) -> None:
    """Load the same site for half a minute, and take the report."""
    with tempfile.TemporaryDirectory(prefix="freshet-tour-load-") as folder:
        load = ["--rate", str(LOAD_RATE), "--duration-s", str(LOAD_S), "--report-dir", folder]
        command = [sys.executable, "-m", "loadtest", "--host", demo.url, *load]
        environment = os.environ | {"FRESHET_VAR": str(demo.folder)}
        subprocess.run(command, check=True, cwd=ROOT, env=environment)
        page = browser.new_page(viewport=WIDE)
        page.goto((Path(folder) / "report.html").as_uri())
        camera.page(page, "load-test")


if __name__ == "__main__":
    main()
