"""The load test as a person uses it: a few seconds of it through the whole stack, and its refusal of other machines."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadtest.stack import stack_of
from recsys.log.archive import write_segment
from tests.faults.learning import ROOT
from tests.patience import PROCESS_PATIENCE_S, wait_until
from tests.unit.streams import stream
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


def test_where_the_scenario_has_bots_there_are_some(tmp_path: Path):
    # As Locust begins, in a process of its own: it changes sockets and threads everywhere.
    code = "from locust import argument_parser, events; from locust.env import Environment; "
    code += "from locust.util.load_locustfile import load_locustfile; "
    code += "users, _ = load_locustfile('loadtest/locustfile.py'); options = argument_parser.parse_options(); "
    code += "site = Environment(user_classes=[*users.values()], events=events, parsed_options=options); "
    code += "events.init.fire(environment=site, runner=None, web_ui=None); "
    code += "print(*sorted(user.__name__ for user in site.user_classes if user.weight))"
    command = [sys.executable, "-c", code, "--scenario", "bots", "--report-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1:] == ["Bot Visitor"], done.stderr


@pytest.fixture
def listening(tmp_path: Path, redis_server: str) -> Iterator[str]:
    """A process that listens as a web process does, and says nothing; its own environment names where its site is."""
    code = "import socket, time; at = socket.create_server(('127.0.0.1', 0)); "
    code += "print(at.getsockname()[1], flush=True); time.sleep(300)"
    site = {"FRESHET_VAR": str(tmp_path), "FRESHET_REDIS_URL": redis_server.removesuffix("0") + "9"}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | site, stdout=subprocess.PIPE, text=True
    ) as web:
        yield f"http://127.0.0.1:{web.stdout.readline().strip()}"
        web.kill()


def test_log_is_looked_for_where_the_site_keeps_it(tmp_path: Path, listening: str):
    (record, *_) = stream(seed=1, events=1)
    write_segment(tmp_path / "archive", [record])
    assert stack_of(listening).log().end() == record.offset


def test_generator_ends_with_the_command_that_is_told_to(tmp_path: Path, listening: str):
    environment = os.environ | {"FRESHET_VAR": str(tmp_path / "mine")}
    command = [sys.executable, "-m", "loadtest", "--host", listening, "--rate", "1"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as running:
        started = psutil.Process(running.pid)
        wait_until(lambda: len(started.children()) > 0, "the generator to start")
        generators = started.children()
        running.send_signal(signal.SIGTERM)
        assert running.wait(PROCESS_PATIENCE_S) == 128 + signal.SIGTERM
    assert len(generators) == 1
    assert not generators[0].is_running()


def test_generator_ends_though_the_command_is_told_to_while_it_starts_it(tmp_path: Path, listening: str):
    code = "import os, signal, subprocess, sys; from loadtest.__main__ import main; start = subprocess.Popen.__init__\n"
    code += "def told(self, *command, **options):\n"
    code += "    start(self, *command, **options); print(self.pid, flush=True); os.kill(os.getpid(), signal.SIGTERM)\n"
    code += "subprocess.Popen.__init__ = told; sys.exit(main())"
    environment = os.environ | {"FRESHET_VAR": str(tmp_path / "mine")}
    command = [sys.executable, "-c", code, "--host", listening, "--rate", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 128 + signal.SIGTERM
    assert not psutil.pid_exists(int(done.stdout))
