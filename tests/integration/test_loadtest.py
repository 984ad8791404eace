"""The load test as a person uses it: a few seconds of it through the whole stack, and its refusal of other machines."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.learning import ROOT
from webapp.redis_server import free_port

FILMS = 60
FIGURES = {
    "scenario", "seconds", "sockets", "events_per_s", "ack_ms", "slate_ms", "fold_lag_ms_p99", "errors", "acknowledged",
    "logged_once", "rss_mb", "cpu_percent", "click_through",
}  # fmt: skip


def loadtest(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
    environment |= {"FRESHET_VAR": str(folder), "FRESHET_PORT": str(free_port()), **settings}
    command = [sys.executable, "-m", "loadtest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    films = [{"item": f"i{number}", "title": f"Film {number}", "categories": ["c"]} for number in range(FILMS)]
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(film)}\n" for film in films))
    return folder


@pytest.fixture(scope="module")
def report(own_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A few seconds of connections that are lost: the scenario in which most can go wrong."""
    folder = tmp_path_factory.mktemp("var")
    arguments = ["--scenario", "mobile", "--rate", "60", "--sockets", "15", "--duration-s", "8"]
    done = loadtest(folder, *arguments, FRESHET_DATASET=str(own_data))
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads((folder / "loadtest" / "report.json").read_text()), folder


def test_every_acknowledged_event_is_in_the_log_once(report: tuple[dict[str, Any], Path]):
    figures, _ = report
    assert figures["acknowledged"] == figures["logged_once"] > 100
    assert figures["conservation"] == {"lost": 0, "doubled": 0, "examples": []}


def test_report_has_its_figures_and_no_errors(report: tuple[dict[str, Any], Path]):
    figures, _ = report
    assert figures.keys() >= FIGURES
    assert figures["errors_by_kind"] == {}
    assert 20 < figures["events_per_s"] < 120
    assert figures["slate_ms"]["n"] > 10
    assert figures["ack_ms"]["p50"] <= figures["ack_ms"]["p95"] <= figures["ack_ms"]["p99"]
    assert figures["rss_mb"].keys() >= {"web", "worker", "beat", "redis", "generator"}
    assert sum(arm["slates"] for arm in figures["click_through"].values()) > 10


def test_lost_connections_came_back_and_sent_again(report: tuple[dict[str, Any], Path]):
    figures, folder = report
    sessions = (folder / "loadtest" / "acknowledged.jsonl").read_text().splitlines()
    assert len(sessions) >= 15
    assert sum(figures["outcomes"].values()) == figures["acknowledged"]


def test_page_says_what_the_figures_say(report: tuple[dict[str, Any], Path]):
    figures, folder = report
    page = (folder / "loadtest" / "report.html").read_text()
    assert f"All {figures['acknowledged']:,} acknowledged events are in the log, each exactly once." in page
    assert page.count("<figure>") == page.count("<figcaption>") == 8
    assert "<script" not in page


def test_another_machine_is_refused_before_anything_starts(tmp_path: Path):
    done = loadtest(tmp_path, "--host", "http://192.0.2.7:8000")
    assert done.returncode == 2
    assert "--allow-remote" in done.stderr
    assert not (tmp_path / "loadtest").exists()


def test_plain_locust_refuses_another_machine_too(tmp_path: Path):
    command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", "--headless"]
    command += ["--host", "http://192.0.2.7:8000", "--report-dir", str(tmp_path / "report")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--allow-remote" in done.stderr
